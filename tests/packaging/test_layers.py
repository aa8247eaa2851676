"""The imports go one way, and the pieces stay small: both are read from the code itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "ebmlang"
FACE = "ebmlang"

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40

# From the bottom up. A module belongs to the longest name here that it begins with; it may import
# its own layer and those before it. `evaluation` stands twice: what draws are, and how good they
# are, is below the samplers that give them; what compares samplers is above. A stored fit makes its
# model again, so `model` is below `training`.
ORDER = (
    "ebmlang.progress",
    "ebmlang.syntax",
    "ebmlang.arguments",
    "ebmlang.semantics",
    "ebmlang.analysis",
    "ebmlang.pictures",
    "ebmlang.backend",
    "ebmlang.evaluation.exchange",
    "ebmlang.evaluation.divergences",
    "ebmlang.evaluation.transitions",
    "ebmlang.evaluation.diagnostics",
    "ebmlang.evaluation.table",
    "ebmlang.evaluation.tally",
    "ebmlang.evaluation.draws",
    "ebmlang.evaluation.moments",
    "ebmlang.samplers",
    "ebmlang.partition",
    "ebmlang.evaluation",
    "ebmlang.explain",
    "ebmlang.model",
    "ebmlang.training",
    "ebmlang.sklearn",
    FACE,
    "ebmlang.command",
    "ebmlang.cli",
    "ebmlang.editor",
)

# Checking a file must not wait for JAX: these layers know nothing of it.
WITHOUT_JAX = (
    "ebmlang.progress",
    "ebmlang.syntax",
    "ebmlang.arguments",
    "ebmlang.semantics",
    "ebmlang.analysis",
    "ebmlang.pictures",
)
JAX_AND_ITS_KIN = frozenset({"jax", "jaxlib", "numpyro", "optax"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A file of the package, read."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]

    def at(self, node: ast.stmt) -> str:
        return f"{self.path.relative_to(PACKAGE.parent)}:{node.lineno}"


@dataclass(frozen=True)
class Import:
    """One name that a module imports, anywhere in it: imports inside functions count."""

    origin: Module
    target: str
    where: str
    only_for_types: bool


@cache
def modules() -> tuple[Module, ...]:
    return tuple(read(path) for path in sorted(PACKAGE.rglob("*.py")))


def read(path: Path) -> Module:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Module(name, path, text, ast.parse(text))


def imports_of(module: Module) -> Iterator[Import]:
    """Everything imported, `from .a import b` as `a.b` where that is a module and as `a` if not."""
    known = {other.name for other in modules()}
    for node, only_for_types in statements(module.tree, False):
        match node:
            case ast.Import(names=names):
                targets = [alias.name for alias in names]
            case ast.ImportFrom(names=names):
                base = base_of(module, node)
                longer = [f"{base}.{alias.name}" for alias in names]
                targets = [name if name in known else base for name in longer]
            case _:
                continue
        for target in dict.fromkeys(targets):
            yield Import(module, target, module.at(node), only_for_types)


def statements(node: ast.AST, only_for_types: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement below a node, and whether it lies under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        typed = only_for_types
        if isinstance(node, ast.If) and child in node.body:
            typed = typed or ast.unparse(node.test).endswith("TYPE_CHECKING")
        if isinstance(child, ast.stmt):
            yield child, typed
        yield from statements(child, typed)


def base_of(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.package.split(".")
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def imports_inside() -> list[Import]:
    return [
        each
        for module in modules()
        for each in imports_of(module)
        if layer_of(each.target) is not None
    ]


def layer_of(name: str) -> str | None:
    """The layer of a module; None for one of another package, or one that the order lacks."""
    fits = [
        layer
        for layer in ORDER
        if name == layer or (layer != FACE and name.startswith(f"{layer}."))
    ]
    return max(fits, key=len, default=None)


def functions_of(module: Module) -> Iterator[Function]:
    return (each for each in ast.walk(module.tree) if isinstance(each, Function))


def test_every_module_has_a_place_in_the_order() -> None:
    lost = [module.name for module in modules() if layer_of(module.name) is None]
    assert not lost, f"say in ORDER where these stand: {lost}"


def test_imports_go_down_only() -> None:
    """One exception: `..model` for annotations alone, since that import never runs."""
    wrong = [
        f"{each.where} imports {each.target}, which is above it"
        for each in imports_inside()
        if height(each.target) > height(each.origin.name)
        and not (each.only_for_types and each.target == "ebmlang.model")
    ]
    assert not wrong, "\n".join(wrong)


def height(name: str) -> int:
    return ORDER.index(layer_of(name) or FACE)


def test_no_modules_import_each_other_in_a_circle() -> None:
    below: dict[str, set[str]] = {module.name: set() for module in modules()}
    for each in imports_inside():
        if not each.only_for_types:
            below[each.origin.name].add(each.target)
    try:
        TopologicalSorter(below).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


def test_text_meaning_and_facts_need_no_jax() -> None:
    wrong = [
        f"{each.where} imports {each.target}"
        for module in modules()
        if layer_of(module.name) in WITHOUT_JAX
        for each in imports_of(module)
        if each.target.partition(".")[0] in JAX_AND_ITS_KIN
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_is_too_long() -> None:
    lengths = {module.name: len(module.text.splitlines()) for module in modules()}
    wrong = [
        f"{name}: {length} lines" for name, length in lengths.items() if length > LONGEST_MODULE
    ]
    assert not wrong, "\n".join(wrong)


def test_what_users_call_is_typed_strictly() -> None:
    """pyright's strict mode, told by a comment in the module itself: `make lint` then holds it to it."""
    import ebmlang

    face = {FACE + where for where in ebmlang._WHERE.values()}
    face |= {FACE, f"{FACE}.cli", f"{FACE}.sklearn"}
    lax = [m.name for m in modules() if m.name in face and "\n# pyright: strict" not in m.text]
    assert face <= {module.name for module in modules()}
    assert not lax


