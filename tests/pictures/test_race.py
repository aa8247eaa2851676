"""The race of samplers: the curves of the rows on log axes, with what must be known beside them."""

from dataclasses import replace

import numpy as np
import pytest
from by_hand import comparison, row

import ebmlang as ebm
from ebmlang.pictures import race


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].get_lines()}


def test_every_sampler_that_ran_is_a_line_named_at_its_end():
    table = comparison(row("gibbs", 0.02), row("hmc", 0.05), row("nuts", 0.1, curve=()))
    figure = race(table)
    top = figure.axes[0]
    assert top.get_xscale() == top.get_yscale() == "log"
    for one in table.rows[:2]:
        line = lines(figure)[one.sampler]
        np.testing.assert_allclose(line.get_xydata(), one.curve)
        word, *_ = [t for t in top.texts if t.get_text() == one.sampler]
        assert word.xy == pytest.approx(one.curve[-1])
    assert "nuts" not in lines(figure)
    assert lines(figure)["gibbs"].get_linestyle() != lines(figure)["hmc"].get_linestyle()


def test_the_guide_falls_as_one_over_the_root_below_all_lines():
    table = comparison(row("gibbs", 0.02), row("hmc", 0.05))
    guide = np.log(lines(race(table))["_guide"].get_xydata())
    slope = np.diff(guide[:, 1]) / np.diff(guide[:, 0])
    assert slope == pytest.approx(-0.5)
    assert np.exp(guide[-1, 1]) < 0.02 / np.sqrt(np.exp(guide[-1, 0]))


def test_compilation_and_warm_up_stand_below_on_the_same_clock():
    table = comparison(row("gibbs", 0.02), row("hmc", 0.05, compile_seconds=7.0))
    _, below = race(table).axes
    marks = {line.get_label(): line.get_xdata() for line in below.get_lines()}
    assert list(marks["compilation"]) == [2.0, 7.0]
    assert list(marks["warm-up"]) == [0.3, 0.3]
    assert list(marks["all draws"]) == pytest.approx([1.0, 1.0])
    assert [t.get_text() for t in below.get_yticklabels()] == ["gibbs", "hmc"]


def test_the_bias_of_a_walk_is_a_line_where_it_is_more_than_chance():
    walk = row("langevin", 0.02, caveat="biased by its step", bias=0.3, bias_error=0.02)
    shown = lines(race(comparison(walk)))["_bias"]
    assert shown.get_ydata()[0] == 0.3
    assert "_bias" not in lines(race(comparison(replace(walk, bias_error=0.2))))
    assert "_bias" not in lines(race(comparison(replace(walk, caveat=""))))


def test_the_error_of_a_reference_that_is_not_exact_is_a_field():
    def top_of_field(table):
        fields = [p for p in race(table).axes[0].patches if p.get_label() == "_floor"]
        return [p.get_extents().transformed(p.axes.transData.inverted()).y1 for p in fields]

    rough = row("gibbs", 0.03, error=0.03, bias_error=0.05)
    assert top_of_field(comparison(rough)) == pytest.approx([0.04])
    assert top_of_field(comparison(row("gibbs", 0.03))) == []


def test_the_reference_is_told_and_a_race_without_runners_is_refused():
    figure = race(comparison(row("gibbs", 0.02)))
    assert figure.get_supxlabel() == "bias is the distance from the exact gradient"
    with pytest.raises(ebm.EbmError, match=r"E704.*no sampler"):
        race(comparison(row("gibbs", 0.1, curve=(), refused="it cannot")))


def test_names_of_lines_that_end_together_do_not_meet():
    table = comparison(*(row(name, 0.02) for name in ("gibbs", "hmc", "nuts")))
    top = race(table).axes[0]
    words = [t for t in top.texts if t.get_text() in ("gibbs", "hmc", "nuts")]
    heights = sorted(t.get_position()[1] for t in words)
    assert np.diff(heights).min() >= 9 - 1e-6


def test_what_samplers_are_ranked_by_is_a_circle_with_its_interval_at_one_second():
    known = {"error_at_one_second": 0.04, "error_low": 0.03, "error_high": 0.06}
    figure = race(comparison(row("gibbs", 0.02, **known), row("hmc", 0.05)))
    (found,) = figure.axes[0].containers
    point, _, (bar,) = found
    assert point.get_xydata().tolist() == [[1.0, 0.04]]
    np.testing.assert_allclose(bar.get_segments()[0], [[1, 0.03], [1, 0.06]])
    words = [t.xy for t in figure.axes[0].texts if t.get_text() == "gibbs"]
    assert (1.0, 0.04) in [tuple(xy) for xy in words]
    assert not race(comparison(row("gibbs", 0.02))).axes[0].containers
