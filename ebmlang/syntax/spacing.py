"""The tokens of one statement, with the space that stands before each and where lines may break.

The formatter changes nothing but white space, so this is all that it has to know of the language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .statements import Token
from .words import REDUCERS, RESERVED, ROLES

LINE = 88
INDENT = 4

_SPACED = frozenset(("+", "-", "*", "/", "@", "<", ">", "<=", ">=", "==", "!=", "->", "~"))
_COLUMNS = {":": ":", "init": "init", "~": "~", "=": "="}
_NAMED_COLUMN = frozenset(("visible", "latent", "given"))
_BRANCHES = frozenset(("then", "else", "and", "or"))


@dataclass(frozen=True, slots=True)
class Atom:
    """A token as it is printed.

    `gap`: spaces before it, unless it begins a line. `rank`: a line may break before it, the
    sooner the lower; None: never. `column`: the column that it begins, "" for none.
    """

    text: str
    start: int
    end: int
    gap: int
    rank: int | None
    column: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A bracket in force: its sign, and whether operators inside stand close to their operands."""

    sign: str
    close: bool


def atoms_of(tokens: Sequence[Token]) -> list[Atom]:
    """Every token of a statement that parses, spaced."""
    keyword = tokens[0].text
    typed = keyword in ROLES or keyword == "net"
    tight = _operators_of_intervals(tokens)
    places = [_Place("", False)]
    parts: list[str] = []
    atoms = []
    in_type = False
    for k, token in enumerate(tokens):
        outside = len(places) == 1
        if outside and token.text in _COLUMNS:
            in_type = typed and token.text == ":"
        part = _part(tokens, k, places[-1], in_type, k in tight)
        if part == "close" and len(places) > 1:
            places.pop()
        gap = int(bool(parts) and _has_space(parts[-1], part, tokens[k - 1], token))
        rank = _rank(tokens, k, parts, part, places)
        column = _column(keyword, k, token) if outside else ""
        atoms.append(Atom(token.text, token.start, token.end, gap, rank, column))
        if part == "open":
            close = _stands_close(tokens, k, places[-1])
            places.append(_Place(token.text, close))
        parts.append(part)
    return atoms


def _column(keyword: str, k: int, token: Token) -> str:
    if k == 1 and keyword in _NAMED_COLUMN:
        return "name"
    return _COLUMNS.get(token.text, "") if keyword != "dim" else ""


def _stands_close(tokens: Sequence[Token], k: int, around: _Place) -> bool:
    """Whether operators in the bracket that token k opens have no spaces: in subscripts."""
    match tokens[k].text:
        case "[":
            return tokens[k - 1].text != "="
        case "(":
            return around.close and not _is_called(tokens[k - 1])
        case _:
            return False


def _is_called(token: Token) -> bool:
    return token.kind == "word" and (token.text not in RESERVED or token.text in REDUCERS)


def _part(tokens: Sequence[Token], k: int, place: _Place, in_type: bool, tight: bool) -> str:
    """What a token does to the space around it: open, close, comma, tight, sign, spaced, word."""
    text = tokens[k].text
    if tokens[k].kind != "sign":
        return "word"
    if text in "([" or (text == "<" and in_type and place.sign == ""):
        return "open"
    if text in ")]" or (text == ">" and place.sign == "<"):
        return "close"
    if text == ",":
        return "comma"
    if text == "-" and not _ends_operand(tokens[k - 1]):
        return "sign"
    if text in ("^", "..") or (text in ":=" and place.sign != ""):
        return "tight"
    if text in _SPACED and (place.close or tight):
        return "tight"
    return "spaced"


def _ends_operand(token: Token) -> bool:
    match token.kind:
        case "word":
            return token.text not in RESERVED
        case "sign":
            return token.text in ")]"
        case _:
            return True


def _has_space(before: str, part: str, last: Token, token: Token) -> bool:
    """Whether a space stands between a token and the last one."""
    if before in ("open", "tight", "sign"):
        return False
    match part:
        case "close" | "comma":
            return False
        case "tight":
            return before == "comma"
        case "open":
            return token.text == "(" and not _is_called(last)
        case _:
            return True


def _rank(
    tokens: Sequence[Token], k: int, parts: Sequence[str], part: str, places: Sequence[_Place]
) -> int | None:
    """How gladly a line breaks before token k; outer brackets before inner ones."""
    if k == 0:
        return None
    text = tokens[k].text
    base = 4 * (len(places) - 1)
    if parts[-1] == "comma":
        return base + 2
    if part == "spaced" and text in "+-":
        return base
    if len(places) == 1 and k > 2 and text in ("init", "~", "->"):
        return base
    if text in _BRANCHES:
        return base + 1
    body = parts[-1] == "close" and part in ("word", "open") and tokens[k].text != "["
    if body or (part == "spaced" and text in _SPACED):
        return base + 3
    return None


def _operators_of_intervals(tokens: Sequence[Token]) -> set[int]:
    """Operators beside a `..`, in the same bracket: they stand close, as in `0..row-1`."""
    found: set[int] = set()
    for k, token in enumerate(tokens):
        if token.text == "..":
            found.update(_reach(tokens, k, -1))
            found.update(_reach(tokens, k, 1))
    return found


def _reach(tokens: Sequence[Token], k: int, step: int) -> list[int]:
    inner, outer = (")]", "([") if step < 0 else ("([", ")]")
    reached = []
    depth = 0
    k += step
    while 0 <= k < len(tokens):
        text = tokens[k].text
        if depth == 0 and (text in outer or text in (",", "in", "=")):
            break
        depth += (text in inner) - (text in outer)
        if depth == 0:
            reached.append(k)
        k += step
    return reached


def fill(atoms: Sequence[Atom], indent: int) -> list[str]:
    """The atoms on as few lines as hold them; every line but the first is indented by four.

    `indent` is that of the first line.
    """
    lines = []
    begin = 0
    while begin < len(atoms):
        end = _line_end(atoms, begin, LINE - indent)
        first, *rest = atoms[begin:end]
        text = first.text + "".join(" " * atom.gap + atom.text for atom in rest)
        lines.append(" " * indent + text)
        begin, indent = end, INDENT
    return lines


def _line_end(atoms: Sequence[Atom], begin: int, room: int) -> int:
    """Where the line that begins with an atom ends: at the best break that fits."""
    used = len(atoms[begin].text)
    best: tuple[int, int] | None = None
    for k in range(begin + 1, len(atoms)):
        atom = atoms[k]
        if atom.rank is not None and used <= room and (best is None or atom.rank <= best[0]):
            best = (atom.rank, k)
        used += atom.gap + len(atom.text)
        if used > room and best is not None:
            return best[1]
        if used > room and atom.rank is not None:
            return k
    return len(atoms)


def width(atoms: Sequence[Atom]) -> int:
    """Characters of the atoms on one line."""
    gaps = sum(atom.gap for _, atom in pairwise(atoms))
    return gaps + sum(len(atom.text) for atom in atoms)
