"""The pages of docs/api: every public name, where it stands in the code, what its docstring says first.

What is public is read from the code: `ebmlang._WHERE`, and what `ebmlang.pictures` and
`ebmlang.sklearn` hold. The texts themselves are put in by mkdocstrings when the site is built.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import ebmlang

DOCS = Path(__file__).parent
CODE = DOCS.parent / "ebmlang"

# Title and page of what each folder of the code makes public.
GROUPS = {
    "model": ("Models", "From text to a model, with sizes, graphs and data bound to it."),
    "samplers": ("Sampling", "Draws, the samplers with their settings, NumPyro kernels, buffers."),
    "partition": ("Expectations and log Z", "Gradients, log Z, how likely data are."),
    "training": ("Training", "Fits, objectives, callbacks."),
    "evaluation": ("Draws and comparisons", "What runs give, and samplers side by side."),
    "syntax": ("Errors", "What is raised, and what it holds."),
    "pictures": ("Pictures", "Figures of draws, fits, comparisons and models."),
    "sklearn": ("scikit-learn", "A model as an estimator."),
}

# What calls give that is not made by name.
GIVEN = {
    "Explanation": ".explain",
    "Comparison": ".evaluation.comparison",
    "Diagnostics": ".evaluation.diagnostics",
    "Exchange": ".evaluation.exchange",
    "Row": ".evaluation.comparison",
    "Gradient": ".partition.gradient",
    "LogPartition": ".partition.logz",
    "LogProb": ".partition.probability",
    "Thermodynamics": ".partition.thermodynamics",
    "Replay": ".samplers.replay",
    "Diagnostic": ".syntax.diagnostics",
    "Diverged": ".training.diverged",
    "LogLikelihood": ".training.stored",
}

BLOCK = """::: {}
    options:
      heading: {}
"""


class Public(NamedTuple):
    """A public name: how it is called, where it is written, the first line of its docstring."""

    called: str
    module: str
    name: str
    says: str

    @property
    def place(self) -> str:
        return f"{self.module}.{self.name}"


def face() -> dict[str, list[Public]]:
    """Public names by group, in alphabetical order."""
    found: dict[str, list[Public]] = {group: [] for group in GROUPS}
    rows = [
        *((f"ebm.{name}", name, where) for name, where in ebmlang._WHERE.items()),
        *((name, name, where) for name, where in GIVEN.items()),
        *((f"ebm.pictures.{name}", name, where) for name, where in _exported("pictures")),
        ("ebmlang.sklearn.EBM", "EBM", ".sklearn"),
    ]
    for called, name, where in rows:
        group = where.split(".")[1].replace("explain", "model")
        found[group].append(_public(called, where, name))
    return {group: sorted(rows, key=_order) for group, rows in found.items()}


def _order(row: Public) -> tuple[bool, str]:
    """Names that are called by the alphabet, then what they give."""
    return row.called in GIVEN, row.called.lower()


def _exported(package: str) -> Iterator[tuple[str, str]]:
    """Names that a package's face brings from its modules: `from .chains import traces as traces`."""
    for node in ast.parse((CODE / package / "__init__.py").read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from ((n.asname or n.name, f".{package}.{node.module}") for n in node.names)


def _public(called: str, where: str, name: str) -> Public:
    """A name at the place where it is written, found without importing anything."""
    path = CODE.joinpath(*where.split(".")[1:])
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
    package = where if path.is_dir() else where.rpartition(".")[0]
    said = None
    for node in ast.parse(text).body:
        match node:
            case ast.ImportFrom(module=str(module), level=1) if any(
                alias.asname == name for alias in node.names
            ):
                return _public(called, f"{package}.{module}", name)
            case ast.ClassDef(name=found) | ast.FunctionDef(name=found) if found == name:
                said = ast.get_docstring(node)  # the last of a name that is overloaded
    if said is None:
        raise KeyError(f"ebmlang{where} has no documented {name}")
    return Public(called, f"ebmlang{where}", name, said.split("\n")[0])


def table() -> str:
    """Every public name, with what it is."""
    lines = []
    for group, (title, _) in GROUPS.items():
        lines += [f"## {title}", "", "| name | what it is |", "|---|---|"]
        for row in face()[group]:
            says = row.says.replace("|", r"\|")
            lines.append(f"| [`{row.called}`]({group}.md#{row.place}) | {says} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def pages() -> dict[Path, str]:
    """The page of each group, which mkdocstrings fills."""
    made = {}
    for group, (title, says) in GROUPS.items():
        blocks = [BLOCK.format(row.place, row.called) for row in face()[group]]
        head = f"# {title}\n\n{says} Written from the docstrings.\n"
        made[DOCS / "api" / f"{group}.md"] = "\n".join([head, *blocks])
    return made
