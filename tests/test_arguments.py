"""Wrong values of the arguments of public functions: each is refused by a coded error, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ebmlang as ebm

TEXT = """model wrong
dim site = 4 cyclic
given w : real
visible s : spin[site]
param J : real
energy = -J * w * sum(i) s[i] * s[i+1]
"""
MODEL = ebm.loads(TEXT, w=1.0)
PARAMS = {"J": 0.3}
DATA = {"s": np.array([[1, -1, 1, 1], [-1, -1, 1, 1]])}
DRAWS = ebm.sample(MODEL, PARAMS, draws=8, chains=2, warmup=2, progress=False)
FIT = ebm.fit(MODEL, DATA, epochs=1, batch_size=2, chains=2, progress=False)

HUGE = 10**400
LONG = 10**5000
OBJECT = np.array(None, object)
COMPLEX = 1 + 2j
ONE_ENTRY = np.array([1])
NUL = "a\0b"

COUNT = (None, "3", 0, -1, 1.5, float("nan"), float("inf"), True, COMPLEX, HUGE, LONG, [3], OBJECT,
         np.array([3, 4]))  # fmt: skip
OPTIONAL_COUNT = COUNT[1:]
WARMUP = (*OPTIONAL_COUNT[:1], *OPTIONAL_COUNT[2:])  # all but 0
SEED = (None, "0", -1, 1.5, float("nan"), True, COMPLEX, 2**32, HUGE, [0], OBJECT, ONE_ENTRY)
BETA = (None, "1", float("nan"), float("inf"), -float("inf"), True, np.True_, COMPLEX, 1e300, HUGE,
        np.array([0.5, 1.0]), [1.0], OBJECT, np.complex64(1))  # fmt: skip
ABOVE_ZERO = ("1", 0, -1.0, float("nan"), float("inf"), True, COMPLEX, HUGE, [0.1], OBJECT)
FLAG = (None, "yes", 2, 0.5, float("nan"), [True], OBJECT)
MAPPING = (5, "J", [1.0], np.array([1.0]), {"K": 1.0}, {5: 1.0}, True)
PARAMETERS = (None, *MAPPING, {}, {"J": None}, {"J": "x"}, {"J": float("nan")}, {"J": float("inf")},
              {"J": COMPLEX}, {"J": np.complex64(2)}, {"J": OBJECT}, {"J": [0.3]}, {"J": [[1], [1, 2]]},
              {"J": HUGE}, {"J": 1e300}, {"J": np.ma.masked_array(0.3, mask=True)},
              {"J": 0.3, "K": 1.0}, {"J": 0.3, 5: 1.0})  # fmt: skip
OWN = (*MAPPING, {"w": None}, {"w": "x"}, {"w": float("nan")}, {"w": COMPLEX},
         {"w": OBJECT}, {"w": np.ma.masked_array(0.3, mask=True)})  # fmt: skip
GIVEN = (*OWN, {"w": [1.0, 2.0]})  # of two examples
CLAMP = (*MAPPING, {"s": None}, {"s": "x"}, {"s": 1}, {"s": [1, 1, 1]}, {"s": [1, 1, 1, 0]},
         {"s": [1, 1, 1, np.nan]}, {"s": [1, 1, 1, 1j]}, {"s": ([1, 1, 1, 1], "mask")},
         {"s": ([1, 1, 1, 1], [True, False])}, {"s": ([1, 1, 1, 1], np.array([0.5] * 4))},
         {"s": ([1, 1, 1, 5], True)}, {"s": ([1, 1, 1, 1],)}, {"s": [[1], [1, 2]]})  # fmt: skip
INIT = (5, 0.5, True, "nowhere", [1, 1, 1, 1], np.ones(4), {"t": 1}, {5: 1}, {"s": None}, {"s": "x"},
        {"s": [1, 1]}, {"s": [1, 1, 1, 2]}, {"s": [1, 1, 1, np.nan]}, {"s": [1, 1, 1, 1j]},
        {"s": np.ma.masked_array([1, 1, 1, 1], [0, 0, 0, 1])}, np.sin)  # fmt: skip
SAMPLER = (None, 5, "gibs", "", True, ["gibbs"], ebm.Gibbs, np.array("gibbs"), OBJECT, MODEL)
MODELS = (None, 5, TEXT, "wrong.ebm", ebm.Model, PARAMS, [MODEL], OBJECT)
NAMES = (5, 0.5, OBJECT, ["t"], [5], {"s": 1}, "t", b"s")
PATH = (5, "", NUL, b"x", ["x"], OBJECT, True)
DATAS = (None, 5, "nothing.npz", NUL, {}, {"t": DATA["s"]}, {"s": None}, {"s": "x"}, {"s": [[1, 2, 1, 1]]},
         {"s": np.full((2, 4), np.inf)}, {"s": np.ones((2, 3))}, {"s": np.ones((0, 4))},
         {"s": np.ones((2, 4), complex)}, {5: 1}, [], [5],
         {"s": (np.full((1, 4), "x"), np.array([[True, True, True, False]]))}, True)  # fmt: skip

COMMON: dict[str, tuple[Any, ...]] = {
    "model": MODELS, "params": PARAMETERS, "given": GIVEN, "seed": SEED,
}  # fmt: skip
CHAINS: dict[str, tuple[Any, ...]] = {
    **COMMON, "beta": BETA, "clamp": CLAMP, "init": INIT, "chains": COUNT, "sampler": SAMPLER,
}  # fmt: skip
TABLE: tuple[tuple[Callable[..., Any], dict[str, Any], dict[str, tuple[Any, ...]]], ...] = (
    (ebm.sample, {"draws": 4, "chains": 2, "warmup": 2, "progress": False}, {
        **CHAINS, "draws": COUNT, "thin": COUNT, "warmup": WARMUP, "progress": FLAG,
        "keep": (None, *NAMES), "marginalise": (None, *NAMES),
    }),
    (ebm.gradient, {"draws": 4, "chains": 2, "warmup": 2}, {
        **CHAINS, "draws": COUNT, "thin": COUNT, "warmup": WARMUP, "most_draws": OPTIONAL_COUNT,
        "target_error": ABOVE_ZERO, "target_norm": ABOVE_ZERO, "target_relative": ABOVE_ZERO,
        "rao_blackwell": (None, "yes", 2, OBJECT, ["auto"], np.array([True, False])),
    }),
    (ebm.log_partition, {}, {
        **CHAINS, "method": (None, 5, "fast", ["exact"], OBJECT, np.array(["ais", "exact"])),
        "target_error": (None, *ABOVE_ZERO), "sweeps": COUNT,
    }),
    (ebm.thermodynamics, {"betas": [0.5]}, {
        **{n: v for n, v in CHAINS.items() if n != "beta"}, "draws": COUNT, "sweeps": COUNT,
        "target_error": (None, *ABOVE_ZERO),
        "betas": (None, [], "12", 5, ["1"], [None], [0.5, -1.0], [float("nan")], [float("inf")],
                  [COMPLEX], [HUGE], [[0.5, 1.0]], {"a": 1}, OBJECT, np.array([0.5, 1j])),
    }),
    (ebm.distribution, {}, {
        "model": MODELS, "params": tuple(v for v in PARAMETERS if repr(v) != "{'J': [0.3]}"),
        "given": OWN, "beta": BETA, "clamp": CLAMP, "sampler": SAMPLER, "sweeps": COUNT,
        "variable": (5, "t", ["s"], OBJECT),
        "log_partition": (None, "0", float("nan"), float("inf"), COMPLEX, HUGE, OBJECT, [None]),
    }),
    (ebm.log_prob, {"data": DATA}, {
        **COMMON, "given": OWN, "data": DATAS, "sampler": SAMPLER, "sweeps": COUNT,
        "method": (None, 5, "fast", ["exact"], OBJECT), "target_error": (None, *ABOVE_ZERO),
        "log_z": (0.0, "1", OBJECT, [1.0]),
    }),
    (ebm.fit, {"data": DATA, "epochs": 1, "batch_size": 2, "chains": 2, "progress": False}, {
        "model": MODELS, "data": DATAS, "seed": SEED, "sampler": SAMPLER, "init": INIT, "given": OWN,
        "params": PARAMETERS[1:], "epochs": COUNT, "batch_size": COUNT, "chains": COUNT,
        "sweeps": OPTIONAL_COUNT, "buffer": OPTIONAL_COUNT, "keep": COUNT, "every": OPTIONAL_COUNT,
        "restart": (None, "1", -0.1, 1.1, float("nan"), True, COMPLEX, HUGE, [0.1], OBJECT),
        "optimizer": (5, "adam", True, OBJECT, [0.1]), "centred": FLAG, "progress": FLAG,
        "resume": FLAG, "checkpoint": PATH, "callback": (5, "print", [5], True),
        "on_divergence": (None, 5, "hide", ["stop"], OBJECT),
        "objective": (None, 5, "ml", True, ["mle"], OBJECT, ebm.ScoreMatching),
        "devices": (0, -1, "some", 1.5, True, [], [5], 10**6, HUGE, OBJECT),
    }),
    (ebm.compare, {"samplers": ["gibbs"], "chains": 2, "warmup": 2, "draws": 4}, {
        **{n: v for n, v in CHAINS.items() if n != "sampler"}, "draws": OPTIONAL_COUNT,
        "warmup": (None, *WARMUP), "seconds": ABOVE_ZERO, "gradients": OPTIONAL_COUNT,
        "target_error": ABOVE_ZERO, "reference": FLAG,
        "samplers": (None, 5, "gibbs", [], ["gibs"], [None], [5], {"gibbs": 1}, OBJECT),
    }),
    (ebm.kernel, {}, {
        **{n: v for n, v in CHAINS.items() if n not in ("seed", "chains", "init")},
        "marginalise": (None, *NAMES), "init": (5, 0.5, True, [1], np.ones(4)),
    }),
    (ebm.replay, {}, {
        "model": MODELS, "sampler": SAMPLER, "slots": COUNT, "chains": COUNT, "sweeps": COUNT,
        "restart": (None, "1", -0.1, 1.1, float("nan"), True, COMPLEX, HUGE, [0.1], OBJECT),
    }),
)  # fmt: skip
FIRST = {"model": MODEL, "params": PARAMS}
WITHOUT_PARAMS = (ebm.fit, ebm.replay)


def rows() -> list[Any]:
    """Every function with one argument that is wrong, and the others right."""
    found: list[Any] = []
    for function, usual, wrong in TABLE:
        first = {"model": MODEL} if function in WITHOUT_PARAMS else FIRST
        for name, values in wrong.items():
            for k, value in enumerate(values):
                arguments = {**first, **usual, name: value}
                if name in ("seconds", "gradients") or (
                    function is ebm.compare and name == "target_error"
                ):
                    arguments.pop("draws")
                found.append(
                    pytest.param(function, arguments, id=f"{function.__name__}-{name}-{k}")
                )
    return found


def refused(act: Callable[[], Any]) -> ebm.EbmError:
    """The error by which a call is refused, which has a code and short words."""
    with pytest.raises(ebm.EbmError) as caught:
        act()
    assert not isinstance(caught.value, ebm.InternalError)
    for diagnostic in caught.value.diagnostics:
        assert diagnostic.code.startswith("E")
        assert len(diagnostic.says) < 500
    return caught.value


@pytest.mark.parametrize(("function", "arguments"), rows())
def test_a_wrong_value_of_an_argument_is_refused_by_a_coded_error(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    refused(lambda: function(**arguments))


def _strange(value: Any) -> bool:
    """Parameters whose values are no numbers: `energy` may be traced, and does not look at values."""
    return isinstance(value, dict) and any(
        isinstance(v, float) and (v != v or abs(v) > 1e38) for v in value.values()
    )


METHODS: tuple[tuple[str, Callable[[Any], Any], tuple[Any, ...]], ...] = (
    ("init-seed", lambda v: MODEL.init(v), SEED),
    ("energy-params", lambda v: MODEL.energy(v, {"s": [1, 1, 1, 1]}),
     tuple(v for v in PARAMETERS if not _strange(v))),
    ("energies-params", lambda v: MODEL.energies(v, {"s": [1, 1, 1, 1]}), ({"J": COMPLEX}, {"J": "x"})),
    ("free_energy-params", lambda v: MODEL.free_energy(v, {"s": [1, 1, 1, 1]}), ({"J": COMPLEX}, {"J": "x"})),
    ("energy-state", lambda v: MODEL.energy(PARAMS, v),
     (None, 5, "s", {}, {"s": None}, {"s": "x"}, {"s": [1, 1]}, {"s": [1, 1, 1, 1j]}, {"t": 1},
      {"s": [1, 1, 1, 1], "t": 1}, {5: 1}, {"s": OBJECT}, {"s": [[1], [1, 2]]})),
    ("energy-given", lambda v: MODEL.energy(PARAMS, {"s": [1, 1, 1, 1]}, v),
     (5, "w", {"v": 1.0}, {"w": "x"}, {"w": COMPLEX})),
    ("bind-site", lambda v: ebm.loads(TEXT.replace(" = 4", "")).bind(site=v),
     (None, "4", 0, -1, 4.0, float("nan"), True, COMPLEX, [4], OBJECT, np.array([4]))),
    ("bind-given", lambda v: MODEL.bind(w=v), (None, "x", float("nan"), COMPLEX, [1.0], OBJECT)),
    ("bind-held", lambda v: MODEL.bind(s=v), (None, "x", [1, 1], [1, 1, 1, 0], [1, 1, 1, 1j],
                                              np.ma.masked_array([1, 1, 1, 1], [0, 0, 0, 1]))),
    ("bind-dict", lambda v: MODEL.bind(v), (5, "w", [1], {"v": 1}, {5: 1}, {"J": 1.0})),
    ("bind-twice", lambda v: MODEL.bind({"w": v}, w=v), (1.0,)),
    ("explain-why", lambda v: MODEL.explain(why=v), (5, "t", ["s"], OBJECT)),
    ("plot-path", lambda v: MODEL.plot(v), PATH),
    ("loads-text", ebm.loads, (None, 5, b"model", ["model"], OBJECT)),
    ("loads-name", lambda v: ebm.loads(TEXT, name=v), (None, 5, ["x"])),
    ("loads-check", lambda v: ebm.loads(TEXT, check=v), (None, "no", 2, [True])),
    ("loads-files", lambda v: ebm.loads(TEXT, files=v), (5, "x", [1])),
    ("loads-bindings", lambda v: ebm.loads(TEXT, v), (5, "w", [1], {"v": 1})),
    ("load-path", ebm.load, (None, *PATH)),
    ("load_fit-path", ebm.load_fit, (None, *PATH)),
    ("draws-plot-path", lambda v: DRAWS.plot(v), PATH),
    ("draws-plot-names", lambda v: DRAWS.plot(names=v), (5, ["t"], [5], OBJECT)),
    ("draws-to_html", lambda v: DRAWS.to_html(v), (None, *PATH)),
    ("fit-plot", lambda v: FIT.plot(v), PATH),
    ("fit-to_csv", lambda v: FIT.to_csv(v), (None, *PATH)),
    ("fit-to_html", lambda v: FIT.to_html(v), (None, *PATH)),
    ("fit-save", lambda v: FIT.save(v), (None, *PATH)),
    ("fit-sample", lambda v: FIT.sample(draws=v), COUNT),
    ("fit-log_likelihood", lambda v: FIT.log_likelihood(v), DATAS),
    ("pictures-traces", lambda v: ebm.pictures.traces(DRAWS, v), (5, ["t"], [5], OBJECT)),
    ("pictures-autocorrelation", lambda v: ebm.pictures.autocorrelation(DRAWS, v), (5, ["t"], [5])),
)  # fmt: skip


@pytest.mark.parametrize(
    ("act", "value"),
    [pytest.param(act, v, id=f"{name}-{k}") for name, act, vs in METHODS for k, v in enumerate(vs)],
)
def test_a_wrong_value_of_an_argument_of_a_method_is_refused(
    act: Callable[[Any], Any], value: Any
) -> None:
    refused(lambda: act(value))


RATE = ("x", 0.0, 1.0, float("nan"), True, COMPLEX, [0.5], OBJECT, None)
STEP = (None, *ABOVE_ZERO)
SETTINGS: tuple[tuple[type[Any], dict[str, tuple[Any, ...]]], ...] = (
    (ebm.Informed, {"kind": (None, 5, "none", ["gwg"], OBJECT), "steps": COUNT, "step_size": ABOVE_ZERO,
                    "target_acceptance": RATE}),
    (ebm.Clusters, {"sweeps": (None, *WARMUP)}),
    (ebm.Langevin, {"step_size": STEP, "steps": COUNT, "noise": ABOVE_ZERO, "clip": ABOVE_ZERO}),
    (ebm.Annealed, {"step_size": STEP, "final_step_size": ABOVE_ZERO, "hottest": STEP, "levels": COUNT,
                    "power": (*STEP, 0.5, 1.5), "steps": COUNT}),
    (ebm.Underdamped, {"step_size": STEP, "friction": STEP, "steps": COUNT}),
    (ebm.MALA, {"step_size": ABOVE_ZERO, "target_acceptance": RATE, "preconditioned": FLAG[1:]}),
    (ebm.HMC, {"step_size": STEP, "num_steps": OPTIONAL_COUNT, "trajectory_length": STEP,
               "target_accept_prob": RATE, "dense_mass": FLAG, "adapt_step_size": FLAG,
               "adapt_mass_matrix": FLAG}),
    (ebm.NUTS, {"step_size": STEP, "max_tree_depth": COUNT, "target_accept_prob": RATE,
                "dense_mass": FLAG, "adapt_step_size": FLAG, "adapt_mass_matrix": FLAG}),
    (ebm.Tempering, {"inner": SAMPLER, "replicas": (*COUNT, 1),
                     "hottest": ("x", -0.1, 1.0, float("nan"), True, COMPLEX, [0.5], OBJECT),
                     "ladder": (5, "01", [], [1.0], [0.5, 0.2, 1.0], [0.0, 0.5], [None, 1.0],
                                [float("nan"), 1.0], [-1.0, 1.0], ["0", "1"], OBJECT)}),
    (ebm.Adaptive, {"fraction": RATE, "most": COUNT}),
    (ebm.ContrastiveDivergence, {"sweeps": OPTIONAL_COUNT}),
    (ebm.DenoisingScore, {"noise": STEP}),
    (ebm.NoiseContrast, {"samples": COUNT}),
    (ebm.PseudoLikelihood, {"sites": OPTIONAL_COUNT}),
    (ebm.RatioMatching, {"sites": OPTIONAL_COUNT}),
    (ebm.SlicedScore, {"projections": COUNT}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("row", "name", "value"),
    [
        pytest.param(row, name, value, id=f"{row.__name__}-{name}-{k}")
        for row, settings in SETTINGS
        for name, values in settings.items()
        for k, value in enumerate(values)
    ],
)
def test_a_wrong_setting_of_a_sampler_or_an_objective_is_refused(
    row: type[Any], name: str, value: Any
) -> None:
    refused(lambda: row(**{name: value}))


@pytest.mark.parametrize(
    "name", ["name", "check", "text", "path", "files", "self", "bindings", "beta"]
)
def test_data_may_have_any_name(name: str, tmp_path: Any) -> None:
    text = f"model m given {name} : real visible s : spin energy = -{name} * s"
    file = tmp_path / "m.ebm"
    file.write_text(text)
    for model in (
        ebm.loads(text, {name: 0.5}),
        ebm.load(file, {name: 0.5}),
        ebm.loads(text).bind({name: 0.5}),
        ebm.load(file, {}, check=False).bind({name: 0.5}),
    ):
        assert float(model.energy({}, {"s": 1})) == -0.5


def test_a_name_that_load_takes_for_itself_is_refused_with_the_form_that_binds_it() -> None:
    text = "model m dim {0} = 2 visible s : spin[{0}] energy = -sum(s)"
    for name, value in (("name", "x"), ("name", 2), ("check", 2), ("check", False), ("files", {})):
        error = refused(lambda n=name, v=value: ebm.loads(text.format(n), **{n: v}))  # pyright: ignore
        assert f'{{"{name}": …}}' in str(error)
    assert ebm.loads(text.format("name"), {"name": 2}, name="file.ebm").source.name == "file.ebm"
    text = "model m given {0} : real visible s : spin energy = {0} * s"
    assert ebm.loads(text.format("text"), text=2.0).bindings.givens["text"] == 2
    assert ebm.loads(text.format("self")).bind(self=2.0).bindings.givens["self"] == 2


ESTIMATOR: dict[str, tuple[Any, ...]] = {
    "model": MODELS, "variable": (5, ["t"], [5], "t", {"s": 1}, OBJECT), "epochs": COUNT, "batch_size": COUNT,
    "chains": COUNT, "objective": (None, 5, "ml"), "sampler": SAMPLER, "sweeps": OPTIONAL_COUNT,
    "learning_rate": (None, *ABOVE_ZERO), "optimizer": (5, "adam", True), "progress": FLAG,
    "random_state": ("x", -1, 1.5, [1.5]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(n, v, id=f"{n}-{k}") for n, vs in ESTIMATOR.items() for k, v in enumerate(vs)],
)
def test_a_wrong_setting_of_an_estimator_is_refused_as_scikit_learn_does(
    name: str, value: Any
) -> None:
    sklearn = pytest.importorskip("ebmlang.sklearn")
    settings = {"model": ebm.loads(TEXT.replace(" = 4", ""), w=1.0), name: value}
    with pytest.raises(ValueError, match=r"."):
        sklearn.EBM(**settings).fit(DATA["s"])
