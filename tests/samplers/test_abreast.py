"""Groups of chains on cores of their own draw what all chains together draw."""

import jax
import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.samplers import abreast

RING = """dim site = 6 cyclic
visible s : spin[site]
energy = -0.3 * sum(i) s[i] * s[i + 1]"""


@pytest.mark.parametrize("keep", ["all", "moments"])
def test_two_cores_draw_what_one_draws(monkeypatch, keep):
    model = ebm.loads(RING)
    settings = {"draws": 40, "chains": 4, "warmup": 10, "keep": keep, "progress": False}
    found = []
    for groups in (1, 2):
        monkeypatch.setattr(abreast, "groups_of", lambda chains, groups=groups: groups)
        drawn = ebm.sample(model, {}, seed=3, **settings)
        found.append(drawn.mean["s"] if keep == "moments" else drawn["s"])
    assert np.array_equal(*found)
    assert np.std(found[0]) > 0


def test_a_second_call_compiles_nothing(monkeypatch):
    monkeypatch.setattr(abreast, "groups_of", lambda chains: 2)
    traced = []

    def double(scale, chains):
        traced.append(chains.shape)
        return scale * chains

    run = abreast.Abreast(jax.jit(double), along=(1,))
    rows = np.arange(8.0).reshape(4, 2)
    for scale in (2.0, 3.0):
        assert np.array_equal(run(np.float32(scale), rows), scale * rows)
    assert traced == [(2, 2)]


def test_groups_divide_the_chains_and_fill_vectors(monkeypatch):
    monkeypatch.setattr(abreast.os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert [abreast.groups_of(n) for n in (1, 4, 7, 16, 96, 100)] == [1, 4, 1, 1, 6, 5]
