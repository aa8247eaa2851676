"""`ebm compare --html --plot`: both files are written, and paths that cannot be are refused at once."""

import sys
from pathlib import Path

import pytest
from by_hand import comparison, row

from ebmlang import cli
from ebmlang.command import comparing


@pytest.fixture
def compare(tmp_path, monkeypatch):
    """Runs `ebm compare` on a small model with a comparison that is at hand; whether it was made."""
    model = tmp_path / "m.ebm"
    model.write_text("model m\nvisible s : spin\nparam b : real init 0\nenergy = -b * s\n")
    made = []

    def run(*orders: str, rows=None) -> int:
        made.clear()
        rows = rows or [row("gibbs", 0.02)]
        monkeypatch.setattr(comparing, "compared", lambda *_: made.append(1) or comparison(*rows))
        monkeypatch.setattr(sys, "argv", ["ebm", "compare", str(model), *orders])
        try:
            cli.main()
        except SystemExit as done:
            return int(done.code or 0)
        return 0

    return run, made


def test_a_report_and_a_plot_are_written_and_the_table_is_told(compare, tmp_path, capsys):
    run, made = compare
    html, plot = tmp_path / "a.html", tmp_path / "a.svg"
    assert run("--html", str(html), "--plot", str(plot)) == 0
    assert made
    assert "Samplers compared on lattice" in html.read_text()
    assert plot.read_text().startswith("<?xml")
    assert "gibbs" in capsys.readouterr().out


def test_where_no_sampler_ran_there_is_a_report_and_no_plot(compare, tmp_path):
    run, _ = compare
    html, plot = tmp_path / "a.html", tmp_path / "a.png"
    refused = (row("nuts", 0.1, refused="it is discrete", curve=()),)
    assert run("--html", str(html), "--plot", str(plot), rows=refused) == 0
    assert "it is discrete" in html.read_text()
    assert not plot.exists()


@pytest.mark.parametrize(
    ("orders", "says"),
    [(("--plot", "a.bmp"), "a.bmp"), (("--html", "none/a.html"), "no folder none")],
)
def test_paths_that_cannot_be_are_refused_before_anything_runs(compare, capsys, orders, says):
    run, made = compare
    assert run(*orders) == 1
    err = capsys.readouterr().err
    assert "error[E608]" in err
    assert says in err
    assert not made
    assert not Path("a.bmp").exists()
