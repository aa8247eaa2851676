"""Reports: one file of valid HTML that needs nothing else, says the verdict first and hides nothing."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from by_hand import comparison, draws_of, row, spins

import ebmlang as ebm
from ebmlang.pictures.report import draws_report, fit_report, leaves

EMPTY = {"meta", "img", "br", "hr", "link"}


class Reader(HTMLParser):
    """Every tag closed in its turn; texts, images and what the page would load from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict] = []
        self.loaded: list[str] = []
        self.heads = 0
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        assert len(known) == len(attrs)
        if tag not in EMPTY:
            self.open.append(tag)
        self.loaded += [v for k, v in attrs if k in ("src", "href", "srcset", "data", "action")]
        self.loaded += [tag] if tag in ("script", "link", "iframe", "object") else []
        self.images += [known] if tag == "img" else []
        self.heads += tag == "th" and known.get("scope") in ("col", "row")
        assert tag != "th" or "scope" in known

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(text: str) -> Reader:
    """A page, after what holds for every one of them."""
    found = Reader(text)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert '<meta charset="utf-8">' in text
    assert 'name="viewport"' in text
    assert all(name.startswith("data:image/png;base64,") for name in found.loaded)
    assert not re.search(r"url\(|@import|https?://", text)
    assert all(len(image["alt"]) > 20 and int(image["width"]) > 100 for image in found.images)
    assert found.heads > 3
    assert "ebmlang" in "".join(found.words).split("jax")[0]
    return found


def text_of(table, folder) -> str:
    """The report of a comparison, from its file."""
    table.to_html(folder / "a.html")
    return (folder / "a.html").read_text(encoding="utf-8")


def test_a_report_of_a_comparison_says_the_verdict_before_all_else(tmp_path):
    refused = row("gibbs", 0.1, refused="it has no <conditionals>", curve=())
    biased = row("langevin", 0.1, caveat="biased by its step", rhat=1.4)
    table = comparison(row("hmc", 0.02), biased, refused)
    found = read(text_of(table, tmp_path))
    words = "".join(found.words)
    assert words.index("Use hmc") < words.index("ESS/s") < words.index("not run")
    for text in (
        table.text, table.explained, "it has no <conditionals>", "its chains disagree (split R-hat 1.40)",
        "biased by its step", table.reference, "sweeps of warm-up",
    ):  # fmt: skip
        assert text in words
    assert len(found.images) == 1
    assert "hmc ends at 0.02 after 1 seconds" in found.images[0]["alt"]


def test_a_comparison_in_which_nothing_ran_has_a_report_too(tmp_path):
    table = comparison(row("gibbs", 0.1, refused="no", curve=()))
    assert not read(text_of(table, tmp_path)).images


def test_a_report_of_draws_shows_chains_and_says_what_is_wrong_first():
    draws = spins()
    found = read(draws_report(draws))
    words = "".join(found.words)
    problem = draws.diagnostics.problems[0]
    assert words.index("Not to be trusted") < words.index(problem) < words.index("in the tails")
    assert len(found.images) == 3
    assert "visible s : spin[row, col]" in words
    assert "seed" in words


def test_a_report_of_draws_that_are_good_says_so():
    x = np.random.default_rng(0).normal(size=(4, 1000))
    draws = draws_of("visible x : real energy = x^2 / 2", {"x": x}, x**2 / 2)
    assert "Nothing speaks against these draws." in draws_report(draws)
    short = draws_of("visible x : real energy = x^2 / 2", {"x": x[:, :3]}, x[:, :3] ** 2 / 2)
    assert len(read(draws_report(short)).images) == 2


def fitted(**other) -> ebm.Fit:
    model = ebm.loads(
        "model spins dim n = 3 visible s : spin[n] param J : real[n, n] param b : real[n] "
        "energy = -s @ J @ s - b @ s", check=False,
    )  # fmt: skip
    history = {"epoch": np.arange(1, 4), "data_energy": np.array([-1.0, -2, -3])}
    history |= {"model_energy": np.array([-1.0, -1.5, -3]), "gap": np.zeros(3)}
    params = {"J": np.eye(3), "b": np.zeros(3)}
    return ebm.Fit(model, params, history, steps=30, **other)


def test_a_report_of_a_fit_shows_curves_parameters_and_what_is_known():
    found = read(fit_report(fitted()))
    words = "".join(found.words)
    assert "Nothing speaks against this fit." in words
    assert "[3, 3]" in words
    assert "what the compiler proved about s" in words
    assert len(found.images) == 1
    doubtful = read(
        fit_report(fitted(problems=("`J` runs away",), stopped="stopped after 2 epochs"))
    )
    words = "".join(doubtful.words)
    assert words.index("Not to be trusted") < words.index("`J` runs away")
    assert "30 steps; stopped after 2 epochs." in words


def test_reports_are_written_and_are_the_same_every_time(tmp_path):
    table = comparison(row("hmc", 0.02))
    for holder in (table, fitted()):
        for name in ("a.html", "b.html"):
            holder.to_html(tmp_path / name)
        assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    with pytest.raises(ebm.EbmError, match=r"E608.*cannot be written"):
        table.to_html(tmp_path / "none" / "a.html")


def test_notebooks_show_tables_with_everything_that_is_wrong():
    table = comparison(row("hmc", 0.02, rhat=1.4), row("gibbs", 0.1, refused="a < b", curve=()))
    draws = spins()
    fit = fitted(problems=("`J` runs away",))
    shown = {
        "comparison": (
            table,
            ["its chains disagree", "a &lt; b", "none of these is to be trusted"],
        ),
        "draws": (draws, [draws.diagnostics.problems[0], "3 chains x 60 draws"]),
        "fit": (fit, ["`J` runs away", "30 steps", "[3, 3]"]),
        "model": (fit.model, ["spins(n = 3)", "spin[n]", "3 sites", "visible"]),
    }
    for holder, words in shown.values():
        text = holder._repr_html_()
        found = Reader(text)
        assert not found.loaded
        assert found.heads >= 3
        for word in words:
            assert word in text


def test_a_model_that_lacks_sizes_is_shown_all_the_same():
    text = ebm.loads("dim n visible x : real[n] energy = sum(x^2)", check=False)._repr_html_()
    assert "real[n]" in text


def test_settings_of_every_kind_can_be_told():
    draws = spins()
    draws.settings |= {
        "note": "<run> again",
        "held": ("a", "b"),
        "bias": "",
        "warm_seconds": 1.23456,
    }
    words = "".join(Reader(draws_report(draws)).words)
    for text in ("<run> again", "a, b", "warm seconds", "1.23"):
        assert text in words


def test_weights_of_a_network_are_named_by_their_path():
    params = {"f": [{"weight": np.ones((2, 3))}, (np.zeros(1),)], "b": 2.0}
    assert {n: a.shape for n, a in leaves(params)} == {"f.0.weight": (2, 3), "f.1.0": (1,), "b": ()}
