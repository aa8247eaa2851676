"""Habits of LaTeX, Python, Stan and R: what they look like here, and how it is written instead.

The grammar stops at the same place for many of them, so the text around the place decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .breakdown import Breakdown
from .diagnostics import Diagnostic, Mark
from .statements import Token
from .strays import spell_out
from .words import LATEX, MODULES, REDUCERS, RESERVED, ROLES, TYPES, WORDS_MEANT

LONGEST_HELP = 88

_ALL = "|".join(REDUCERS)
_SUM_SIGNS = {"Σ": "sum", "∑": "sum", "Π": "prod", "∏": "prod"}
_BELOW = re.compile(rf"(?<!\w)({_ALL}|[{''.join(_SUM_SIGNS)}])(?:_\{{?(\w+?)\}}?(?=\W)|(?=\())")
_COMPREHENSION = re.compile(rf"\b({_ALL})\(\[?(.+) for (\w+|\(.+?\)) in (.+?)\]?\)\s*$")


@dataclass(frozen=True, slots=True)
class Recognised:
    """What is said of a habit, and the token that shows it; the first paste that parses is given.

    `otherwise` is a help in prose, for where none parses.
    """

    says: str
    token: Token
    pastes: tuple[str, ...] = ()
    otherwise: str = ""


def habit(breakdown: Breakdown, parses: Callable[[str], bool]) -> Diagnostic | None:
    """What is said if the text around the place is written as in another language."""
    for recognise in _HABITS:
        found = recognise(breakdown)
        if found is None:
            continue
        pastes = (re.sub(r" {2,}", " ", paste).strip() for paste in found.pastes)
        help = next((p for p in pastes if len(p) <= LONGEST_HELP and parses(p)), found.otherwise)
        mark = Mark(breakdown.stretch.span(found.token))
        return Diagnostic("E101", found.says, (mark,), helps=(help,) if help else ())
    return None


def _text(breakdown: Breakdown, begin: int = 0, end: int | None = None) -> str:
    return spell_out(breakdown.stretch, begin, end)


def _next(breakdown: Breakdown, steps: int = 1) -> str:
    tokens, k = breakdown.stretch.tokens, breakdown.at + steps
    return tokens[k].text if 0 <= k < len(tokens) else ""


def _in_reduction(breakdown: Breakdown) -> bool:
    opener = breakdown.opener
    return bool(opener) and breakdown.stretch.tokens[opener - 1].text in REDUCERS


def _comment(breakdown: Breakdown) -> Recognised | None:
    token = breakdown.token
    if token is None or not token.fresh:
        return None
    doubled = {"-": "-", "/": "*"}.get(token.text)
    if token.text in ("//", "%", '""') or (doubled and _next(breakdown) == doubled):
        line = breakdown.stretch.source.text[token.start :].split("\n")[0]
        return Recognised("comments begin with `#`", token, otherwise="# " + line.strip(' /%*-"'))
    return None


def _latex(breakdown: Breakdown) -> Recognised | None:
    token, word = breakdown.token, _next(breakdown)
    if token is None or token.text != "\\":
        return None
    command = word.split("_")[0]
    written = {"frac": "a / b", "sum": "sum(i) …", "prod": "prod(i) …"}.get(command)
    written = written or LATEX.get(command, command)
    says = f"`\\{command}` is LaTeX, and is written `{written}` here"
    if not written:
        says = f"`\\{command}` is LaTeX, and is left out here"
    text = _text(breakdown)
    return Recognised(says, token, (_plain(text, "({}) / ({})"), _plain(text, "({}) / ({}) *")))


def _plain(text: str, fraction: str) -> str:
    """A text without LaTeX's commands and curly brackets."""
    text = re.sub(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", fraction.format(r"\1", r"\2"), text)
    text = re.sub(r"(?<!\w)\((\w+)\) / \((\w+)\)", r"\1 / \2", text)
    text = re.sub(r"\\(sum|prod)_(?:\{(\w+)\}|(\w))\s*", r"\1(\2\3) ", text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda m: LATEX.get(m[1], m[1]), text)
    text = re.sub(r"\b([^\W_]+)_(?:\{([^{}]+)\}|(\w))(?!\w)", r"\1[\2\3]", text)
    return re.sub(r"\^\{([^{}]+)\}", r"^(\1)", text)


def _curly(breakdown: Breakdown) -> Recognised | None:
    """`x_{i}` and `x^{2}`."""
    token, before = breakdown.token, breakdown.before
    if token is None or before is None or token.text != "{":
        return None
    if before.text != "^" and not before.text.endswith("_"):
        return None
    says = "subscripts stand in square brackets, and powers in round ones"
    return Recognised(says, token, (_plain(_text(breakdown), "({}) / ({})"),))


def _dotted(breakdown: Breakdown) -> Recognised | None:
    token, before, name = breakdown.token, breakdown.before, _next(breakdown)
    if token is None or token.text != "." or before is None or not name.isidentifier():
        return None
    text = _text(breakdown).replace("**", "^")
    if before.text in MODULES:
        says = f"functions stand without their module: `{name}`, not `{before.text}.{name}`"
        return Recognised(says, before, (re.sub(rf"\b(?:{'|'.join(MODULES)})\.(?=\w)", "", text),))
    if name == "T":
        says = "there is no transpose: `@` joins dimensions by their names"
        return Recognised(says, token, (text.replace(".T", ""),))
    says = f"there are no methods: a function stands before its argument, {name}(…)"
    base = r"(\w+(?:\[[^\[\]]*\])?)"
    return Recognised(
        says,
        token,
        (
            re.sub(rf"{base}\.dot\(([^()]*)\)", r"\1 @ \2", text),
            re.sub(rf"{base}\.(\w+)\(\)", r"\2(\1)", text),
        ),
        otherwise="write `sum(s)`, not `s.sum()`",
    )


def _loop(breakdown: Breakdown) -> Recognised | None:
    token = breakdown.token
    if token is None or token.text != "for":
        return None
    says = "there are no loops: what a sum runs over stands in its brackets"
    text = _text(breakdown).replace("**", "^")
    match = _COMPREHENSION.search(text)
    pastes = ()
    if match:
        reducer, body, index, over = match.groups()
        over = re.sub(r"^range\((?:([^,()]+), *)?([^,()]+)\)$", r"\1..\2", over)
        over = f"0{over}" if over.startswith("..") else over
        body = body if re.fullmatch(r"[\w\[\], ^*]+", body) else f"({body})"
        pastes = (f"{text[: match.start()]}{reducer}({index} in {over}) {body}",)
    return Recognised(says, token, pastes, otherwise="sum(i in site) x[i]")


def _below(breakdown: Breakdown) -> Recognised | None:
    """`sum_i x[i]`, `Σ_i x[i]`, `Σ(i) x[i]`."""
    for token in breakdown.stretch.tokens[: breakdown.at + 1]:
        text = breakdown.stretch.source.text[token.start :]
        match = _BELOW.match(text)
        if match and (match[2] or match[1] in _SUM_SIGNS):
            reducer = _SUM_SIGNS.get(match[1], match[1])
            written = f"{reducer}({match[2]})" if match[2] else reducer
            says = f"`{match[0]}` is written `{written}` here"
            paste = _BELOW.sub(_bracketed, _text(breakdown))
            return Recognised(says, token, (paste,), otherwise=f"{reducer}(i) x[i]")
    return None


def _bracketed(match: re.Match[str]) -> str:
    reducer = _SUM_SIGNS.get(match[1], match[1])
    return f"{reducer}({match[2]})" if match[2] else reducer


def _word_meant(breakdown: Breakdown) -> Recognised | None:
    token = breakdown.token
    meant = WORDS_MEANT.get(token.text) if token is not None else None
    if token is None or meant is None:
        return None
    pastes = (f"{_text(breakdown, 0, breakdown.at)} {meant} {_text(breakdown, breakdown.at + 1)}",)
    return Recognised(f"`{token.text}` is written `{meant}` here", token, pastes)


def _condition(breakdown: Breakdown) -> Recognised | None:
    token = breakdown.token
    if token is None or not _in_reduction(breakdown):
        return None
    head, tail = _text(breakdown, 0, breakdown.at), _text(breakdown, breakdown.at + 1)
    if token.text == "/=":
        return Recognised("unequal is written `!=`", token, (f"{head} != {tail}",))
    if token.text in ("|", "if", "where", "with", "when"):
        says = "a condition stands in the brackets of a sum, behind a comma"
        return Recognised(says, token, (f"{head}, {tail}",))
    return None


def _named_bounds(breakdown: Breakdown) -> Recognised | None:
    before = breakdown.before
    if (
        before is None
        or before.text not in ("lower", "upper", "min", "max")
        or "<" not in _text(breakdown, 0, breakdown.at)
    ):
        return None
    text = _text(breakdown)
    end = r"([^,<>]+)"
    lower = r"(?:lower|min)\s*=\s*"
    upper = r"(?:upper|max)\s*=\s*"
    text = re.sub(rf"<\s*{lower}{end},\s*{upper}{end}>", r"<\1, \2>", text)
    text = re.sub(rf"<\s*{lower}{end}>", r"<\1, inf>", text)
    text = re.sub(rf"<\s*{upper}{end}>", r"<-inf, \1>", text)
    says = "bounds stand without names, the lower one first: real<0, inf>"
    return Recognised(says, before, (text,))


def _energy_of(breakdown: Breakdown) -> Recognised | None:
    """`energy E(x) = …`."""
    tokens = breakdown.stretch.tokens
    match = re.match(r"energy( \w+)? ?\([\w, ]*\) ?=(.*)", _text(breakdown), re.S)
    if match is None or tokens[0].text != "energy":
        return None
    opener = next(token for token in tokens if token.text == "(")
    name = f" {match[1].strip()}" if match[1] else ""
    says = "an energy has no arguments: it reads the variables by their names"
    return Recognised(says, opener, (f"energy{name} = {match[2].strip()}",))


def _density_as_type(breakdown: Breakdown) -> Recognised | None:
    tokens = breakdown.stretch.tokens
    texts = [token.text for token in tokens[:5]]
    if len(texts) < 5 or texts[0] not in ROLES or texts[2] != ":" or texts[4] != "(":
        return None
    if texts[3] in TYPES or breakdown.at < 5:
        return None
    says = f"`{texts[3]}` is no type; a density stands behind the type and a `~`"
    return Recognised(says, tokens[3], (f"{texts[0]} {texts[1]} : real ~ {_text(breakdown, 3)}",))


def _word_as_argument(breakdown: Breakdown) -> Recognised | None:
    """`normal(mean=0, std=1)`: `mean` is a word of the language."""
    token, before, opener = breakdown.token, breakdown.before, breakdown.opener
    if token is None or before is None or not opener or token.text != "=":
        return None
    called = breakdown.stretch.tokens[opener - 1]
    if before.text not in REDUCERS or called.text in RESERVED or called.kind != "word":
        return None
    inside = re.sub(r"\b\w+\s*=\s*", "", _text(breakdown, opener + 1))
    says = f"`{called.text}` has no `{before.text}`: its numbers stand in their order"
    return Recognised(says, before, (f"{_text(breakdown, 0, opener + 1)}{inside}",))


def _transposed(breakdown: Breakdown) -> Recognised | None:
    before = breakdown.before
    if before is None or before.text != "T" or _next(breakdown, -2) != "^":
        return None
    says = "there is no transpose: `@` joins dimensions by their names"
    text = re.sub(r"(\w+) ?\^ ?T (\w+) (\w+)", r"\1 @ \2 @ \3", _text(breakdown))
    return Recognised(says, before, (text, re.sub(r" ?\^ ?T (?=\w)", " @ ", _text(breakdown))))


def _function(breakdown: Breakdown) -> Recognised | None:
    before = breakdown.before
    head, tail = _text(breakdown, 0, breakdown.at - 1), _text(breakdown, breakdown.at)
    if before is not None and before.text == "return":
        return Recognised("a function has no `return`", before, (f"{head} {tail}",))
    if before is not None and before.text == "lambda":
        says = "functions are defined with `fn`, each with a name"
        match = re.search(r"(\w+) = lambda ([\w, ]+): (.+)", _text(breakdown), re.S)
        paste = f"fn {match[1]}({match[2]}) = {match[3]}" if match else ""
        return Recognised(says, before, (paste,), otherwise="fn f(a) = a^2")
    if before is not None and before.text in ("zeros", "ones") and _next(breakdown, -2) == "init":
        number = "0" if before.text == "zeros" else "1"
        says = f"`init {number}` starts every entry at {number}"
        return Recognised(says, before, (f"{head} {number} {tail}",))
    return None


def _square(breakdown: Breakdown) -> Recognised | None:
    """`sum[i] x[i]`."""
    token, before = breakdown.token, breakdown.before
    if token is None or before is None or token.text != "[" or before.text not in REDUCERS:
        return None
    head, tail = _text(breakdown, 0, breakdown.at), _text(breakdown, breakdown.at + 1)
    says = f"what `{before.text}` runs over stands in round brackets"
    paste = f"{head}({tail.replace(']', ')', 1)}"
    return Recognised(says, token, (paste,), otherwise=f"{before.text}(i, j) x[i, j]")


def _over(breakdown: Breakdown) -> Recognised | None:
    """`sum over i x[i]`."""
    token, before = breakdown.token, breakdown.before
    if token is None or before is None or before.text not in REDUCERS or token.text != "over":
        return None
    head, tail = _text(breakdown, 0, breakdown.at), _text(breakdown, breakdown.at + 2)
    says = f"what `{before.text}` runs over stands in brackets"
    paste = f"{head}({_next(breakdown)}) {tail}"
    return Recognised(says, token, (paste,), otherwise=f"{before.text}(i, j) x[i, j]")


def _bars(breakdown: Breakdown) -> Recognised | None:
    """`|x|` and `||x||`."""
    token, before = breakdown.token, breakdown.before
    if token is None or before is None or token.text not in ("|", "||"):
        return None
    if before.kind in ("word", "number") or before.text in (")", "]"):
        return None
    text = re.sub(r"\|\|([^|]+)\|\|", r"norm(\1)", _text(breakdown))
    text = re.sub(r"\|([^|]+)\|", r"abs(\1)", text)
    if token.text == "||":
        says = "the length of an array is written `norm(…)`"
        return Recognised(says, token, (text,), otherwise="norm(x)")
    return Recognised("absolute values are written `abs(…)`", token, (text,), otherwise="abs(x)")


def _pair(breakdown: Breakdown) -> Recognised | None:
    """`sum(<i, j>) …`."""
    token = breakdown.token
    if token is None or token.text != "<" or not _in_reduction(breakdown):
        return None
    graph = re.search(r"\bgraph\s+(\w+)\s+on\b", breakdown.stretch.source.text)
    edges = rf"((\1, \2) in {graph[1] if graph else 'bonds'})"
    text = re.sub(r"\(< ?(\w+), ?(\w+) ?>\)", edges, _text(breakdown))
    says = "an edge is a pair in round brackets"
    return Recognised(says, token, (text,), otherwise="sum((i, j) in bonds)")


def _layers(breakdown: Breakdown) -> Recognised | None:
    """`mlp([8, 8])`."""
    token, first = breakdown.token, breakdown.stretch.tokens[0]
    if token is None or token.text != "[" or first.text != "net" or breakdown.opener is None:
        return None
    text = re.sub(r"\(\[([^\[\]]*)\]", r"(\1", _text(breakdown))
    says = "the sizes of layers stand without square brackets"
    return Recognised(says, token, (text,), otherwise="= mlp(64, 64)")


def _brackets_of_name(breakdown: Breakdown) -> Recognised | None:
    """`visible v[pixel] : binary`."""
    token = breakdown.token
    match = re.match(
        r"(\w+ \w+) ?(\[[^]]*\]) ?: ?(\w+(?:<[^>]*>|\([^)]*\))?)(.*)", _text(breakdown)
    )
    if token is None or match is None or token.text != "[" or breakdown.at != 2:
        return None
    if breakdown.stretch.tokens[0].text not in ROLES:
        return None
    says = "the type stands behind a `:`, not in the brackets of the name"
    otherwise = f"{match[1]} : real[…]"
    paste = f"{match[1]} : {match[3]}{match[2]}{match[4]}"
    return Recognised(says, token, (paste,), otherwise=otherwise)


def _comma(breakdown: Breakdown) -> Recognised | None:
    """`W[i j]`, `max(x 0)`, `sum(i j) …`."""
    token, before, opener = breakdown.token, breakdown.before, breakdown.opener
    kinds = ("word", "number")
    if token is None or before is None or opener is None:
        return None
    if token.kind not in kinds or before.kind not in kinds or {token.text, before.text} & RESERVED:
        return None
    calls = opener > 0 and breakdown.stretch.tokens[opener - 1].kind == "word"
    if _in_reduction(breakdown) and _next(breakdown) not in (")", ","):
        return None
    if before.kind == "number" or not calls:
        return None
    paste = f"{_text(breakdown, 0, breakdown.at)}, {_text(breakdown, breakdown.at)}"
    says = f"a comma or an operator is missing between `{before.text}` and `{token.text}`"
    return Recognised(says, token, (paste,))


_HABITS: tuple[Callable[[Breakdown], Recognised | None], ...] = (
    _comment, _latex, _curly, _dotted, _loop, _below, _word_meant, _condition, _named_bounds,
    _energy_of, _density_as_type, _word_as_argument, _transposed, _function, _over, _square,
    _bars, _pair, _layers, _brackets_of_name, _comma,
)  # fmt: skip
