"""Data that stay where they lie, and data that come one after another: the same fits as in memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import optax
import pytest
from cut_off import BITS, MODEL, RATE, SETTINGS, assert_same
from scipy import sparse

import ebmlang as ebm
from ebmlang.partition import sources
from ebmlang.partition.files import only_rows
from ebmlang.partition.sources import Stored, rows_of
from ebmlang.training import feed, standing
from ebmlang.training.checkpoint import Keeper

h5py = pytest.importorskip("h5py")
OVER_MEMORY = Path(__file__).with_name("over_memory.py")


class Counted:
    """Rows that are had by slices alone, and how many were asked for at once."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.most = array, array.shape, array.dtype, 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        found = self.array[rows]
        self.most = max(self.most, len(found))
        return found


def fit(data, folder=None, **changed):
    steps = {} if changed.get("sampler") == "exact" else {"optimizer": optax.adam(RATE)}
    settings = {**steps, **SETTINGS, "epochs": 2, **changed}
    return ebm.fit(MODEL, data, checkpoint=folder, **settings)


@pytest.fixture(scope="module")
def whole():
    return fit({"v": BITS})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "v.npz", v=BITS, labels=np.arange(len(BITS)))
    np.save(folder / "bits.npy", BITS)
    with h5py.File(folder / "v.h5", "w") as file:
        file["v"] = BITS
        file.create_group("deep").create_dataset("w", data=BITS, chunks=(7, 6), compression="gzip")
    return folder


