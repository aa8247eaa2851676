"""The colours of .ebm programs for Pygments, and so for Sphinx, LaTeX and notebooks.

The rules are those of the terminals in `grammar/ebm.lark`, and the words those of `syntax/words.py`.
Types are words of their own only where a type stands: behind `:` or `->`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

from ..syntax.words import CONNECTIVES, KEYWORDS, REDUCERS, TYPES

_LOGIC = ("in", "and", "or", "not")
_TYPE = "|".join(TYPES)


class EbmLexer(RegexLexer):
    """Programs of the .ebm language."""

    name = "ebm"
    aliases: ClassVar[Sequence[str]] = ["ebm", "ebmlang"]
    filenames: ClassVar[Sequence[str]] = ["*.ebm"]
    mimetypes: ClassVar[Sequence[str]] = ["text/x-ebm"]

    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"##[^\n]*", Comment.Special),
            (r"#[^\n]*", Comment.Single),
            (r'"[^"\n]*"', String.Double),
            (rf"(:|->)(\s*)({_TYPE})\b", bygroups(Operator, Whitespace, Keyword.Type)),
            (words(KEYWORDS, suffix=r"\b"), Keyword.Declaration),
            (words(REDUCERS, suffix=r"\b"), Name.Builtin),
            (words(_LOGIC, suffix=r"\b"), Operator.Word),
            (words([w for w in CONNECTIVES if w not in _LOGIC], suffix=r"\b"), Keyword),
            (r"[^\W\d]\w*", Name),
            (r"\d+(\.\d+)?([eE][+-]?\d+)?", Number),
            (r"<=|>=|==|!=|\.\.|->|[-+*/^@=~<>:]", Operator),
            (r"[()\[\],]", Punctuation),
        ]
    }
