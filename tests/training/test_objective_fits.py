"""Fits by objectives without chains: they find the truth, keep to their settings, refuse what does not fit."""

import numpy as np
import optax
import pytest
from test_objectives import enumerated
from typer.main import get_command

import ebmlang as ebm
from conftest import PROGRAMS, shared_data
from ebmlang import cli
from ebmlang.partition.examples import prepare
from ebmlang.training.descent import DescentTask
from ebmlang.training.fit import Diverged
from ebmlang.training.objectives import TABLE, objective_of

MACHINE = (
    "dim n = 4 visible x : binary[n] param W : real[n, n] param b : real[n] "
    "energy = -sum(i, j, i < j) W[i, j] * x[i] * x[j] - b @ x"
)
COUPLED = {
    "W": np.triu([[0, 1.0, -0.5, 0.3], [0, 0, 0.8, -1], [0, 0, 0, 0.4], [0] * 4], 1),
    "b": np.array([0.3, -0.6, 0.2, -0.1]),
}
BUMPS = "visible x : real param a : real init 0.5 param b : real energy = a * x^2 / 2 - b * x"


def trained(text, data, objective, epochs=150, rate=0.05, **settings):
    """A fit by Adam at a rate that falls to 0."""
    rows = len(next(iter(data.values())))
    batch = min(rows, 500)
    steps = epochs * (rows // batch)
    return ebm.fit(
        ebm.loads("model m " + text), data, objective=objective, epochs=epochs, batch_size=batch,
        optimizer=optax.adam(optax.cosine_decay_schedule(rate, steps)), progress=False, **settings,
    )  # fmt: skip


def missed(fit, truth):
    """Root mean square of the errors of all free parameters."""
    upper = np.triu_indices(4, 1)
    errors = (fit.params["W"] - truth["W"])[upper], fit.params["b"] - truth["b"]
    return np.sqrt(np.mean(np.concatenate(errors) ** 2))


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["pseudo", "ratio", "nce"])
def test_the_error_falls_as_one_over_the_root_of_the_number_of_examples(objective):
    errors = {}
    for rows in (500, 8000):
        data = [enumerated(MACHINE, COUPLED, rows, seed).data for seed in range(6)]
        fits = [trained(MACHINE, d, objective, epochs=max(60, 150000 // rows)) for d in data]
        errors[rows] = np.sqrt(np.mean([missed(f, COUPLED) ** 2 for f in fits]))
    assert errors[8000] < 0.1
    # 6 x 10 errors each: their ratio is 4, give or take a fifth.
    assert 2.4 < errors[500] / errors[8000] < 6.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "width"),
    [("score", 1.0), ("sliced_score", 1.0), (ebm.DenoisingScore(noise=0.5), 1.25)],
)
def test_scores_find_a_gaussian_and_denoising_that_of_noisy_data(objective, width):
    errors = {}
    for rows in (500, 8000):
        found = []
        for seed in range(8):
            points = np.random.default_rng(seed).normal(0.5, 1, rows)
            fit = trained(BUMPS, {"x": points}, objective, epochs=max(30, 60000 // rows))
            found.append([fit.params["a"] - 1 / width, fit.params["b"] - 0.5 / width])
        errors[rows] = np.sqrt(np.mean(np.square(found)))
    assert errors[8000] < 0.03
    assert 2 < errors[500] / errors[8000] < 8


def test_noise_contrast_learns_log_z(tmp_path):
    truth = enumerated(MACHINE, COUPLED, 4000)
    fit = trained(MACHINE, truth.data, ebm.NoiseContrast(samples=5), epochs=40)
    exact = ebm.log_partition(fit.model, fit.params).value
    assert fit.log_z_estimate == pytest.approx(exact, abs=0.15)
    assert missed(fit, COUPLED) < 0.2
    fit.save(tmp_path / "f")
    assert ebm.load_fit(tmp_path / "f").log_z_estimate == fit.log_z_estimate
    assert set(fit.history) == {"epoch", "loss", "gradient_norm", "rate", "seconds"}


def test_priors_draw_parameters_as_in_maximum_likelihood():
    """With one site pseudo-likelihood is the likelihood: the mode solves n (mean - p(b)) = b / 0.1^2."""
    text = "visible x : binary param b : real ~ normal(0, 0.1) energy = -b * x"
    data = {"x": np.repeat([1, 0], [80, 20])}
    fit = ebm.fit(
        ebm.loads("model m " + text), data, objective="pseudo", epochs=400, progress=False,
        optimizer=optax.adam(optax.cosine_decay_schedule(0.05, 400)),
    )  # fmt: skip
    b = float(fit.params["b"])
    assert 100 * (0.8 - 1 / (1 + np.exp(-b))) == pytest.approx(b / 0.01, abs=1e-2)


def test_decay_clipping_and_schedules_are_those_of_optax():
    data = enumerated(MACHINE, COUPLED, 200).data
    model = ebm.loads("model m " + MACHINE)
    start = {"W": COUPLED["W"], "b": COUPLED["b"]}

    def after(optimizer, epochs=1):
        return ebm.fit(
            model, data, objective="pseudo", epochs=epochs, batch_size=200, progress=False,
            optimizer=optimizer, params=start,
        ).params  # fmt: skip

    plain = after(optax.adamw(0.01, weight_decay=0.0))
    decayed = after(optax.adamw(0.01, weight_decay=0.5))
    masked = after(optax.adamw(0.01, weight_decay=0.5, mask={"W": True, "b": False}))
    np.testing.assert_allclose(plain["W"] - decayed["W"], 0.005 * start["W"], atol=1e-6)
    np.testing.assert_allclose(plain["b"] - decayed["b"], 0.005 * start["b"], atol=1e-6)
    np.testing.assert_allclose(masked["W"], decayed["W"], atol=1e-7)
    np.testing.assert_allclose(masked["b"], plain["b"], atol=1e-7)
    clipped = after(optax.chain(optax.clip_by_global_norm(1e-3), optax.sgd(1.0)))
    moved = np.sqrt(sum(np.sum((clipped[n] - start[n]) ** 2) for n in start))
    assert moved == pytest.approx(1e-3, rel=1e-3)
    stopped = after(optax.sgd(optax.piecewise_constant_schedule(0.1, {2: 0.0})), epochs=5)
    short = after(optax.sgd(0.1), epochs=2)
    np.testing.assert_allclose(stopped["W"], short["W"], atol=1e-6)
    assert not np.allclose(short["W"], start["W"])


def test_a_fit_goes_on_from_its_checkpoint_to_the_last_bit(tmp_path):
    data = {"x": np.random.default_rng(0).normal(size=300)}
    model = ebm.loads("model m " + BUMPS)
    settings = {"objective": "sliced_score", "batch_size": 50, "progress": False, "seed": 2}
    whole = ebm.fit(model, data, epochs=4, **settings)
    ebm.fit(model, data, epochs=2, checkpoint=tmp_path / "kept", **settings)
    gone_on = ebm.fit(model, data, epochs=4, checkpoint=tmp_path / "kept", **settings)
    np.testing.assert_array_equal(whole.params["a"], gone_on.params["a"])
    np.testing.assert_array_equal(whole.history["loss"], gone_on.history["loss"])
    settings["objective"] = ebm.SlicedScore(projections=2)
    with pytest.raises(ebm.EbmError, match="E711"):
        ebm.fit(model, data, epochs=4, checkpoint=tmp_path / "kept", **settings)


def test_a_descent_that_leaves_the_finite_numbers_keeps_its_last_good_state():
    model = ebm.loads(
        "model m visible x : real param w : real init 1 energy = w * x^2 / 2 + log(w + 2) * x^2"
    )
    points = 30 * np.random.default_rng(0).normal(size=200)
    with pytest.raises(Diverged, match="E71") as caught:
        ebm.fit(model, {"x": points}, objective="score", epochs=50, optimizer=optax.sgd(1.0),
                progress=False)  # fmt: skip
    assert np.isfinite(caught.value.fit.params["w"])


TYPES = {
    "binary": "dim n = 3 visible x : binary[n] param w : real energy = w * sum(x)",
    "labels": "dim aa = 3, n = 2 visible x : category(aa)[n] param w : real[aa] "
    "energy = sum(i) w[x[i]]",
    "real": "dim n = 2 visible x : real[n] param w : real energy = exp(w * sum(x)) + sum(x^2)",
    "kinked": "visible x : real param w : positive energy = w * abs(x)",
    "laplace": "param w : positive visible x : real ~ laplace(0, w)",
    "bounded": "dim n = 2 visible x : positive[n] param w : positive energy = w * sum(x)",
    "simplex": "dim n = 3 visible x : simplex[n] param w : real[n] energy = w @ x",
    "circle": "dim n = 2 visible t : angle[n] param k : real energy = k * cos(2 * t[0] - t[1] + k)",
    "cut circle": "dim n = 2 visible t : angle[n] param k : real energy = k * cos(t[0] - t[1] / 2)",
    "deep": "dim n = 2 visible v : binary[n] latent h : binary[n] latent g : binary[n] "
    "param w : real energy = -w * v @ h - w * h @ g - w * h[0] * h[1]",
    "field each": "dim n = 2 given f : real[n] visible s : spin[n] param k : real energy = -k * f @ s",
}  # fmt: skip
FITTING = {
    "binary": {"pseudo", "ratio", "nce"},
    "labels": {"pseudo", "nce"},
    "real": {"score", "sliced_score", "denoising_score", "nce"},
    "kinked": {"denoising_score", "nce"},
    "laplace": {"denoising_score", "nce"},
    "bounded": {"score", "sliced_score", "nce"},
    "simplex": {"nce"},
    "circle": {"score", "sliced_score", "denoising_score", "nce"},
    "cut circle": {"nce"},
    "deep": set(),
    "field each": {"pseudo", "ratio"},
}
CHAINLESS = ("pseudo", "score", "sliced_score", "denoising_score", "ratio", "nce")


def examples_of(which):
    rng = np.random.default_rng(0)
    match which:
        case "binary":
            return {"x": rng.integers(0, 2, (12, 3))}
        case "deep":
            return {"v": rng.integers(0, 2, (12, 2))}
        case "labels":
            return {"x": rng.integers(0, 3, (12, 2))}
        case "real":
            return {"x": rng.normal(size=(12, 2))}
        case "kinked" | "laplace":
            return {"x": rng.normal(size=12)}
        case "bounded":
            return {"x": rng.gamma(2, 1, (12, 2))}
        case "circle" | "cut circle":
            return {"t": rng.uniform(0, 6.2, (12, 2))}
        case "simplex":
            return {"x": rng.dirichlet(np.ones(3), 12)}
        case _:
            return {"s": rng.choice([-1, 1], (12, 2)), "f": rng.normal(size=(12, 2))}


def tried(which):
    """The objectives that take a model on, and what the others say."""
    model, examples = prepare(ebm.loads("model m " + TYPES[which]), examples_of(which), None)
    tasks, refused = {}, {}
    for name in CHAINLESS:
        try:
            tasks[name] = DescentTask(
                objective_of(name), model, examples, None, 4, model.init(0), 0
            )
        except ebm.EbmError as error:
            refused[name] = error.diagnostics[0]
    return tasks, refused


@pytest.mark.parametrize("which", TYPES)
def test_what_does_not_fit_a_model_is_refused_and_what_does_is_named(which):
    tasks, refused = tried(which)
    assert set(tasks) == FITTING[which]
    assert set(tasks) | set(refused) == set(CHAINLESS) == set(TABLE) - {"mle", "cd"}
    for name, told in refused.items():
        assert told.code == "E707"
        assert told.says.startswith(f"`{name}` cannot fit `m`: ")
        assert set(told.helps[0].removeprefix("what fits: ").split(", ")) == {
            "mle",
            "cd",
            *FITTING[which],
        }


@pytest.mark.slow
@pytest.mark.parametrize("which", TYPES)
def test_what_fits_a_model_is_finite_on_it(which):
    model = ebm.loads("model m " + TYPES[which])
    for objective in FITTING[which]:
        fit = ebm.fit(model, examples_of(which), objective=objective, epochs=2, progress=False)
        assert np.isfinite(fit.history["loss"]).all()
        assert np.isfinite(fit.history["gradient_norm"]).all()


def test_the_command_names_every_objective():
    [option] = [p for p in get_command(cli.app).commands["fit"].params if p.name == "objective"]
    assert set(option.help.replace(" or ", ", ").split(", ")) == set(TABLE)


def test_names_and_settings_that_are_none_are_told():
    model = ebm.loads("model m " + TYPES["binary"])
    data = examples_of("binary")
    with pytest.raises(ebm.EbmError, match=r"E707.*`psuedo`") as caught:
        ebm.fit(model, data, objective="psuedo", progress=False)
    assert "did you mean `pseudo`?" in str(caught.value)
    assert "mle, cd, pseudo, score" in str(caught.value)
    with pytest.raises(ebm.EbmError, match="E707"):
        ebm.fit(model, data, objective=ebm.PseudoLikelihood, progress=False)
    with pytest.raises(ebm.EbmError, match=r"E704.*`buffer`"):
        ebm.fit(model, data, objective="pseudo", buffer=10, progress=False)
    with pytest.raises(ebm.EbmError, match=r"E704.*`noise`"):
        ebm.DenoisingScore(noise=0)


@pytest.mark.slow
def test_couplings_of_a_chain_of_potts_spins_are_found_next_to_the_diagonal():
    """Scores as in direct-coupling analysis: Frobenius norms in the zero-sum gauge, less what rows share."""
    letters = np.load(shared_data() / "protein" / "plmc_potts3_chain.npz")["msa"]
    text = (PROGRAMS / "potts_dca.ebm").read_text().replace('"-ACDEFGHIKLMNPQRSTVWY"', '"ABC"')
    text = text.replace("init 0  ~ normal(0, 0.1)", "init 0  ~ normal(0, 0.3)")
    model = ebm.loads(text)
    fit = ebm.fit(
        model, {"x": letters - letters.min()}, objective="pseudo", epochs=60, batch_size=100,
        optimizer=optax.adam(optax.cosine_decay_schedule(0.02, 300)), progress=False,
    )  # fmt: skip
    J = np.asarray(fit.params["J"])
    J = J - J.mean(2, keepdims=True) - J.mean(3, keepdims=True) + J.mean((2, 3), keepdims=True)
    score = np.triu(np.linalg.norm(J, axis=(2, 3)), 1)
    score = score + score.T
    score -= np.outer(score.sum(0), score.sum(0)) / score.sum()
    i, j = np.triu_indices(60, 1)
    best = np.argsort(-score[i, j])[:59]
    assert np.mean(j[best] - i[best] == 1) > 0.95
