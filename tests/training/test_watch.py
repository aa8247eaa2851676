"""Fits that go wrong are told of, by what goes wrong, and go on more slowly where that is wanted."""

import jax
import numpy as np
import optax
import pytest
from cut_off import MODEL, assert_same, fit

import ebmlang as ebm
from conftest import PROGRAMS, shared_data
from ebmlang.training.loop import Diverged
from ebmlang.training.watch import chains_rhat, exploding, frozen, standing_still, steady

BOWL = """model m dim k = 2 visible x : real[k] param w : real init 3
energy bowl = w * sum(x^2) / 2 energy odd = 0.1 * sum(i) log(w + 2) * x[i]^2"""
POINTS = np.random.default_rng(0).normal(size=(200, 2))


def rows(gap, gradient=None):
    gradient = np.ones(len(gap)) if gradient is None else gradient
    return [{"epoch": k + 1, "gap": a, "gradient_norm": b}
            for k, (a, b) in enumerate(zip(gap, gradient, strict=True))]  # fmt: skip


@pytest.mark.parametrize(
    ("history", "says"),
    [
        (rows([30, -2, 1, -1, 2, -1, 1]), None),
        (rows([2, 1, 1, 3, 50, 400]), "energies of data and samples part, since epoch 4"),
        (rows([-2, 1, -1, -3, -50, -400]), "energies of data and samples part"),
        (rows([2, 1, 1, 3, 400, 50]), None),  # not growing any more
        (rows([500, 1, 1, 3, 50, 400]), None),  # no more than at first
        (rows([0.01, 0.01, 0.01, 0.02, 0.5, 9.0]), None),  # nats too few to matter
        (rows([2, 1, 400]), None),  # too early to say
        (rows([1] * 6, [1, 2, 1, 9, 80, 900]), "the gradient explodes"),
        (rows([1] * 6, [1, 2, 1, 9, 80, 150]), None),
    ],
)
def test_what_grows_beyond_its_history_is_told(history, says):
    found = exploding(history)
    assert [s for s in found if says is not None and says in s.says] == found
    assert bool(found) == (says is not None)
    assert all(sign.grave for sign in found)


def test_an_epoch_unlike_the_others_is_nothing_to_go_back_to():
    assert steady(rows([30, -2, 1, -1]))
    assert not steady(rows([30, -2, 1, -1, 400]))


def test_chains_that_stand_still_for_epochs_are_frozen():
    old = {"v": np.zeros((10, 4)), "h": np.zeros((10, 4))}
    new = {"v": np.zeros((10, 4)), "h": np.eye(10, 4)}
    once = standing_still(old, new, 7, {})
    assert once == {"v": 1}
    assert frozen(once) == []
    (sign,) = frozen(standing_still(old, new, 7, once))
    assert "frozen: `v`" in sign.says
    assert standing_still(old, old, 7, once) == {"v": 2, "h": 1}
    assert standing_still(old, new, 2, once) == {}  # too few moves to tell


def test_rhat_of_the_chains_sees_chains_that_live_apart_and_not_what_all_share():
    rng = np.random.default_rng(0)
    together = rng.normal(size=(20, 50)) + 100 * np.arange(20)[:, None]
    assert chains_rhat(together) < 1.1
    assert chains_rhat(together + 5 * (np.arange(50) % 2)) > 1.5
    assert np.isnan(chains_rhat(together[:3]))


def test_a_fit_whose_steps_are_too_long_goes_back_and_takes_shorter_ones(tmp_path):
    model = ebm.loads(BOWL, check=False)
    settings = {"epochs": 8, "progress": False, "chains": 20, "optimizer": optax.sgd(20.0)}
    with pytest.raises(Diverged, match=r"(?s)E710.*on_divergence=\"lower\"") as caught:
        ebm.fit(model, {"x": POINTS}, **settings)
    assert caught.value.fit.stopped.startswith("diverged after ")
    with pytest.warns(UserWarning, match="went back to .*, and steps are a tenth"):
        fitted = ebm.fit(
            model, {"x": POINTS}, on_divergence="lower", checkpoint=tmp_path, **settings
        )
    assert len(fitted.history["gap"]) == 8
    assert 1e-3 <= fitted.history["rate"][-1] < 1
    assert "left the finite numbers" in fitted.problems[0]
    assert np.isfinite(fitted.params["w"])
    again = ebm.fit(model, {"x": POINTS}, on_divergence="lower", checkpoint=tmp_path, **settings)
    assert_same(again, fitted)
    assert again.problems == fitted.problems


