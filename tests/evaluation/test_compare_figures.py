"""What a comparison is worked out from: intervals, ties, records, modes, budgets, sentences."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.signal import lfilter

import ebmlang as ebm
from ebmlang.evaluation.budget import budget_of
from ebmlang.evaluation.cells import cells_of
from ebmlang.evaluation.compare import labels
from ebmlang.evaluation.comparison import Comparison, Row
from ebmlang.evaluation.diagnostics import bulk_size
from ebmlang.evaluation.merit import Merit, ranked, spread
from ebmlang.evaluation.record import Record, Series
from ebmlang.evaluation.running import paces
from ebmlang.evaluation.sizes import errors_of
from ebmlang.evaluation.spending import spending
from ebmlang.syntax.diagnostics import EbmError

EVEN = [(125, 0.01)] * 16


def walk(random, keep, shape=(4, 2000, 1)):
    """Chains x' = keep x + N(0, 1) from their law [chain, draw, statistic]."""
    noise = random.standard_normal(shape)
    noise[:, 0] /= np.sqrt(1 - keep**2)
    return lfilter([1.0], [1.0, -keep], noise, axis=1)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
def test_the_interval_holds_the_true_error_of_a_walk_in_most_runs(keep):
    random, runs, held = np.random.default_rng(0), 100, 0
    true = 1 / (1 - keep) ** 2 / 8000
    for run in range(runs):
        values = walk(random, keep)
        series = Series(values, values, 1, 2000)
        low, high = spread(series, np.arange(1), (1 + keep) / (1 - keep), EVEN, run)
        error = float(errors_of(series)[0]) ** 2
        held += low * error <= true <= high * error
    # 95 of 100 are meant; below 85 there would be one such test in ten thousand.
    assert held >= 85


def test_a_machine_that_is_unsteady_widens_the_interval():
    values = np.random.default_rng(0).standard_normal((4, 2000, 50))
    series = Series(values, values, 1, 2000)
    steady = spread(series, np.arange(50), 1.0, EVEN, 0)
    loose = spread(series, np.arange(50), 1.0, [(125, 0.01 * (1 + k % 3)) for k in range(16)], 0)
    assert steady.high / steady.low < 1.1
    assert loose.high / loose.low > 1.5


def test_one_interrupted_piece_counts_for_nothing():
    numbers = np.array([[1.0, 100, 100, 100, 100]])
    seconds = np.array([[0.5, 1.0, 1.0, 30.0, 1.0]])
    assert paces(numbers, seconds)[0] == pytest.approx(0.01)


def test_intervals_that_meet_are_ties_and_the_best_comes_first():
    merits = [("slow", Merit(9, 8, 10)), ("a", Merit(1.0, 0.8, 1.2)), ("b", Merit(1.3, 1.1, 1.5)),
              ("c", Merit(1.6, 1.4, 1.8)), ("unknown", Merit(np.nan, 0, 1))]  # fmt: skip
    # c meets b, and not a, the best: it does not tie with both.
    assert ranked(merits) == (("a", "b"), ("c",), ("slow",))


def test_a_record_stays_small_and_its_means_lose_nothing():
    random = np.random.default_rng(0)
    values = random.standard_normal((2, 1000, 3)).astype(np.float32)
    record, begun = Record(most=600), 0
    while begun < 1000:
        number = int(random.integers(1, 40))
        record.add(values[:, begun : begun + number])
        begun += number
    series = record.series
    assert series.means.size <= 600
    assert series.number == 1000
    assert series.width == 16
    blocks = 1000 // 16
    assert series.means.shape == series.draws.shape == (2, blocks, 3)
    exact = values[:, : blocks * 16].reshape(2, blocks, 16, 3).mean(axis=2, dtype=np.float64)
    np.testing.assert_allclose(series.means, exact, atol=1e-6)
    np.testing.assert_array_equal(series.draws, values[:, 15 : blocks * 16 : 16])


def test_bulk_sizes_are_those_of_arviz():
    import arviz

    random = np.random.default_rng(1)
    values = walk(random, 0.7, (4, 501, 3))
    values[..., 1] = np.exp(3 * values[..., 1])  # heavy tails, which ranks tame
    values[..., 2] = values[..., 2] > 0
    found = bulk_size(values)
    known = [float(arviz.ess(values[..., k], method="bulk")) for k in range(3)]
    np.testing.assert_allclose(found, known, rtol=0.02)


