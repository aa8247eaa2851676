"""The reference does what it says: every program on its pages is run, every table is the code's own."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from scipy import special

import ebmlang as ebm
from conftest import ROOT
from ebmlang.analysis.world import World
from ebmlang.backend.checks import limits
from ebmlang.semantics.terms import Kind, Symbol

from .blocks import Block, blocks_of

DOCS = ROOT / "docs"
PAGES = [p for p in sorted(DOCS.rglob("*.md")) if p.name != "grammar.md"]
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PROGRAMS = [b for b in BLOCKS if b.kind == "ebm" and b.info[1:2] not in (("preamble",), ("file",))]
(PREAMBLE,) = (b.text for b in BLOCKS if b.info[:2] == ("ebm", "preamble"))
QUICK = {"xla_backend_optimization_level": 0}
NUMPY: dict[str, Any] = {
    "np": np, "lgamma": special.gammaln, "logsumexp": special.logsumexp, "sigmoid": special.expit,
    "silu": lambda a: a * special.expit(a), "softplus": lambda a: np.logaddexp(0, a),
    "relu": lambda a: np.maximum(a, 0), "gelu": jax.nn.gelu,
}  # fmt: skip


def generator() -> Any:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


# ---------------------------------------------------------------- programs of the pages


def text_of(block: Block) -> str:
    return PREAMBLE + block.text if "fragment" in block.info else block.text


def values(text: str) -> dict[str, Any]:
    """`n=4, edges=np.array(…)` as arguments of a call."""
    return eval(f"dict({text})", dict(NUMPY))


def load(block: Block) -> ebm.Model:
    files = {b.file: b.text for b in BLOCKS if b.page == block.page and b.file}
    bound = values(block.orders.get("bind", ""))
    return ebm.loads(text_of(block), name=block.place, files=files, **bound)


def somewhere(model: ebm.Model, block: Block) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and a state, both random but for what the block says."""
    rng = np.random.default_rng(7)
    program = model.program
    params = {n: anything(symbol, model.world, rng) for n, symbol in program.params.items()}
    if block.wrong or program.networks:
        started = model.init(seed=1)
        weights = {n: started[n] for n in program.networks}
        params |= jax.tree.map(lambda x: np.asarray(x) + 0.3 * rng.normal(size=x.shape), weights)
    state = {n: anything(symbol, model.world, rng) for n, symbol in program.unknowns.items()}
    state |= model.bindings.held
    params |= wide(values(block.orders.get("params", "")))
    return params, state | wide(values(block.orders.get("state", "")))


def anything(symbol: Symbol, world: World, rng: np.random.Generator) -> np.ndarray:
    """Random values of a declared array, drawn here and not by the code under test."""
    shape, domain = world.shape(symbol), symbol.domain
    low, high = limits(domain, world)
    match domain.kind:
        case Kind.SPIN:
            values = rng.choice([-1.0, 1.0], shape)
        case Kind.SIMPLEX:
            values = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        case _ if domain.discrete:
            values = rng.integers(int(low), int(high) + 1, shape)
        case _ if np.isfinite(low) and np.isfinite(high):
            values = rng.uniform(low, high, shape)
        case _ if np.isfinite(low) or np.isfinite(high):
            away = rng.exponential(size=shape)
            values = low + away if np.isfinite(low) else high - away
        case _:
            values = rng.normal(size=shape)
    if symbol.symmetric:
        values = np.triu(values) + np.triu(values, 1).T
    return values * (1 - np.eye(len(values), dtype=values.dtype)) if symbol.hollow else values


def wide(given: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value) for name, value in given.items()}


def names_in(model: ebm.Model, params: Any, state: Any) -> dict[str, Any]:
    """What the NumPy of a comment may read: sizes, given data, parameters, state."""
    arrays = {n: np.asarray(v) for n, v in (*model.bindings.givens.items(), *state.items())}
    kept = {n: v if n in model.program.networks else np.asarray(v) for n, v in params.items()}
    edges = {n: g.edges for n, g in model.world.graphs.items()}
    return NUMPY | dict(model.bindings.sizes) | edges | kept | arrays


