"""The `ebm` command: what it prints, its exit codes, and never a traceback."""

import json
import sys

import numpy as np
import pytest

from conftest import ROOT
from ebmlang import cli

RBM = str(ROOT / "examples" / "rbm.ebm")


@pytest.fixture
def ebm(monkeypatch, capsys, tmp_path):
    """Run the command in an empty folder: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["ebm", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as left:
            code = left.code or 0
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


@pytest.fixture
def bits():
    return np.random.default_rng(0).integers(0, 2, (120, 6))


def test_check_says_that_all_is_well(ebm):
    code, out, _ = ebm("check", *sorted((ROOT / "examples").glob("*.ebm")))
    assert code == 0
    assert "rbm is fine" in out


def test_check_tells_every_fault_with_its_place(ebm, tmp_path):
    (tmp_path / "m.ebm").write_text(
        "model m\ndim a, b\nvisible v : binary[a]\nlatent h : binary[b]\n"
        "energy one = -v @ h\nenergy two = v\n"
    )
    code, _, err = ebm("check", "m.ebm")
    assert code == 1
    assert "error[E302]" in err
    assert "m.ebm:5:" in err
    assert "error[E307]" in err
    assert "m.ebm:6:" in err
    assert "^" in err


def test_check_in_json(ebm, tmp_path):
    (tmp_path / "m.ebm").write_text("model m\nvisible v : binary\nenergy = -w * v\n")
    code, out, _ = ebm("check", "m.ebm", "--json")
    found = json.loads(out)
    assert code == 1
    assert not found["ok"]
    (fault,) = found["diagnostics"]
    assert (fault["code"], fault["line"], fault["column"]) == ("E201", 3, 11)


@pytest.mark.parametrize("word", ["check", "explain", "fit", "sample", "compare", "logz", "fmt"])
def test_every_command_has_help(ebm, word):
    code, out, _ = ebm(word, "--help")
    assert code == 0
    assert "Usage" in out


@pytest.mark.parametrize(
    "words", [["nothing"], ["fit"], ["fit", RBM, "x.npz", "--epochs", "0"], ["check", "--no"]]
)
def test_a_wrong_command_line_exits_2(ebm, words):
    code, _, _ = ebm(*words)
    assert code == 2


def test_explain_prints_and_reads_as_json(ebm):
    code, out, _ = ebm("explain", RBM, "--set", "pixel=4")
    assert code == 0
    assert "exact Gibbs" in out
    code, out, _ = ebm("explain", RBM, "--json")
    assert json.loads(out)["variables"]["h"]["site_degree"] == 1


def test_fit_sample_compare_and_logz_work_together(ebm, bits):
    np.savez("bits.npz", v=bits)
    code, out, _ = ebm("fit", RBM, "bits.npz", "--set", "unit=3", "--epochs", "3", "--out", "m.fit",
                       "--test", "bits.npz", "--quiet")  # fmt: skip
    assert code == 0
    assert "test log-likelihood" in out
    code, out, _ = ebm(
        "sample", RBM, "--fit", "m.fit", "--draws", "200", "--out", "d.npz", "--json"
    )
    assert code == 0
    assert len(json.loads(out)["mean"]["v"]) == 6
    assert np.load("d.npz")["v"].shape == (4, 200, 6)
    code, out, _ = ebm("compare", RBM, "--fit", "m.fit", "--draws", "200", "--warmup", "50")
    assert code == 0
    assert "hmc: not run" in out
    code, out, _ = ebm("logz", RBM, "--fit", "m.fit", "--json")
    assert code == 0
    assert json.loads(out)["value"] > 0


def write(name, array):
    {"npz": lambda: np.savez(name, v=array), "npy": lambda: np.save(name, array)}[name[-3:]]()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x: np.where(np.arange(x.size).reshape(x.shape) == 20, 2, x), "row 3, column 2"),
        (
            lambda x: np.where(np.arange(x.size).reshape(x.shape) == 20, np.inf, x),
            "row 3, column 2",
        ),
        (lambda x: x[:, :, None], "3 axes"),
    ],
)
def test_bad_data_are_told_with_row_and_column(ebm, bits, spoil, says):
    write("v.npy", spoil(bits))
    code, out, err = ebm("fit", RBM, "v.npy", "--set", "unit=2", "--quiet")
    assert code == 1
    assert says in err
    assert "Traceback" not in err + out


def test_bad_files_are_told_in_words(ebm, tmp_path):
    (tmp_path / "latin.ebm").write_bytes(b"model x\n# caf\xe9\n")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and then nothing")
    (tmp_path / "bad.csv").write_text("1,0\n1,x\n")
    (tmp_path / "odd.csv").write_text("1,0\n1\n")
    (tmp_path / "note.txt").write_text("hello")
    np.save("object.npy", np.array([{}], dtype=object), allow_pickle=True)
    cases = [
        (("check", "none.ebm"), "no file"),
        (("check", "latin.ebm"), "not UTF-8"),
        (("check", "."), "cannot read"),
        (("fit", RBM, "cut.npz"), "cannot be read"),
        (("fit", RBM, "object.npy"), "cannot be read"),
        (("fit", RBM, "bad.csv"), "line 2, column 2"),
        (("fit", RBM, "odd.csv"), "line 2 has 1 values"),
        (("fit", RBM, "note.txt"), "ends with"),
        (("fit", RBM, "none.npz"), "no file"),
        (("sample", RBM, "--fit", "none"), "no fit"),
        (("sample", RBM, "--set", "pixel"), "name=value"),
        (("sample", RBM), "still needs"),
        (("compare", RBM, "--set", "pixel=3", "--samplers", "gibs"), "did you mean `gibbs`"),
    ]
    for words, says in cases:
        code, out, err = ebm(*words)
        assert code == 1, words
        assert says in err, (words, err)
        assert "Traceback" not in err + out


@pytest.mark.slow
def test_data_come_from_csv_and_hdf5_too(ebm, bits, tmp_path):
    h5py = pytest.importorskip("h5py")
    np.savetxt("v.csv", bits, fmt="%d", delimiter=",", header="a,b,c,d,e,f", comments="")
    with h5py.File("v.h5", "w") as file:
        file["v"] = bits
    for name in ("v.csv", "v.h5"):
        code, out, _ = ebm("fit", RBM, f"v={name}", "--set", "unit=2", "--epochs", "1", "--quiet")
        assert code == 0
        assert "train log-likelihood" in out


def test_fmt_changes_a_file_once(ebm, tmp_path):
    (tmp_path / "m.ebm").write_text("model   m\nvisible v:binary\nenergy=-v  # low\n")
    assert ebm("fmt", "--check", "m.ebm")[0] == 1
    assert ebm("fmt", "m.ebm")[0] == 0
    assert ebm("fmt", "--check", "m.ebm")[0] == 0
    assert "# low" in (tmp_path / "m.ebm").read_text()


GLASS = (
    'model glass\ndim site = 3, aa = "AB"\nvisible s : spin[site]\nvisible z : category(aa)\n'
    'energy = -sum(i < j) s[i] * s[j] - (z == "A") * s[0]\n'
)


@pytest.mark.slow
def test_sample_keeps_moments_around_replica_exchange(ebm, tmp_path):
    (tmp_path / "m.ebm").write_text(GLASS)
    words = ("sample", "m.ebm", "--sampler", "tempering", "--keep", "moments", "--out", "m.npz")
    code, out, err = ebm(*words, "--draws", "300", "--json")
    assert code == 0, err
    facts = json.loads(out)
    assert len(facts["mean"]["s"]) == 3
    assert sum(facts["mean"]["z"]) == pytest.approx(1)
    assert facts["tempering"]["betas"][0][0] == 0
    with np.load("m.npz") as arrays:
        assert {"mean.s", "std_error.z", "energy"} <= set(arrays.files)
    code, out, _ = ebm(*words, "--draws", "300", "--quiet")
    assert code == 0
    assert "z[A]" in out
    assert "8 replicas at beta 0" in out


@pytest.mark.slow
def test_sample_keeps_only_the_names_that_are_asked_for(ebm, tmp_path):
    (tmp_path / "m.ebm").write_text(GLASS)
    code, _, _ = ebm("sample", "m.ebm", "--keep", "z", "--out", "d.npz", "--draws", "20", "--quiet")
    assert code == 0
    with np.load("d.npz") as arrays:
        assert arrays.files == ["z"]
    code, _, err = ebm("sample", "m.ebm", "--keep", "zz", "--quiet")
    assert code == 1
    assert "E606" in err


def test_fit_takes_another_objective(ebm, bits, tmp_path):
    np.savez(tmp_path / "bits.npz", v=bits)
    words = ("fit", RBM, "bits.npz", "--set", "unit=2", "--epochs", 2, "--quiet", "--objective")
    code, out, _ = ebm(*words, "pseudo")
    assert code == 0
    assert "rbm: 2 steps, loss 4.1" in out
    code, _, err = ebm(*words, "score")
    assert code == 1
    assert "error[E707]: `score` cannot fit `rbm`: `v` is binary" in err
    assert "what fits: mle, cd, pseudo, ratio, nce" in err


@pytest.mark.slow
def test_fit_tells_the_log_z_that_noise_contrast_learns(ebm, bits, tmp_path):
    np.savez(tmp_path / "bits.npz", v=bits)
    words = ("fit", RBM, "bits.npz", "--set", "unit=2", "--epochs", 2, "--quiet", "--objective")
    code, out, _ = ebm(*words, "nce", "--json")
    assert code == 0
    assert json.loads(out)["log_z_estimate"] == pytest.approx(8 * np.log(2), abs=0.5)


def test_fit_keeps_its_history_as_a_table_and_as_events(ebm, bits, tmp_path):
    np.savez(tmp_path / "bits.npz", v=bits)
    words = ("fit", RBM, "bits.npz", "--set", "unit=1", "--objective", "pseudo", "--quiet")
    code, out, _ = ebm(*words, "--epochs", 4, "--history", "h.csv", "--tensorboard", "runs/a")
    assert code == 0
    assert "history in h.csv" in out
    table = np.genfromtxt(tmp_path / "h.csv", delimiter=",", names=True)
    assert "loss" in table.dtype.names
    (events,) = (tmp_path / "runs" / "a").iterdir()
    assert events.read_bytes().count(b"fit/loss") == len(table)
    code, _, err = ebm(*words, "--epochs", 1, "--history", "none/h.csv")
    assert code == 1
    assert "error[E608]: the history cannot be written to none/h.csv" in err
