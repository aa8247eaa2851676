"""Chains and rows on many devices and in two processes: the fit of one device, but for sums."""

import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from shared_cases import CASES, EXTRA, case, flat

import ebmlang as ebm

SCRIPT = Path(__file__).with_name("shared_fits.py")
TIMEOUT = 300


def started(*args):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def ended(processes):
    """Wait for all of them; none outlives the test."""
    try:
        for process in processes:
            told, _ = process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0, told
    finally:
        for process in processes:
            process.kill()


def assert_alike(found, wanted):
    """Discrete values the same, real ones up to the order of sums."""
    for name, value in wanted.items():
        if np.issubdtype(value.dtype, np.integer):
            np.testing.assert_array_equal(found[name], value, err_msg=name)
        else:
            np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=2e-4, err_msg=name)


@pytest.mark.slow
def test_eight_devices_give_the_fit_of_one(tmp_path):
    ended([started("eight", tmp_path / "found.npz")])
    found = np.load(tmp_path / "found.npz")
    for name in (*CASES, *EXTRA):
        assert_alike(found, flat(name, case(name)))
        if name in CASES:
            assert found[f"{name} parts"] == 8


@pytest.mark.slow
def test_two_processes_give_the_fit_of_one_and_each_other(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outs = [tmp_path / f"{number}.npz" for number in range(2)]
    folder = tmp_path / "run"
    ended([started(k, out, port, folder) for k, out in enumerate(outs)])
    one, other = (np.load(out) for out in outs)
    assert one["chains parts"] == 4
    for name in one.files:
        np.testing.assert_array_equal(one[name], other[name])
    assert_alike(one, flat("chains", case("chains")))
    assert len(list(folder.iterdir())) == 3
    # What four devices kept, one goes on from.
    resumed = case("chains", checkpoint=folder, epochs=4)
    assert_alike(flat("chains", resumed), flat("chains", case("chains", epochs=4)))


def test_one_device_in_a_row_is_that_device():
    one, other = case("chains", devices=1), case("chains")
    assert_alike(flat("chains", one), flat("chains", other))


@pytest.mark.parametrize("devices", [0, -1, True, "some", 10_000, (), ["cpu"]])
def test_devices_that_there_are_not_are_refused(devices):
    with pytest.raises(ebm.EbmError, match="`devices` must be"):
        case("chains", devices=devices)


def test_counts_that_cannot_be_parted_are_told_with_those_that_can():
    from ebmlang.training.devices import Spread

    spread = Spread(tuple(jax.devices()) * 8)
    spread.check(chains=16)
    with pytest.raises(ebm.EbmError) as raised:
        spread.check(batch_size=32, chains=100)
    (told,) = raised.value.diagnostics
    number = spread.number
    assert told.says == f"chains=100 cannot be parted evenly among {number} devices"
    assert told.helps == (f"chains={100 + -100 % number} or chains={100 - 100 % number}",)


def test_exact_gradients_take_one_device():
    with pytest.raises(ebm.EbmError, match="exact gradients are taken on one device"):
        case("chains", sampler="exact", devices="all", optimizer=None)
