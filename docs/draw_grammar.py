"""The grammar as a page: EBNF drawn from grammar/ebm.lark, each rule with an anchor and links.

`page()` gives the text of docs/grammar.md. `docs/generate.py` writes it; a test compares the two.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from pathlib import Path

GRAMMAR = Path(__file__).parent.parent / "grammar" / "ebm.lark"

HEAD = """# Grammar

Drawn from [grammar/ebm.lark](../grammar/ebm.lark) by `python docs/generate.py`; a test compares the
two. What the rules mean is told in the [language reference](language.md).

How to read it: `a | b` is a choice, `[a]` and `a?` may be left out, `a*` is any number of them and `a+` at
least one, words between quotes stand as they are, `/…/` is a regular expression. Names in capitals
are single words or signs. White space and comments may stand between any two.
"""

_SECTION = re.compile(r"// -{3,} (?P<title>.+)")
_RULE = re.compile(r"[?!]?(?P<name>[A-Za-z_]\w*)\s*:\s*(?P<body>.*)")
_ALIAS = re.compile(r"\s*->\s*\w+\s*$")
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)+/|[A-Za-z_]\w*|\s+|.')


@dataclass
class Rule:
    """One rule: its name, its alternatives, and the comment above it."""

    name: str
    alternatives: list[str]
    says: list[str] = field(default_factory=list)


@dataclass
class Section:
    """The rules under one heading of the grammar."""

    title: str
    rules: list[Rule] = field(default_factory=list)


def read_rules(text: str) -> list[Section]:
    """The rules of a Lark grammar in order; directives are left out."""
    sections = [Section("a file")]
    says: list[str] = []
    for line in text.splitlines():
        heading, rule = _SECTION.match(line), _RULE.match(line)
        if heading:
            sections.append(Section(heading["title"].strip()))
            says = []
        elif line.startswith("//"):
            says.append(line[2:].removeprefix(" "))
        elif line.startswith("%"):
            says = []
        elif not line.strip():
            # A comment with an empty line after it is about the file, not about a rule.
            says = []
        elif rule:
            alternatives = [_ALIAS.sub("", a) for a in _split(rule["body"])]
            sections[-1].rules.append(Rule(rule["name"], alternatives, says))
            says = []
        else:
            more = [_ALIAS.sub("", a) for a in _split(line.strip().removeprefix("|"))]
            sections[-1].rules[-1].alternatives += more
    return [section for section in sections if section.rules]


def _split(body: str) -> list[str]:
    """The alternatives of a body: cut at `|` outside brackets, quotes and regular expressions."""
    parts, depth = [""], 0
    for piece in _PIECE.findall(body):
        depth += (piece in "([") - (piece in ")]") if len(piece) == 1 else 0
        if piece == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts]


def page(text: str | None = None) -> str:
    """The whole page."""
    sections = read_rules(GRAMMAR.read_text() if text is None else text)
    names = {rule.name for section in sections for rule in section.rules}
    lines = [HEAD]
    for section in sections:
        title = section.title[0].upper() + section.title[1:]
        lines += [f"## {title}", "", "<pre>"]
        for k, rule in enumerate(section.rules):
            lines += [""] * (k > 0 and bool(rule.says or section.rules[k - 1].says))
            lines += [f"<i>{html.escape(says, quote=False)}</i>" for says in rule.says]
            lines += _drawn(rule, names)
        lines += ["</pre>", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _drawn(rule: Rule, names: set[str]) -> list[str]:
    """`name ::= first` and each further alternative on a line of its own."""
    shown = rule.name.rstrip("_")
    lead = f'<a name="rule-{rule.name}"></a><b>{shown}</b> ::= '
    width = len(shown) + 3
    first, *rest = [_linked(alternative, names) for alternative in rule.alternatives]
    if sum(len(a) for a in rule.alternatives) + 3 * len(rest) <= 60:
        return [lead + " | ".join([first, *rest])]
    return [lead + first, *(f"{' ' * width}| {alternative}" for alternative in rest)]


def _linked(alternative: str, names: set[str]) -> str:
    out = ""
    for piece in _PIECE.findall(alternative):
        text = html.escape(piece.rstrip("_") if piece in names else piece, quote=False)
        out += f'<a href="#rule-{piece}">{text}</a>' if piece in names else text
    return out