NET = """dim xy = 2 visible x : real[xy] net f : real[xy] -> real = mlp(16, 16, act=silu)
energy = f(x) + sum(x^2) / 8"""


def too_long_after(step):
    return lambda done: jax.numpy.where(done < step, 1e-3, 60.0)


def lowered(folder=None, **changed):
    """A fit of ten steps an epoch that is led astray after step 40, and goes back twice."""
    settings = {
        "epochs": 8, "sampler": "langevin", "chains": 20, "batch_size": 20, "progress": False,
        "optimizer": optax.sgd(too_long_after(40)), "on_divergence": "lower", **changed,
    }  # fmt: skip
    return ebm.fit(ebm.loads(NET), {"x": POINTS}, checkpoint=folder, **settings)


@pytest.mark.filterwarnings("ignore:.*went back to")
@pytest.mark.parametrize(("epochs", "every"), [(4, None), (6, None), (4, 3)])
def test_a_resumed_fit_goes_back_as_the_one_that_was_not_cut_off(tmp_path, epochs, every):
    whole = lowered(every=every)
    assert whole.history["rate"][2] == 1
    assert 0 < whole.history["rate"][-1] < 0.05
    lowered(tmp_path, epochs=epochs, every=every)
    again = lowered(tmp_path, every=every)
    assert_same(again, whole)
    assert again.problems == whole.problems


@pytest.mark.filterwarnings("ignore:.*went back to")
def test_a_resumed_fit_goes_back_as_often_as_the_one_that_was_not_cut_off(tmp_path):
    wild = optax.sgd(lambda done: jax.numpy.where(done < 40, 1e-3, 1e9))
    with pytest.raises(Diverged) as whole:
        lowered(optimizer=wild)
    lowered(tmp_path, epochs=4, optimizer=wild)
    with pytest.raises(Diverged) as again:
        lowered(tmp_path, optimizer=wild)
    assert again.value.fit.problems == whole.value.fit.problems
    assert_same(again.value.fit, whole.value.fit)


@pytest.mark.filterwarnings("ignore:.*went back to")
def test_a_fit_that_was_to_stop_may_go_on_and_go_back(tmp_path):
    lowered(tmp_path, epochs=3, on_divergence="stop")
    assert lowered(tmp_path).history["rate"][-1] < 1


def test_what_passes_once_cannot_be_gone_back_in():
    rows = ({"x": point} for point in POINTS)
    with pytest.raises(ebm.EbmError, match=r"(?s)E704.*passes only once.*makes a new iterator"):
        ebm.fit(ebm.loads(BOWL, check=False), rows, on_divergence="lower", progress=False)
    assert len(list(rows)) > 0


def test_steps_are_not_made_shorter_for_ever():
    model = ebm.loads(BOWL, check=False)
    with pytest.warns(UserWarning, match="a tenth") as told, pytest.raises(Diverged, match="E710"):
        ebm.fit(model, {"x": POINTS}, epochs=8, progress=False, chains=20, on_divergence="lower",
                optimizer=optax.sgd(1e6))  # fmt: skip
    assert 1 <= len(told) <= 3


def test_chains_that_freeze_are_named():
    """Fields so strong that every unit is on: no draw ever differs from the last."""
    params = {**MODEL.bind(pixel=6).init(0), "b": np.full(6, 90.0), "c": np.full(3, 90.0)}
    with pytest.warns(UserWarning, match="frozen: `[vh]`") as told:
        found = fit(params=params, optimizer=optax.adam(1e-6))
    assert len(told) == len(found.problems)
    assert all("moved in none of them" in says for says in found.problems)


def test_a_word_for_divergence_that_there_is_not_is_refused():
    with pytest.raises(ebm.EbmError, match=r"E704.*`on_divergence` must be stop or lower"):
        fit(on_divergence="ignore")
    with pytest.raises(ebm.EbmError, match=r"E704.*`every`"):
        fit(every=0)