def length_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines after the signature and the docstring: what a reader must hold in mind."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_function_is_too_long() -> None:
    wrong = [
        f"{module.at(each)} {each.name}: {length} lines"
        for module in modules()
        for each in functions_of(module)
        if (length := length_of_body(each)) > LONGEST_FUNCTION
    ]
    assert not wrong, "\n".join(wrong)


def test_every_argument_is_annotated() -> None:
    wrong = [
        f"{module.at(each)} {each.name}: {', '.join(bare)}"
        for module in modules()
        for each in functions_of(module)
        if (bare := bare_arguments(each))
    ]
    assert not wrong, "\n".join(wrong)


def bare_arguments(function: Function) -> list[str]:
    a = function.args
    every = [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg]
    return [
        each.arg
        for each in every
        if each is not None and each.annotation is None and each.arg not in {"self", "cls"}
    ]


def test_every_public_name_has_a_docstring() -> None:
    """A method of a frozen dataclass may leave it to the documented Protocol that it satisfies."""
    promised = promised_methods()
    wrong = [
        f"{module.at(node)} {name}"
        for module in modules()
        for name, node, excused in public_names(module, promised)
        if not excused and not ast.get_docstring(node)
    ]
    assert not wrong, "\n".join(wrong)


def public_names(
    module: Module, promised: frozenset[str]
) -> Iterator[tuple[str, Function | ast.ClassDef, bool]]:
    """Public functions, classes and their methods; and whether each needs no docstring."""
    for node in module.tree.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node.name, node, False
        for method in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(method, Function) and not method.name.startswith("_"):
                excused = is_frozen(node) and method.name in promised
                yield f"{node.name}.{method.name}", method, excused


def promised_methods() -> frozenset[str]:
    """Names of the documented methods of the package's Protocols."""
    return frozenset(
        method.name
        for module in modules()
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).partition("[")[0].endswith("Protocol") for base in node.bases)
        for method in node.body
        if isinstance(method, Function) and ast.get_docstring(method)
    )


def is_frozen(node: ast.ClassDef) -> bool:
    return any("frozen=True" in ast.unparse(each) for each in node.decorator_list)