SOURCES = {
    "npz": lambda f: f / "v.npz",
    "npy": lambda f: str(f / "bits.npy"),
    "name and npy": lambda f: {"v": f / "bits.npy"},
    "memmap": lambda f: {"v": np.load(f / "bits.npy", mmap_mode="r")},
    "h5": lambda f: f / "v.h5",
    "h5 inside": lambda f: {"v": f"{f / 'v.h5'}:deep/w"},
    "dataset": lambda f: {"v": h5py.File(f / "v.h5")["deep/w"]},
    "sliced": lambda f: {"v": Counted(BITS)},
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_fit_is_that_of_the_array_in_memory_to_the_last_bit(files, whole, source):
    assert_same(fit(source(files)), whole)


def test_rows_are_read_piece_by_piece_and_never_all(monkeypatch, whole, tmp_path):
    monkeypatch.setattr(sources, "CHUNK", 10 * BITS.shape[1])
    monkeypatch.setattr(sources, "NEAR", 2 * BITS.shape[1])
    monkeypatch.setattr(sources.spans, "__defaults__", (10 * BITS.shape[1],))
    monkeypatch.setattr(feed, "PIECE", 30 * BITS.shape[1])
    counted = Counted(BITS)
    assert_same(fit({"v": counted}, tmp_path), whole)
    assert 0 < counted.most <= 10


def test_rows_are_given_in_any_order_and_more_than_once(monkeypatch):
    monkeypatch.setattr(sources, "CHUNK", 40)
    monkeypatch.setattr(sources, "NEAR", 16)
    rng = np.random.default_rng(0)
    array = rng.normal(size=(50, 2)).astype(np.float32)
    rows = rows_of("v", Counted(array))
    assert isinstance(rows, Stored)
    for shape in [(7,), (3, 20), (1,), (0,)]:
        wanted = rng.integers(0, 50, shape)
        np.testing.assert_array_equal(rows[wanted], array[wanted])
    np.testing.assert_array_equal(rows[-1], array[-1])
    np.testing.assert_array_equal(rows[3:9], array[3:9])


def test_a_sparse_matrix_is_read_row_by_row_if_it_is_large(monkeypatch):
    monkeypatch.setattr(sources, "DENSE", 10)
    for make in (sparse.csr_matrix, sparse.coo_array, sparse.csc_array):
        rows = rows_of("v", make(BITS))
        assert isinstance(rows, Stored)
        np.testing.assert_array_equal(rows[np.array([3, 0, 3, 9])], BITS[[3, 0, 3, 9]])


def test_what_cannot_be_had_from_a_file_is_told(files):
    for missing in ("x", "deep"):
        with pytest.raises(ebm.EbmError, match=f"none is called `{missing}`"):
            only_rows(f"{files / 'v.h5'}:{missing}", "v")
    with pytest.raises(ebm.EbmError, match="there is no file"):
        fit("nowhere.npy")


def test_a_wrong_value_far_inside_is_named_with_its_row(monkeypatch, tmp_path):
    monkeypatch.setattr(sources.spans, "__defaults__", (10 * BITS.shape[1],))
    wrong = BITS.copy()
    wrong[[47, 48], 5] = 3
    np.save(tmp_path / "v.npy", wrong)
    with pytest.raises(ebm.EbmError) as raised:
        fit(tmp_path / "v.npy")
    told = raised.value.diagnostics[0]
    assert "holds 3" in told.says or "hold 3 at [47, 5]" in told.says
    assert told.notes == (
        "row 47, column 5, counted from 0",
        "2 of 60 entries do not fit in rows 40 to 49",
    )


@pytest.mark.parametrize("objective", ["pseudo", ebm.NoiseContrast(samples=2)])
def test_objectives_without_chains_take_files_and_iterables_too(files, objective):
    one = fit({"v": BITS}, objective=objective)
    assert_same(fit(files / "v.h5", objective=objective), one)


def test_exact_gradients_and_log_p_take_files(files, monkeypatch):
    monkeypatch.setattr("ebmlang.partition.probability.MOST_BYTES", 25 * BITS.shape[1])
    exact = {"sampler": "exact", "epochs": 5}
    assert_same(fit(files / "v.h5", **exact), best := fit({"v": BITS}, **exact))
    one = ebm.log_prob(best.model, best.params, {"v": BITS})
    other = ebm.log_prob(best.model, best.params, files / "v.h5")
    np.testing.assert_allclose(other.values, one.values, rtol=1e-12)


def test_given_data_of_each_example_lie_in_files_too(tmp_path):
    text = "dim n given f : real[n] visible s : spin[n] param k : real init 1 energy = -k * f @ s"
    rng = np.random.default_rng(3)
    model = ebm.loads(text, check=False)
    arrays = {"s": rng.choice([-1, 1], (12, 3)), "f": rng.normal(size=(12, 3))}
    with h5py.File(tmp_path / "both.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    settings = {"epochs": 2, "batch_size": 4, "progress": False}
    one = ebm.fit(model, arrays, **settings)
    assert_same(ebm.fit(model, tmp_path / "both.h5", **settings), one)


def items(sizes):
    """A function that makes a new iterator over the data, in items of so many rows; 0 for one alone."""

    def made():
        start = 0
        while start < len(BITS):
            size = sizes[start % len(sizes)]
            rows = BITS[start] if size == 0 else BITS[start : start + size]
            yield {"v": rows}
            start += max(1, size)

    return made


@pytest.fixture
def in_order(monkeypatch):
    monkeypatch.setattr(feed, "order_of", lambda state, number: (np.arange(number), state))


STREAMS = {
    "rows": items([0]),
    "batches of many sizes": items([3, 0, 17, 40]),
    "list": [{"v": row} for row in BITS],
    "arrays alone": lambda: iter(BITS),
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_an_iterable_trains_as_the_array_does_in_its_order(in_order, stream):
    assert_same(fit(stream), fit({"v": BITS}))


def test_objectives_take_iterables(in_order):
    settings = {"objective": ebm.NoiseContrast(samples=2), "epochs": 1}
    one, other = fit(items([9]), **settings), fit({"v": BITS}, **settings)
    np.testing.assert_allclose(one.params["W"], other.params["W"], rtol=1e-5)


def test_a_fit_of_an_iterable_goes_on_within_its_pass(tmp_path, monkeypatch):
    straight = fit(items([4]))
    put = Keeper.put

    def cut_off(keeper, kept):
        put(keeper, kept)
        if kept.facts["epochs"] == 1 and kept.facts["place"] == 2:
            raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "put", cut_off)
        with pytest.raises(RuntimeError):
            fit(items([4]), tmp_path, every=3)
    assert_same(fit(items([4]), tmp_path, every=3), straight)


def test_an_iterator_passes_once_and_says_so():
    with pytest.warns(UserWarning, match="the iterator of data has passed, after epoch 1 of 2"):
        short = fit(items([5])(), centred=False)
    assert short.stopped == "the iterator of data has passed, after epoch 1 of 2"
    assert_same(short, fit(items([5]), centred=False, epochs=1))
    assert fit(items([5])(), epochs=1).stopped is None


EACH = """dim n given f : real[n] visible s : spin[n] param k : real init 1 energy = -k * f @ s"""
HIDDEN = """dim n visible v : spin[n] latent x : real[n] param k : real init 1
energy = -k * sum(i) v[i] * tanh(x[i]) + sum(x^4)"""
PRIOR = "dim n visible v : binary[n] param b : real[n] ~ normal(0, 1) energy = -b @ v"


def changing():
    yield {"v": BITS[0]}
    yield {"w": BITS[0]}


def longer():
    yield {"v": BITS[0]}
    yield {"v": np.zeros(7)}


REFUSED = {
    "exact": (None, items([5]), {"sampler": "exact"}, "exact gradients are of all examples"),
    "given": (
        EACH,
        lambda: iter([{"s": np.ones(2), "f": np.ones(2)}]),
        {},
        "given data of its own",
    ),
    "latents": (HIDDEN, lambda: iter([{"v": np.ones(2)}]), {}, "the latents are sampled"),
    "prior": (PRIOR, iter([{"v": np.ones(2)}]), {}, "the prior of `b`"),
    "noise": (None, items([5])(), {"objective": "nce"}, "noise is fitted to all examples"),
    "pairs": (None, lambda: iter([(BITS[0], 1)]), {}, "the data come as tuple"),
    "names": (None, changing, {}, "example 1 holds w, and the first v"),
    "shapes": (None, longer, {}, r"`v` has shape \[7\] in example 1, and \[6\] in the first"),
    "wrong": (None, lambda: iter([{"v": BITS}, {"v": 3 - BITS}]), {}, r"hold 2 at \[70, 0\]"),
    "empty": (None, lambda: iter([]), {}, "is empty"),
    "short": (None, items([0])(), {"batch_size": 71}, "the data ended after 70 examples"),
    "again": (None, (lambda made: lambda: made)(items([5])()), {}, "the same iterator again"),
}


@pytest.mark.parametrize(("text", "data", "settings", "says"), REFUSED.values(), ids=REFUSED)
def test_what_an_iterable_cannot_do_is_said(text, data, settings, says):
    model = MODEL if text is None else ebm.loads(text, check=False)
    with pytest.raises(ebm.EbmError, match=says):
        ebm.fit(model, data, **{**SETTINGS, "epochs": 1, **settings})


def test_log_p_of_an_iterable_is_refused(whole):
    with pytest.raises(ebm.EbmError, match="log p is told example by example"):
        whole.log_likelihood(items([5]))


def test_pieces_of_an_epoch_are_of_one_length_where_that_can_be():
    assert [feed._even(number, 10) for number in (7, 10, 24, 60, 23, 26)] == [7, 10, 8, 10, 10, 10]
    assert standing.order_of is feed.order_of


@pytest.mark.slow
def test_a_data_set_larger_than_the_memory_allowed_trains():
    """A process that may hold less than half of the data in memory, by the kernel's own count."""
    told = subprocess.run(
        [sys.executable, OVER_MEMORY], capture_output=True, text=True, timeout=500, check=False
    )
    assert told.returncode == 0, told.stderr
    assert "trained" in told.stdout