def test_the_history_is_a_table_and_a_figure(tmp_path):
    fitted = fit()
    fitted.to_csv(tmp_path / "history.csv")
    table = np.genfromtxt(tmp_path / "history.csv", delimiter=",", names=True)
    assert set(table.dtype.names) == set(fitted.history)
    for name, values in fitted.history.items():
        np.testing.assert_array_equal(table[name], values)
    figure = fitted.plot()
    lines = [line for axis in figure.axes for line in axis.get_lines()]
    np.testing.assert_array_equal(lines[0].get_ydata(), fitted.history["data_energy"])
    assert {line.get_color() for line in lines} <= {"black", "0.6"}
    figure.savefig(tmp_path / "fit.png")
    with pytest.raises(ebm.EbmError, match=r"E704.*no epoch"):
        ebm.Fit(MODEL, {}, {}).plot()


def test_an_entry_without_an_optimum_is_named():
    """Units 0 and 1 are never on together: no finite coupling is the best."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (400, 4))
    bits[:, 1] &= 1 - bits[:, 0]
    text = (PROGRAMS / "boltzmann_machine.ebm").read_text()
    settings = {"epochs": 30, "chains": 200, "progress": False, "optimizer": optax.adam(0.1)}
    with pytest.warns(UserWarning, match=r"`J\[0, 1\]` runs away: -.*give `J` a prior") as told:
        loose = ebm.fit(ebm.loads(text, check=False), {"x": bits}, **settings)
    assert len(told) == 1
    assert len(loose.problems) == 1


def test_one_example_away_from_what_is_usual_has_an_optimum():
    """Four units of forty are on, which configurations drawn evenly never have."""
    model = ebm.loads("dim n = 40 visible x : binary[n] param b : real energy = -b * sum(x)")
    row = np.arange(40)[None] < 4
    fit = ebm.fit(
        model, {"x": row.astype(int)}, epochs=16, chains=2, batch_size=1,
        optimizer=optax.sgd(0.01), centred=False, progress=False,
    )  # fmt: skip
    assert fit.params["b"] < -1
    assert fit.problems == ()


@pytest.mark.slow
def test_entries_with_priors_or_with_optima_do_not_run_away():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (400, 4))
    text = (PROGRAMS / "boltzmann_machine.ebm").read_text()
    settings = {"epochs": 30, "chains": 200, "progress": False, "optimizer": optax.adam(0.1)}
    assert ebm.fit(ebm.loads(text, check=False), {"x": bits}, **settings).problems == ()
    bits[:, 1] &= 1 - bits[:, 0]
    prior = text.replace("symmetric hollow", "symmetric hollow ~ normal(0, 1)")
    held = ebm.fit(ebm.loads(prior, check=False), {"x": bits}, **settings)
    assert held.problems == ()


@pytest.mark.slow
@pytest.mark.parametrize("centred", [True, False])
def test_the_pair_of_neurons_that_never_fires_together_is_named(centred):
    with np.load(shared_data() / "neural" / "maxent_toolbox_example15.npz") as kept:
        spikes = np.unpackbits(kept["bits"], axis=1)[:, : int(kept["D"])]
    model = ebm.load(PROGRAMS / "boltzmann_machine.ebm", check=False)
    with pytest.warns(UserWarning, match=r"`J\[\d+, \d+\]`.* away: -"):
        found = ebm.fit(model, {"x": spikes}, epochs=20, chains=500, progress=False,
                        optimizer=optax.adam(0.01), centred=centred)  # fmt: skip
    assert len(found.problems) == 1


@pytest.mark.slow
def test_a_pixel_that_is_never_lit_runs_away_with_its_weights():
    bits = np.random.default_rng(0).integers(0, 2, (400, 6))
    bits[:, 2] = 0
    model = ebm.load(PROGRAMS / "rbm.ebm", unit=3, check=False)
    with pytest.warns(UserWarning, match=r"`b\[2\]` runs away: -"):
        ebm.fit(model, {"v": bits}, epochs=40, progress=False, optimizer=optax.adam(0.05))
