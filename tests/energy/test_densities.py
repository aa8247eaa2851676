"""Every row of the table of densities against NumPyro's own log_prob, and no distribution forgotten."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.backend.densities import constructor, left_out, snake
from ebmlang.backend.probing import LENGTHS, constraint_of, example, parameters, public
from ebmlang.semantics.densities import left_out as reasons
from ebmlang.semantics.densities import table
from ebmlang.syntax.diagnostics import EbmError

CASES = [(name, chosen) for name, row in table().items() for chosen in row["one_of"] or (None,)]
FIRST = {name: (row["one_of"] or (None,))[0] for name, row in table().items()}


def _slow_but(often: Callable[[int, str, str | None], bool]) -> list[Any]:
    """All cases, those that are not run often marked slow."""
    return [
        case if often(k, *case) else pytest.param(*case, marks=pytest.mark.slow)
        for k, case in enumerate(CASES)
    ]


TYPES = {"circular": "angle", "simplex": "simplex", "boolean": "binary",
         "positive": "positive", "unit_interval": "real<0, 1>"}  # fmt: skip


def _exported(name: str) -> str:
    return next(n for n in public() if snake(n) == name)


def _lengths(name: str) -> tuple[int, int, int]:
    """The second row of lengths for draws that are always pairs."""
    return LENGTHS[1] if name == "sine_bivariate_von_mises" else LENGTHS[0]


def _type(row: dict[str, Any]) -> str:
    support = row["support"]
    if support["kind"] == "interval" and isinstance(support["low"], float):
        return f"real<{support['low']}, {support['high']}>"
    return TYPES.get(support["kind"], "integer<0, 60>" if row["discrete"] else "real")


def _arguments(name: str, chosen: str | None, seed: int) -> dict[str, Any]:
    """Arguments that NumPyro accepts: of those of which one is needed, the chosen."""
    row, (first, second, other) = table()[name], _lengths(name)
    length = {"0": first, "1": second, "": other}
    found = {}
    for place, label in enumerate(row["arguments"]):
        if label not in row["one_of"] or label == chosen:
            shape = tuple(length[axis] for axis in row["axes"][label])
            found[label] = example(constraint_of(_exported(name), label), shape, place + seed % 2)
    if {"low", "high"} <= set(found):
        found["low"], found["high"] = sorted((found["low"], found["high"]))
    return found


def _made(name: str, arguments: dict[str, Any]) -> Any:
    sizes = dict.fromkeys(table()[name]["sizes"], _lengths(name)[0])
    return constructor(name)(**arguments, **sizes)


def _draw(made: Any, seed: int) -> Any:
    try:
        return made.sample(jax.random.key(seed))
    except (ImportError, NotImplementedError):
        return example(made.support, made.event_shape, seed)


def _program(name: str, labels: list[str], lead: str) -> str:
    row, (first, second, other) = table()[name], _lengths(name)
    dims = {"0": "d0", "1": "d1", "": "rest"}
    lines = [f"dim n = 2, d0 = {first}, d1 = {second}, rest = {other}"]
    for k, label in enumerate(labels):
        axes = [lead, *(dims[axis] for axis in row["axes"][label])]
        lines.append(f"given a{k} : real{_brackets(axes)}")
    call = ", ".join(
        f"a{k}"
        if label == "mean" or row["arguments"][: k + 1] == ["gate", "mean"][: k + 1]
        else f"{label}=a{k}"
        for k, label in enumerate(labels)
    )  # `mean` is a word of the language: this argument stands in its place
    axes = [lead, *("d0", "d1")[: row["event"]]]
    lines.append(f"visible x : {_type(row)}{_brackets(axes)} ~ {name}({call})")
    return "\n".join(lines)


def _brackets(axes: list[str]) -> str:
    kept = [axis for axis in axes if axis]
    return f"[{', '.join(kept)}]" if kept else ""


def _turned(name: str, draw: Any) -> Any:
    """An angle as the language has it."""
    circle = table()[name]["support"]["kind"] == "circular"
    return jnp.mod(draw, 2 * jnp.pi) if circle else draw


@pytest.mark.parametrize(
    ("name", "chosen"),
    _slow_but(lambda k, name, chosen: chosen == FIRST[name] and k % 2 == 0),
    ids=str,
)
def test_the_energy_of_a_density_is_minus_numpyros_log_prob(name: str, chosen: str | None):
    arguments = _arguments(name, chosen, 0)
    labels = list(arguments)
    made = _made(name, arguments)
    given: dict[str, Any] = {f"a{k}": np.asarray(v) for k, v in enumerate(arguments.values())}
    model = ebm.loads(_program(name, labels, ""), check=False, **given)
    for seed in range(3):
        draw = _draw(made, seed)
        wanted = -float(made.log_prob(draw))
        assert np.isfinite(wanted)
        energy = float(model.energy({}, {"x": _turned(name, draw)}))
        assert energy == pytest.approx(wanted, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("name", "chosen"), _slow_but(lambda k, name, chosen: k % 4 == 0), ids=str)
def test_draws_with_arguments_of_their_own_add_up(name: str, chosen: str | None):
    each = [_arguments(name, chosen, seed) for seed in (0, 1)]
    made = [_made(name, arguments) for arguments in each]
    stacked: dict[str, Any] = {
        f"a{k}": np.stack([np.asarray(a[v]) for a in each]) for k, v in enumerate(each[0])
    }
    model = ebm.loads(_program(name, list(each[0]), "n"), check=False, **stacked)
    draws = [_draw(m, k) for k, m in enumerate(made)]
    wanted = -sum(float(m.log_prob(d)) for m, d in zip(made, draws, strict=True))
    x = jnp.stack([_turned(name, d) for d in draws])
    assert float(model.energy({}, {"x": x})) == pytest.approx(wanted, rel=1e-4, abs=1e-4)
    if not table()[name]["discrete"]:
        slope = jax.grad(lambda x: model.energy({}, {"x": x}))(x)
        assert np.all(np.isfinite(slope))


def test_every_distribution_of_numpyro_is_a_density_or_left_out_with_a_reason():
    known = {snake(name) for name in public()}
    listed = set(table()) | set(reasons())
    assert known == listed, (
        f"NumPyro has changed: new {sorted(known - listed)}, gone {sorted(listed - known)}; "
        "run `python -m ebmlang.backend.densities` and `python docs/generate.py`"
    )
    assert not set(table()) & set(reasons())
    for name in public():
        assert reasons().get(snake(name)) == left_out(name)


@pytest.mark.parametrize("name", table())
def test_the_table_has_the_arguments_of_the_numpyro_that_is_installed(name: str):
    row = table()[name]
    found = {p.name: p for p in parameters(constructor(name))}
    assert [label for label in found if label in row["arguments"]] == row["arguments"]
    for label, parameter in found.items():
        optional = parameter.default is not inspect.Parameter.empty
        assert optional or label in row["arguments"] or label in row["sizes"]
        if label in row["arguments"]:
            assert (label in row["optional"]) == optional


@pytest.mark.parametrize("name", reasons())
def test_a_distribution_that_is_left_out_says_why(name: str):
    with pytest.raises(EbmError) as caught:
        ebm.loads(f"dim n = 3 visible x : real[n, n] ~ {name}(3)")
    (found,) = caught.value.diagnostics
    assert found.code == "E403"
    assert reasons()[name] in found.says


def test_both_spellings_of_a_number_at_the_end_are_read():
    text = "visible k : integer<0, 60> ~ {}(3, 2)"
    one, two = (ebm.loads(text.format(f"negative_binomial{w}")) for w in ("2", "_2"))
    assert float(one.energy({}, {"k": 4})) == float(two.energy({}, {"k": 4}))


def test_categories_share_probabilities_or_have_their_own():
    probs = np.asarray([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    shared = ebm.loads(
        'dim n = 2, aa = "abc" given p : real[aa] visible z : category(aa)[n] ~ categorical(p)',
        p=probs[0],
    )
    own = ebm.loads(
        'dim n = 2, aa = "abc" given p : real[n, aa] visible z : category(aa)[n] ~ categorical(p)',
        p=probs,
    )
    z = [2, 0]
    assert float(shared.energy({}, {"z": z})) == pytest.approx(-np.log(0.5 * 0.2), rel=1e-5)
    assert float(own.energy({}, {"z": z})) == pytest.approx(-np.log(0.5 * 0.6), rel=1e-5)


def test_one_number_serves_a_whole_draw():
    model = ebm.loads("dim k = 3 visible w : simplex[k] ~ dirichlet(2)")
    assert float(model.energy({}, {"w": [0.2, 0.3, 0.5]})) == pytest.approx(
        -np.log(120 * 0.2 * 0.3 * 0.5), rel=1e-5
    )


WRONG = (
    ("dim a = 2, b = 3 given m : real[b] visible x : real[a] ~ multivariate_normal(m, scale_tril=m)",
     "E301", "`loc` of `multivariate_normal` is an array over [a] here"),
    ("dim a = 2 visible x : real[a] ~ multivariate_normal(0, 1)",
     "E301", "`covariance_matrix` of `multivariate_normal` is an array over [a, a] here"),
    ("dim k = 2 visible x : real[k] ~ dirichlet(1)", "E403", "positive numbers that sum to one"),
    ("visible x : real ~ von_mises(0, 1)", "E403", "the points of a circle"),
    ("visible x : real ~ pareto(2, 3)", "E403", "numbers above 2"),
    ("visible x : real ~ truncated_normal(0, 1, low=-1, high=2)", "E403", "between -1 and 2"),
    ("visible x : binary ~ bernoulli(0.5, logits=0)", "E303", "takes one of probs, logits"),
    ("visible x : real ~ normal(0, 1, scale=2)", "E303", "stands twice in `normal`, which takes loc, scale"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "code", "says"), WRONG, ids=lambda p: str(p)[:50])
def test_arguments_and_supports_that_do_not_fit_are_refused(text: str, code: str, says: str):
    with pytest.raises(EbmError) as caught:
        ebm.loads(text)
    found = caught.value.diagnostics[0]
    assert found.code == code
    assert says in found.says