@pytest.mark.parametrize("block", PROGRAMS, ids=lambda b: b.place)
def test_a_program_of_the_pages_does_what_stands_beside_it(block):
    with jax.enable_x64(True):
        if block.wrong:
            with pytest.raises(ebm.EbmError) as caught:
                run(load(block), block)
            assert {d.code for d in caught.value.diagnostics} == block.wrong
            return
        model = load(block)
        warned = {d.code for d in model.warnings if d.severity == "warning"}
        if "fragment" in block.info:
            warned -= {"W502", "W504"}  # of a part, no wonder
        assert warned == set(block.orders.get("warns", "").replace(",", " ").split())
        run(model, block)


def run(model: ebm.Model, block: Block) -> None:
    params, state = somewhere(model, block)
    names = names_in(model, params, state)
    given = model.given()
    if model.program.energies:
        compiled = jax.jit(model.target.energy).lower(params, state, given).compile(QUICK)
        energy = float(compiled(params, state, given))
        assert np.isfinite(energy)
        if "energy" in block.orders:
            expected = float(eval(block.orders["energy"], names))
            assert energy == pytest.approx(expected, rel=1e-6, abs=1e-9)
    quantities = model.target.quantities(params, state, given)
    for order, wanted in block.orders.items():
        if order.startswith("quantity "):
            found = quantities[order.removeprefix("quantity ")]
            np.testing.assert_allclose(found, eval(wanted, names), rtol=1e-6)


# --------------------------------------------------------- what the pages share with the code


def test_every_generated_table_is_what_the_code_makes():
    made = generator().pages()
    stale = [str(page.relative_to(DOCS)) for page, text in made.items() if page.read_text() != text]
    assert not stale, f"python docs/generate.py rewrites {stale}"


def test_every_table_that_can_be_made_stands_on_a_page():
    text = "".join(page.read_text() for page in PAGES)
    assert {m["name"] for m in generator().MARKED.finditer(text)} == set(generator().TABLES)


def test_the_drawn_grammar_has_every_rule_of_the_grammar():
    from lark import Lark

    grammar = (ROOT / "grammar" / "ebm.lark").read_text()
    rules = {str(rule.origin.name) for rule in Lark(grammar, start="file", parser="lalr").rules}
    drawn = set(re.findall(r'<a name="rule-(\w+)">', (DOCS / "grammar.md").read_text()))
    assert {name for name in rules if not name.startswith("_")} <= drawn


def test_the_codes_of_the_text_and_the_data_are_all_listed():
    """Every E1 to E4, W5 and E6 code that the compiler can give has its row, and no other."""
    source = "".join(p.read_text() for p in (ROOT / "ebmlang").rglob("*.py"))
    told = set(re.findall(r'"((?:E[12346]|[WN]5)\d\d)"', source))
    listed = re.findall(
        r"^\| `([EWN]\d{3})` \|", (DOCS / "language" / "codes.md").read_text(), re.M
    )
    assert len(listed) == len(set(listed))
    assert told == {code for code in listed if code < "E7" or code[0] in "WN"}


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    heads = re.findall(r"^#+ (.*)$", text, re.M)
    slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
    named = re.findall(r'<a name="([\w-]+)">|^::: (\S+)', text, re.M)
    return slugs | {name for pair in named for name in pair if name}


@pytest.mark.parametrize(
    "page",
    [*PAGES, DOCS / "grammar.md", ROOT / "README.md"],
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        if anchor:
            assert anchor in anchors(place), target


def test_no_page_of_the_reference_is_long():
    long = {p.name: n for p in PAGES if (n := len(p.read_text().splitlines())) > 400}
    assert not long
