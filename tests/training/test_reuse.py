"""What a fit compiled is there for the next one; optimisers that do the same are known to."""

import optax
import pytest
from cut_off import BITS, RBM, SETTINGS, assert_same, fit
from jax import monitoring

import ebmlang as ebm
from ebmlang.training.likeness import likeness, told

OPTIMISERS = [
    optax.sgd,
    optax.adam,
    optax.adamw,
    optax.rmsprop,
    lambda rate: optax.adam(optax.cosine_decay_schedule(rate, 10)),
    lambda rate: optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate)),
    lambda rate: optax.inject_hyperparams(optax.adam)(learning_rate=rate),
]


@pytest.mark.parametrize("make", OPTIMISERS)
def test_optimisers_are_alike_if_they_do_the_same(make):
    assert likeness(make(0.1)) == likeness(make(0.1))
    assert likeness(make(0.1)) != likeness(make(0.2))
    assert told(make(0.1)) == told(make(0.1))
    assert told(make(0.1)) != told(make(0.2))


def test_a_schedule_that_optax_has_not_made_is_like_itself_alone():
    rate = 0.1
    one, other = (optax.sgd(lambda count: rate) for _ in range(2))
    assert likeness(one) != likeness(other)
    assert likeness(one) == likeness(one)


def test_a_fit_that_recurs_compiles_nothing(monkeypatch):
    model = ebm.loads(RBM, unit=3, check=False)
    made = []
    kept = ebm.Model.made

    def counted(self, key, make):
        def once():
            made.append(key)
            return make()

        return kept(self, key, once)

    monkeypatch.setattr(ebm.Model, "made", counted)

    def again(**changed):
        made.clear()
        settings = {"optimizer": optax.adam(0.01), **SETTINGS, "epochs": 2, **changed}
        ebm.fit(model, {"v": BITS}, **settings)
        return len(made)

    assert again()
    assert again() == 0
    assert again(seed=4, epochs=3) == 0
    assert again(optimizer=optax.adam(0.02)) == 2  # the epoch, and what it does of its own accord
    assert again(sweeps=2) == 1


COMPILED: list[str] = []
monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **more: COMPILED.append(event) if "backend_compile" in event else None
)
CASES = {
    "mle": {"objective": "mle"},
    "buffer": {"objective": "mle", "buffer": 30},
    "pseudo": {"objective": "pseudo"},
    "nce": {"objective": "nce"},
    "exact": {"sampler": "exact"},
}


@pytest.mark.parametrize("case", CASES)
def test_another_seed_and_other_data_of_the_same_shape_compile_nothing(case):
    model = ebm.loads(RBM, unit=3, check=False)
    settings = {"batch_size": 10, "chains": 8, "progress": False, "epochs": 2, **CASES[case]}
    first = ebm.fit(model, {"v": BITS}, **settings)
    assert COMPILED
    COMPILED.clear()
    seeded = ebm.fit(model, {"v": BITS}, seed=2**31 - 1, params=first.params, **settings)
    other = ebm.fit(model, {"v": 1 - BITS}, params=first.params, **settings)
    assert COMPILED == []
    assert other.params["b"].tolist() != seeded.params["b"].tolist()


def test_what_compiles_once_for_all_data_and_seeds_is_what_compiles_for_one():
    for case in ("buffer", "nce"):
        settings = {"batch_size": 10, "chains": 8, "progress": False, "epochs": 2, **CASES[case]}
        shared = ebm.loads(RBM, unit=3, check=False)
        ebm.fit(shared, {"v": 1 - BITS}, seed=1, **settings)
        again = ebm.fit(shared, {"v": BITS}, seed=3, **settings)
        alone = ebm.fit(ebm.loads(RBM, unit=3, check=False), {"v": BITS}, seed=3, **settings)
        assert_same(again, alone)


def test_fits_that_share_what_is_compiled_share_nothing_else():
    assert fit(seed=1).params["W"].tolist() != fit(seed=2).params["W"].tolist()
    assert fit(seed=1).params["W"].tolist() == fit(seed=1).params["W"].tolist()
