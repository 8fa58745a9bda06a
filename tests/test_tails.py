"""Tails: golden fits of scipy, pyextremes and by hand, then laws, then what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import close_to, golden_ids, golden_rows, numbers
from hypothesis import given
from scipy import stats
from strategies import few

import adlkit as adl
from adlkit import plotting, tails
from adlkit.errors import TailError, TailWarning
from adlkit.tails.goodness import statistics
from adlkit.tails.pareto import excess_at, hazard, log_likelihood, scale_given

FOLDERS = [parent / "shared" / "data" / "prices_long" for parent in Path(__file__).resolve().parents]
PRICES = next((folder for folder in FOLDERS if folder.exists()), FOLDERS[0])
ESTIMATORS = [tails.maximum_likelihood, tails.probability_weighted_moments]
FITTED = [case for case in golden_ids("tails") if case.startswith("scipy")]


def days(n: int) -> pd.DatetimeIndex:
    return pd.date_range("2015-01-01", periods=n, tz="UTC")


def heavy(n: int = 1500, seed: int = 3, shape: float = 0.25) -> pd.Series:
    """Days whose moves are generalised Pareto from zero."""
    drawn = np.random.default_rng(seed).standard_exponential(n)
    return pd.Series(excess_at(drawn, shape, 0.02), days(n))


FIT = adl.fit_tail(heavy(), threshold=0.05, gap=1)


@pytest.mark.parametrize("case", golden_ids("tails"))
def test_estimates_are_those_of_other_programs_and_by_hand(case):
    row = golden_rows("tails", case).iloc[0]
    shape, scale = getattr(tails, row["estimator"])(np.array([numbers(row["excess"])]))
    assert shape[0] == close_to(row["shape"], row)
    assert scale[0] == close_to(row["scale"], row)


@pytest.mark.parametrize("case", FITTED)
def test_distances_to_the_fit_are_those_of_scipy(case):
    row = golden_rows("tails", case).iloc[0]
    found = statistics(np.array([numbers(row["excess"])]), row["shape"], row["scale"])
    assert found[0].tolist() == close_to(row[["anderson_darling", "cramer_von_mises"]].astype(float).tolist(), row)


@pytest.mark.parametrize(
    ("gap", "expected"),  # pyextremes 2.6.1, get_extremes(method="POT", r=gap days): day -> move
    [
        (0, {1: 0.1, 2: 0.3, 4: 0.2, 7: 0.5, 9: 0.6, 10: 0.6, 12: 0.2}),
        (1, {2: 0.3, 4: 0.2, 7: 0.5, 9: 0.6, 12: 0.2}),
        (2, {2: 0.3, 9: 0.6}),
        (3, {9: 0.6}),
    ],
)
def test_clusters_are_those_of_pyextremes(gap, expected):
    moves = pd.Series([0.1, 0.3, 0.0, 0.2, 0.0, 0.0, 0.5, 0.0, 0.6, 0.6, 0.0, 0.2], days(12))
    peaks = tails.cluster_peaks(moves, threshold=0.05, gap=gap)
    assert dict(zip(peaks.index.day, peaks, strict=True)) == expected


@pytest.mark.parametrize("shape", [-0.7, -0.2, 0.0, 0.3, 1.4])
def test_distribution_is_that_of_scipy(shape):
    excess, reference = np.array([0.001, 0.02, 0.025]), stats.genpareto(shape, 0.0, 0.03)
    assert np.exp(-hazard(excess, shape, 0.03)) == pytest.approx(reference.sf(excess), rel=1e-9)
    assert log_likelihood(excess, shape, 0.03) == pytest.approx(reference.logpdf(excess).sum(), rel=1e-9)
    assert excess_at(-np.log([0.5, 0.01]), shape, 0.03) == pytest.approx(reference.isf([0.5, 0.01]), rel=1e-9)


def test_worst_moves_are_measured_against_the_close_before():
    bars = pd.DataFrame(
        {"high": [101.0, 104.0, 95.0], "low": [98.0, 85.0, 91.0], "close": [100.0, 90.0, 93.0]}, days(3)
    )
    moves = adl.worst_moves(bars)
    assert moves["down"].tolist() == pytest.approx([0.15, 0.0])
    assert moves["up"].tolist() == pytest.approx([0.04, 5.0 / 90.0])


def test_hours_gather_into_days():
    hours = pd.Series([100.0, 90.0, 95.0, 97.0, 80.0, 120.0], pd.date_range("2025-10-10", periods=6, freq="8h"))
    assert adl.worst_moves(hours, horizon="1D").round(6).to_dict("list") == {"down": [0.157895], "up": [0.263158]}


def test_a_day_without_prices_has_no_row():
    path = pd.Series([100.0, 110.0], pd.DatetimeIndex(["2025-10-10", "2025-10-12"]))
    assert adl.worst_moves(path, horizon="1D")["up"].tolist() == pytest.approx([0.1])


seeded = st.integers(0, 10_000).map(lambda seed: np.random.default_rng(seed))
shapes = st.floats(-0.4, 1.2)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@given(rng=seeded, shape=shapes, unit=st.floats(1e-4, 1e4))
def test_estimates_do_not_depend_on_the_unit(estimator, rng, shape, unit):
    excess = excess_at(rng.standard_exponential((1, 60)), shape, 0.03)
    (own, scale), (other, scaled) = estimator(excess), estimator(unit * excess)
    assert other == pytest.approx(own, abs=1e-6)
    assert scaled == pytest.approx(unit * scale, rel=1e-6)


@given(rng=seeded, shape=shapes)
def test_no_parameters_are_more_likely_than_the_most_likely(rng, shape):
    excess = excess_at(rng.standard_exponential(80), shape, 0.03)
    best, scale = (float(found[0]) for found in tails.maximum_likelihood(excess[None]))
    top = log_likelihood(excess, best, scale)
    others = np.linspace(-0.9, 2.0, 30)
    assert (log_likelihood(excess, others, scale_given(excess, others)) <= top + 1e-8).all()


@few
@given(rng=seeded, shape=shapes)
def test_samples_are_fitted_each_by_itself(rng, shape):
    excess = excess_at(rng.standard_exponential((4, 40)), shape, 0.03)
    together = tails.maximum_likelihood(excess)[0]
    assert together == pytest.approx([tails.maximum_likelihood(row[None])[0][0] for row in excess], abs=1e-9)


@given(rng=seeded, years=st.floats(1e-4, 1e3))
def test_a_return_level_is_exceeded_once_in_its_period(rng, years):
    fit = adl.fit_tail(heavy(seed=int(rng.integers(50))), threshold=0.05)
    level = fit.return_level(years)
    if fit.rate * years >= 1:
        assert fit.exceedance(level) == pytest.approx(1.0 / years, rel=1e-9)
        assert fit.return_period(level) == pytest.approx(years, rel=1e-9)
    else:  # the record is a step function
        assert fit.exceedance(level) <= (1.0 + 1e-9) / years
        assert level == 0 or fit.exceedance(level * (1.0 - 1e-9)) >= (1.0 - 1e-9) / years


def test_exceedance_falls_without_a_step_at_the_threshold():
    moves = np.concatenate([np.linspace(0.0, 0.3, 400), [0.05 - 1e-12, 0.05, 0.05 + 1e-12, 0.9, np.inf]])
    exceeded = FIT.exceedance(np.sort(moves))
    assert (np.diff(exceeded) <= 0).all()
    assert FIT.exceedance(0.05) == pytest.approx(FIT.rate, rel=1e-12)
    assert FIT.exceedance(np.inf) == 0.0


def test_below_the_threshold_the_record_speaks():
    moves = heavy()
    assert FIT.probability(0.01) == pytest.approx((moves > 0.01).mean())
    assert FIT.probability(0.0) == 1.0


@few
@given(years=st.lists(st.floats(0.1, 100.0), min_size=2, max_size=5))
def test_longer_periods_have_higher_levels_in_every_refit(years):
    sample = FIT.resample(50, rng=np.random.default_rng(1))
    assert (np.diff(sample.return_level(np.sort(years)), axis=1) >= 0).all()


@pytest.mark.parametrize("draw", ["resample", "simulate", "posterior"])
def test_refits_repeat_with_their_seed_and_surround_the_fit(draw):
    first, second = (getattr(FIT, draw)(400, rng=np.random.default_rng(5)) for _ in range(2))
    assert (first.shape == second.shape).all()
    low, high = first.shape_interval()
    assert low < FIT.shape < high
    assert (first.return_levels([1.0, 5.0]).diff(axis=1)[["low"]] < 0).all(axis=None)
    exceeded = first.exceedance(first.return_level(5.0)[:, None])[np.arange(400), np.arange(400), 0]
    assert exceeded == pytest.approx(np.full(400, 0.2), rel=1e-6)


def test_refits_of_a_number_have_one_axis():
    sample = FIT.simulate(20, rng=np.random.default_rng(5))
    assert sample.exceedance(0.1).shape == (20,)
    assert sample.exceedance([0.1, 0.2]).shape == (20, 2)
    assert sample.exceedance(0.02) == pytest.approx(sample.rate * FIT.exceedance(0.02) / FIT.rate)


def test_the_ends_of_the_shape_interval_are_as_unlikely_as_the_level_says():
    floor = log_likelihood(FIT.excess, FIT.shape, FIT.scale) - stats.chi2.isf(0.1, 1) / 2.0
    for end in FIT.shape_interval(level=0.9):
        # scipy fits the scale for a given shape
        _, _, scale = stats.genpareto.fit(FIT.excess, f0=end, floc=0, scale=FIT.scale)
        assert stats.genpareto.logpdf(FIT.excess, end, 0.0, scale).sum() == pytest.approx(floor, abs=1e-3)


def test_a_shape_interval_ends_at_minus_one_where_nothing_rejects_it():
    excess = stats.genpareto.ppf(np.linspace(0.04, 0.96, 12), -0.5)
    moves = pd.Series(np.concatenate([0.1 + excess, np.zeros(600)]), days(612))
    with pytest.warns(TailWarning, match="only 12 events"):
        fit = adl.fit_tail(moves, threshold=0.1, gap=0)
    assert fit.shape_interval()[0] == -1.0


def test_intervals_of_return_levels_widen_with_the_period_and_the_confidence():
    wide, narrow = FIT.return_levels([2.0, 10.0]), FIT.return_levels([2.0, 10.0], level=0.5)
    assert ((wide["low"] < narrow["low"]) & (narrow["low"] < wide["estimate"])).all()
    assert ((wide["estimate"] < narrow["high"]) & (narrow["high"] < wide["high"])).all()
    assert (wide["high"] - wide["low"]).is_monotonic_increasing


def test_the_interval_of_a_return_level_at_the_threshold_is_that_of_the_rate():
    period = 1.02 / FIT.rate  # just above the threshold: the likelihood of the number of events decides alone
    row = FIT.return_levels([period]).iloc[0]
    events = FIT.n_clusters
    half = stats.chi2.isf(0.05, 1) / 2.0
    rates = np.linspace(0.5, 1.5, 20_001) * events
    held = rates[events * np.log(events / rates) - events + rates <= half]
    reached = excess_at(np.log(held.max() * 1.02 / events), FIT.shape, FIT.scale)
    assert row["high"] - FIT.threshold == pytest.approx(reached, rel=0.05)
    assert row["low"] == FIT.threshold


@pytest.mark.parametrize("shape", [-0.3, 0.3])
def test_p_values_tell_a_fit_from_a_misfit(shape):
    rng = np.random.default_rng(11)
    good = pd.Series(0.1 + excess_at(rng.standard_exponential(150), shape, 0.02), days(150))
    bad = pd.Series(0.1 + np.where(rng.random(150) < 0.7, 0.01, 0.1) * (1.0 + rng.random(150)), days(150))
    assert (adl.fit_tail(good, threshold=0.1, gap=0).goodness(199, rng=rng)["p_value"] > 0.01).all()
    misfit = adl.fit_tail(bad, threshold=0.1, gap=0)
    assert (misfit.goodness(199, rng=rng)["p_value"] <= 0.01).all()
    assert "poor fit" in misfit.cautions[-1]
    assert "poor fit" in repr(misfit)
    assert "poor fit" in misfit._repr_html_()


def test_mean_excess_grows_as_the_shape_says():
    moves, levels = heavy(200_000), [0.02, 0.06, 0.10]
    table = tails.mean_excess(moves.set_axis(pd.date_range("1800-01-01", periods=len(moves), freq="h")), levels)
    slope = np.polyfit(levels, table["mean_excess"], 1)[0]
    assert slope == pytest.approx(0.25 / 0.75, abs=0.03)
    assert ((table["low"] < table["mean_excess"]) & (table["mean_excess"] < table["high"])).all()


def test_stability_repeats_the_fits_and_leaves_out_what_is_too_little():
    table = tails.threshold_stability(heavy(), [0.05, 0.08, 0.5])
    assert table.at[0.05, "shape"] == FIT.shape
    assert table.loc[0.05, ["shape_low", "shape_high"]].tolist() == pytest.approx(FIT.shape_interval())
    assert table.at[0.05, "modified_scale"] == pytest.approx(FIT.scale - FIT.shape * 0.05)
    assert table.loc[0.5].drop("n_clusters").isna().all()


def test_inputs_stay_as_they_are():
    moves = heavy()
    before = moves.copy()
    adl.fit_tail(moves, threshold=0.05).resample(5, rng=np.random.default_rng(0))
    pd.testing.assert_series_equal(moves, before)


def test_figures_draw_a_fit():
    fit = adl.fit_tail(heavy(), threshold=0.05, estimator=tails.maximum_likelihood)
    assert "once in 12.3 years" in fit.plot().get_title(loc="left")
    assert len(plotting.plot_tail_quantiles(fit).lines[1].get_xdata()) == fit.n_clusters
    levels = [0.03, 0.05, 0.5]
    assert len(plotting.plot_mean_excess(tails.mean_excess(heavy(), levels)).lines[0].get_xdata()) == 2
    assert len(plotting.plot_threshold_stability(tails.threshold_stability(heavy(), levels)).lines[0].get_xdata()) == 2


def test_a_tail_without_a_mean_is_warned_of():
    with pytest.warns(TailWarning, match="without a mean"):
        fit = adl.fit_tail(heavy(shape=1.6), threshold=0.05)
    assert fit.shape >= 1


def test_a_far_period_is_warned_of():
    with pytest.warns(TailWarning, match="no data speak"):
        FIT.return_levels([100.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": -0.1}, "threshold must be"),
        ({"threshold": np.nan}, "threshold must be"),
        ({"threshold": 5.0}, "0 clusters above 5"),
        ({"gap": -1}, "gap must be"),
        ({"gap": 0.5}, "gap must be"),
        ({"periods_per_year": 0.0}, "periods_per_year must be"),
        ({"periods_per_year": 8766.0}, "24 times what"),
        ({"moves": -heavy()}, "one side at a time"),
        ({"moves": heavy().where(heavy() < 0.2)}, "not finite"),
        ({"moves": heavy()[::-1]}, "increase"),
        ({"moves": heavy().reset_index(drop=True)}, "DatetimeIndex"),
        (
            {"moves": pd.Series(np.tile([0.0, 0.29, 0.3], 9), days(27)), "threshold": 0.1, "gap": 0},
            "up to their end",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, message):
    with pytest.raises(TailError, match=message):
        adl.fit_tail(**{"moves": heavy(), "threshold": 0.05} | change)


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        (pd.DataFrame({"high": [1.0], "low": [1.0]}, days(1)), "missing columns"),
        (pd.DataFrame({"high": [2.0], "low": [1.0], "close": [3.0]}, days(1)), "not between low and high"),
        (pd.Series([1.0, 0.0], days(2)), "not finite and above zero"),
        (pd.Series([1.0, np.nan], days(2)), "not finite and above zero"),
        (pd.Series([1.0, 2.0]), "DatetimeIndex"),
    ],
)
def test_bars_that_cannot_be_used_are_refused(prices, message):
    with pytest.raises(TailError, match=message):
        adl.worst_moves(prices)


def test_questions_without_an_answer_are_refused():
    moments = adl.fit_tail(heavy(), threshold=0.05, estimator=tails.probability_weighted_moments)
    rng = np.random.default_rng(0)
    for ask, message in (
        (lambda: adl.worst_moves(heavy() + 1, horizon="day"), "length of a period"),
        (lambda: FIT.exceedance(-0.1), "below zero"),
        (lambda: FIT.return_level(0.0), "return periods"),
        (lambda: FIT.return_levels([1.0], level=95), "level"),
        (lambda: FIT.resample(0, rng=rng), "at least one"),
        (lambda: moments.shape_interval(), "maximum likelihood"),
        (lambda: moments.posterior(5, rng=rng), "maximum likelihood"),
        (lambda: tails.mean_excess(heavy(), [-0.1]), "thresholds"),
    ):
        with pytest.raises(TailError, match=message):
            ask()


@pytest.mark.parametrize(
    ("coin", "threshold", "n_clusters", "shape", "scale"),  # pyextremes 2.6.1: r="24h", MLE
    [("btc", 0.08, 121, 0.129618, 0.0414726), ("eth", 0.10, 138, 0.272463, 0.0384619)],
)
def test_real_days_give_what_pyextremes_gives(coin, threshold, n_clusters, shape, scale):
    path = PRICES / f"binance_{coin}usdt_daily_2017_2025.csv"
    if not path.exists():
        pytest.skip("price histories are not part of the repository")
    bars = pd.read_csv(path, index_col="Date", parse_dates=True).sort_index().rename(columns=str.lower)
    moves = adl.worst_moves(bars)
    with warnings.catch_warnings(action="error"):
        fit = adl.fit_tail(moves["down"], threshold=threshold, gap=1)
    assert fit.n_clusters == n_clusters
    assert fit.shape == pytest.approx(shape, abs=2e-4)
    assert fit.scale == pytest.approx(scale, rel=1e-3)
    if coin == "btc":  # lows see three times as many days of a tenth as closes do
        assert (moves["down"] >= 0.1).sum() == 90
        assert (bars["close"].pct_change() <= -0.1).sum() == 29