def test_a_chain_in_one_of_three_clouds_reaches_the_share_of_that_cloud():
    random = np.random.default_rng(2)
    centres = np.array([[0, 0, 0], [20, 0, 0], [0, 20, 5]])
    which = random.choice(3, 6000, p=[0.5, 0.3, 0.2])
    cells = cells_of(centres[which] + random.standard_normal((6000, 3)), 0)

    def places(clouds):
        drawn = centres[random.choice(clouds, 2000)] + random.standard_normal((2000, 3))
        return ((drawn - cells.view.mean) @ cells.view.axes)[None]

    assert cells.reached(places([0])) == pytest.approx(0.5, abs=0.03)
    assert cells.reached(places([2])) == pytest.approx(0.2, abs=0.03)
    assert cells.reached(places([0, 1, 2])) > 0.98
    both = np.concatenate([places([0]), places([1])])
    assert cells.reached(both) == pytest.approx(0.4, abs=0.03)


def test_nothing_that_varies_has_no_cells():
    assert cells_of(np.ones((50, 2)), 0) is None


def test_samplers_that_stand_twice_are_told_apart():
    named = [ebm.Langevin(0.1), ebm.Langevin(0.5), ebm.Gibbs(), ebm.MALA(), ebm.MALA()]
    assert labels(named) == [
        "langevin(step_size=0.1)", "langevin(step_size=0.5)", "gibbs", "mala", "mala #2"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ((100, 2.0, None, None), "`draws` and `seconds` are two budgets"),
        ((None, None, 100, 0.1), "`gradients` and `target_error` are two budgets"),
        ((None, 0.0, None, None), "`seconds` must be above 0 and finite"),
        ((None, None, None, float("nan")), "`target_error` must be above 0 and finite"),
        ((None, None, 1.5, None), "`gradients` must be a whole number from 1"),
        ((0, None, None, None), "`draws` must be a whole number from 1"),
    ],
)
def test_budgets_that_contradict_or_are_none_are_refused(budget, says):
    with pytest.raises(EbmError, match=says) as raised:
        budget_of(*budget)
    assert raised.value.diagnostics[0].code == "E704"


def spent(budget, seconds_a_draw, gradients_a_draw, piece=1000):
    """Draws, seconds and gradients after a budget is spent by a runner of that pace."""
    runner = SimpleNamespace(draws=0, elapsed=0.0, gradients=0, pieces=[], piece=piece)
    wanted = spending(budget, None)
    while number := min(wanted(runner), piece):
        runner.pieces.append((number, 1e-4 + seconds_a_draw * number))
        runner.draws += number
        runner.elapsed += runner.pieces[-1][1]
        runner.gradients += gradients_a_draw * number
    return runner


@pytest.mark.parametrize("pace", [1e-6, 1e-3, 0.3])
def test_a_budget_of_seconds_is_kept_to_a_few_per_cent_or_one_draw(pace):
    runner = spent(budget_of(None, 2.0, None, None), pace, 1)
    assert runner.elapsed == pytest.approx(2.0, abs=max(0.1, pace))
    assert runner.draws > 0


@pytest.mark.parametrize("each", [1, 40, 999])
def test_a_budget_of_gradients_is_never_overdrawn(each):
    runner = spent(budget_of(None, None, 10_000, None), 1e-3, each)
    assert 10_000 - each < runner.gradients <= 10_000


def test_a_budget_of_draws_is_kept_to_the_draw():
    assert spent(budget_of(1999, None, None, None), 1e-3, 1).draws == 1999


GIBBS = Row(
    "gibbs", ess=5e3, ess_per_second=1e4, rhat=1.0, error_at_one_second=0.0031, error_low=0.0028,
    error_high=0.0035, bias=0.001, bias_error=0.001, coverage=1.0, draws=2000,
)  # fmt: skip


def scaled(row, name, times):
    """The row of a sampler whose errors are so many times as large."""
    return replace(
        row,
        sampler=name,
        error_at_one_second=times * row.error_at_one_second,
        error_low=times * row.error_low,
        error_high=times * row.error_high,
    )


def verdict(*rows):
    return Comparison("m", rows, "", 2000, 4, 100, 0, "").verdict


