"""What is shown over a word: its declaration, its comment, and what is proved of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..semantics.terms import Dimension
from ..syntax import tree
from ..syntax.source import Span
from . import facts, lexicon
from .names import Declaration, Occurrence
from .reading import Reading

LONGEST = 400


@dataclass(frozen=True, slots=True)
class Hover:
    """Markdown, and the word that it is about."""

    text: str
    span: Span


def hover(reading: Reading, offset: int) -> Hover | None:
    """What to show at a place; None where there is nothing to say."""
    found = reading.names.at(offset)
    if found is not None:
        text = _declared(found.declaration, reading) if found.declaration else _known(found)
        return Hover(text, found.span) if text else None
    return _word(reading, offset)


def _word(reading: Reading, offset: int) -> Hover | None:
    """A word of the language."""
    for piece in reading.pieces:
        for token in piece.stretch.tokens:
            if token.start <= offset <= token.end and token.kind == "word":
                said = lexicon.told(token.text)
                if said is not None:
                    return Hover(_block(*said), piece.stretch.span(token))
    return None


def _known(found: Occurrence) -> str:
    """A name that the language knows, by its role."""
    name = found.span.text
    match found.role:
        case "type" | "function" | "constant" | "setting" | "unknown":
            said = lexicon.told(name)
        case "network":
            said = lexicon.network(name)
        case "generator":
            said = lexicon.generator(name)
        case "density":
            written = lexicon.density(name)
            said = None if written is None else (written, "a distribution, as NumPyro has it")
        case _:
            said = None
    return "" if said is None else _block(*said)


def _block(code: str, *paragraphs: str) -> str:
    """Code on top, then paragraphs of Markdown."""
    fenced = f"```ebm\n{code}\n```"
    return "\n\n".join([fenced, *(text for text in paragraphs if text)])


def _declared(declaration: Declaration, reading: Reading) -> str:
    name = declaration.name
    match declaration.kind:
        case "index":
            return _index(declaration, reading)
        case "parameter":
            return _block(name, f"a value that `{_owner(declaration)}` takes")
        case "dimension":
            return _block(_written(declaration), _doc(declaration, reading), _size(name, reading))
        case "given" | "visible" | "latent" | "param":
            return _array(declaration, reading)
        case "let":
            inferred = facts.inferred_type(name, reading)
            says = f"of type `{inferred}`" if inferred else ""
            return _block(_written(declaration), _doc(declaration, reading), says)
        case "import":
            return _block(_written(declaration), _size(name, reading))
        case _:
            return _block(_written(declaration), _doc(declaration, reading))


def _owner(declaration: Declaration) -> str:
    words = declaration.whole.text.split("(")[0].split()
    return words[1] if len(words) > 1 else "the function"


def _index(declaration: Declaration, reading: Reading) -> str:
    found = facts.ranges_at(declaration.span.start, reading)
    if not found or "" in found:
        return _block(declaration.name, "an index")
    over = " or ".join(f"`{text}`" for text in found)
    return _block(f"{declaration.name} in {found[0]}", f"an index: {over}")


def _array(declaration: Declaration, reading: Reading) -> str:
    proved = facts.facts_of(declaration.name, reading)
    listed = "\n".join(f"- {' — '.join(_columns(row))}" for row in proved)
    shape = _shape(declaration, reading)
    return _block(_written(declaration), _doc(declaration, reading), shape, listed)


def _columns(row: str) -> list[str]:
    return [part.strip() for part in row.split("   ") if part.strip()]


def _shape(declaration: Declaration, reading: Reading) -> str:
    """The dimensions of an array and how long they are."""
    symbol = reading.symbols.get(declaration.name)
    if symbol is None:
        return ""
    dims = {d.name: d for d in symbol.dims if isinstance(d, Dimension)}
    if symbol.domain.labels is not None:
        dims[symbol.domain.labels.name] = symbol.domain.labels
    lines = [f"- `{n}`: {facts.dimension_text(d)}" for n, d in dims.items()]
    return "\n".join(lines)


def _size(name: str, reading: Reading) -> str:
    program = reading.sound
    dim = program.dims.get(name) if program else None
    return facts.dimension_text(dim) if dim else ""


def _written(declaration: Declaration) -> str:
    """The declaration as it stands, comments left out, with the keyword for an item of a `dim`."""
    lines = (line.partition("#")[0].strip() for line in declaration.whole.text.splitlines())
    text = " ".join(" ".join(line.split()) for line in lines if line)
    text = f"dim {text}" if isinstance(declaration.node, tree.DimItem) else text
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _doc(declaration: Declaration, reading: Reading) -> str:
    """The `##` comment of a declaration."""
    node = declaration.node
    if isinstance(node, tree.DimItem):
        owners = (p.statement for p in reading.pieces if isinstance(p.statement, tree.Dim))
        return next((owner.doc for owner in owners if node in owner.items), "")
    if node is None or isinstance(node, tree.Import | tree.IndexHead):
        return ""
    return node.doc
