"""Programs, whole and broken, for the tests of the syntax layer."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ebmlang.syntax.words import RESERVED

PROGRAMS = sorted((Path(__file__).parents[1] / "programs").glob("*.ebm"))

settings.register_profile(
    "syntax", deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow]
)


def read(path: Path) -> str:
    """The text of a program."""
    return path.read_text(encoding="utf-8")


NAMES = st.one_of(
    st.sampled_from(["x", "h1", "W", "σ", "row", "spin", "normal", "a_b"]),
    st.text("abcxyz_", min_size=1, max_size=4).filter(lambda word: word not in RESERVED),
)
NUMBERS = st.sampled_from(["0", "1", "2.5", "5e-4", "10", "1e3"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["+", "-", "*", "/", "@", "^", " + ", " - ", " * "])
    heads = st.sampled_from(["i", "i, j", "i < j", "i in 0..n - 1", "(i,j) in g", "k in g[i]"])
    reducers = st.sampled_from(["sum", "prod", "max", "logsumexp"])
    grouped = inner.map(lambda a: f"({a})")
    return st.one_of(
        st.tuples(grouped, signs, grouped).map("".join),
        st.tuples(NAMES, signs, NAMES).map("".join),
        grouped.map(lambda a: f"-{a}"),
        st.tuples(reducers, heads, grouped).map(lambda t: f"{t[0]}( {t[1]} ) {t[2]}"),
        st.tuples(NAMES, NAMES, NUMBERS).map(lambda t: f"{t[0]}[{t[1]} + {t[2]}, :, 1:{t[2]}]"),
        st.tuples(NAMES, inner).map(lambda t: f"{t[0]}({t[1]}, act = {t[0]}, w=[1, 2])"),
        st.tuples(grouped, grouped, grouped).map(
            lambda t: f"(if {t[0]} < {t[1]} and not {t[2]} then {t[1]} else {t[0]})"
        ),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, NUMBERS), _larger, max_leaves=8)
TYPES = st.one_of(
    st.sampled_from(["spin", "real<0,1>", "category( aa )", "real<-1, 2 * pi>"]),
    st.tuples(st.sampled_from(["real", "binary", "positive"]), NAMES).map(
        lambda t: f"{t[0]}[{t[1]}, {t[1]}+1] symmetric"
    ),
)
STATEMENTS = st.one_of(
    st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"energy {t[0]} = {t[1]}"),
    EXPRESSIONS.map(lambda e: f"energy={e}"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"let {t[0]}[i, j in 0..n-1] = {t[1]}"),
    st.tuples(NAMES, TYPES).map(lambda t: f"visible {t[0]}:{t[1]}"),
    st.tuples(NAMES, TYPES).map(lambda t: f"latent {t[0]} : {t[1]} ~ normal(0,1)"),
    st.tuples(NAMES, TYPES).map(lambda t: f"given {t[0]} : {t[1]} = 3"),
    st.tuples(NAMES, TYPES).map(lambda t: f"param {t[0]} : {t[1]} init -1~normal( 0, 2 )"),
    st.tuples(NAMES, NAMES).map(lambda t: f"dim {t[0]} = {t[1]} + 1 cyclic, {t[1]}_"),
    st.tuples(NAMES, TYPES).map(lambda t: f"net {t[0]} : {t[1]}, real -> real = mlp(8, act=silu)"),
    st.tuples(NAMES, NAMES, EXPRESSIONS).map(lambda t: f"fn {t[0]}({t[1]}) = {t[2]}"),
    st.tuples(NAMES, NAMES).map(lambda t: f"graph {t[0]} on {t[1]} = grid(a, b)"),
    st.tuples(NAMES, NAMES).map(lambda t: f'import {t[0]}, {t[1]} from "common.ebm"'),
)
GAPS = st.sampled_from(
    ["\n", "\n\n", "  ", "\n\n\n\n", "  # beside\n", "\n## above\n", "\n# own\n"]
)
RANDOM_PROGRAMS = st.lists(st.tuples(STATEMENTS, GAPS).map("".join), max_size=8).map(
    lambda parts: "model random\n" + "".join(parts)
)