def test_the_verdict_names_the_best_with_its_interval_and_how_much_better_it_is():
    text = verdict(scaled(GIBBS, "tempering", 4.1), GIBBS, Row("hmc", refused="`v` is discrete"))
    assert text == (
        "use gibbs: the error of the gradient after one second is 0.0031 (0.0028 to 0.0035), "
        "4.1 times smaller than that of tempering; hmc does not apply"
    )


def test_the_verdict_calls_a_tie_a_tie():
    text = verdict(GIBBS, scaled(GIBBS, "mala", 1.1), scaled(GIBBS, "nuts", 3))
    assert text.startswith("gibbs and mala tie: the errors of the gradient after one second are")
    assert text.endswith("3 times smaller than that of nuts")


def test_the_verdict_does_not_recommend_what_left_the_finite_energies():
    broken = Row("langevin", refused="its chains left the finite energies", failed=True)
    assert verdict(GIBBS, broken).endswith("; langevin failed")
    table = Comparison("m", (GIBBS, broken), "", 2000, 4, 100, 0, "")
    assert "langevin: no figures, since its chains left the finite energies" in str(table)


def test_without_a_trusted_sampler_the_verdict_says_why_and_what_to_do():
    apart = replace(GIBBS, rhat=1.5)
    assert "chains disagree; try tempering" in verdict(apart)
    assert "chains disagree; let them run longer" in verdict(
        apart, replace(apart, sampler="tempering")
    )
    assert "gibbs needs about 12 000 draws" in verdict(replace(GIBBS, ess=100.0))
    off = replace(GIBBS, sampler="langevin", caveat="biased", bias=0.1, off=0.5)
    assert "all are walks with a bias" in verdict(off)


def test_a_sampler_that_stays_in_one_mode_is_not_recommended_for_draws():
    stuck = replace(GIBBS, coverage=0.52)
    wide = scaled(GIBBS, "tempering", 4)
    text = verdict(stuck, wide)
    assert "a chain of gibbs does not reach all modes: for draws take tempering" in text
    lost = replace(stuck, bias=np.nan)
    assert not lost.trusted
    assert "reaches 52 %" in lost.doubt


def test_a_walk_is_ranked_with_its_bias_and_not_recommended():
    walk = replace(GIBBS, sampler="langevin", caveat="biased", bias=0.5, off=1.0,
                   error_at_one_second=0.5, error_low=0.5, error_high=0.5)  # fmt: skip
    table = Comparison("m", (walk, GIBBS), "", 2000, 4, 100, 0, "")
    assert table.ranking == (("gibbs",), ("langevin",))
    assert table.verdict.startswith("use gibbs")
    assert "langevin is not to be trusted" in table.verdict


def test_without_parameters_samplers_are_ranked_by_effective_draws_a_second():
    rows = [replace(GIBBS, ess_low=9e3, ess_high=1.1e4, error_at_one_second=1.0),
            replace(GIBBS, sampler="nuts", ess_per_second=2e3, ess_low=1.8e3, ess_high=2.2e3)]  # fmt: skip
    table = Comparison("m", tuple(rows), "", 2000, 4, 100, 0, "", gradient=False)
    assert table.ranking == (("gibbs",), ("nuts",))
    assert table.verdict == (
        "use gibbs: 10 000 (9 000 to 11 000) effective draws a second, 5 times as many as nuts"
    )


def test_the_tables_fit_into_118_columns():
    wide = replace(
        GIBBS, sampler="langevin(step_size=0.1)", tail=123456.0, ess_median=123456.0, ess=123456.0,
        energy_ess=123456.0, ess_per_second=1234567.0, ess_per_gradient=0.000123,
        seconds_to_target=123.4, compile_seconds=12.34, warmup_seconds=0.0123, seconds=123.4,
        memory=1e9, error=0.00123, tau=1234.0, acceptance=0.57, draws=128000,
    )  # fmt: skip
    table = Comparison("m", (wide, GIBBS), "r", 2000, 4, 100, 0, "", target_words="0.00123")
    text = str(table)
    shown = [line for line in text.splitlines() if line.startswith(" ")]
    assert max(map(len, shown)) <= 118
    assert "…" not in text
    for figure in ("0.0031", "1 234 567", "0.000123", "128 000", "0.001 ± 0.001", "100 %", "954"):
        assert figure in text
