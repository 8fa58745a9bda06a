"""Rates: published limits, laws of intervals, tests of randomness, regressions against printed results."""

from __future__ import annotations

import inspect
import re

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import close_to, golden_ids, golden_rows
from hypothesis import given
from scipy import stats
from strategies import few

import adlkit as adl
from adlkit import rates
from adlkit.errors import MetricError

counts = st.integers(0, 200)
exposures = st.floats(0.01, 1e4)

# British doctors, coronary deaths by smoking and age (Doll and Hill 1966; Breslow and Day 1987): the data and, below,
# the printed results of `poisson deaths smokes i.agecat, exposure(pyears) irr`, stata.com/capabilities/poisson.html
DOCTORS = pd.DataFrame(
    {
        "deaths": [32, 104, 206, 186, 102, 2, 12, 28, 28, 31],
        "years": [52407, 43248, 28612, 12663, 5317, 18790, 10673, 5710, 2585, 1462],
        "smokes": [1] * 5 + [0] * 5,
    }
).join(pd.DataFrame({f"age{j}": [int(i % 5 == j) for i in range(10)] for j in range(1, 5)}))
AGES = ["age1", "age2", "age3", "age4"]


def doctors(**changes):
    return rates.poisson_regression(
        DOCTORS.assign(**changes), count="deaths", exposure="years", drivers=["smokes", *AGES]
    )


def overdispersed(n=300, seed=5):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    mean = np.exp(0.4 + 0.7 * x)
    return pd.DataFrame({"n": rng.poisson(mean * rng.gamma(2.0, 0.5, size=n)), "days": 1.0, "vol": x})


@pytest.mark.parametrize("name", rates.__all__)
def test_each_public_name_says_what_it_is_and_shows_how(name):
    doc = inspect.getdoc(getattr(rates, name)) or ""
    assert re.match(r"\S[^\n]*\.\n", doc)
    assert ">>> " in doc.partition("Examples\n--------\n")[2]


@pytest.mark.parametrize("case", golden_ids("rates"))
def test_interval_is_the_published_one(case):
    row = golden_rows("rates", case).iloc[0]
    found = adl.episode_rate(int(row["count"]), row["exposure"], unit="year", level=row["level"]).table.iloc[0]
    stated = row[["low", "high", "upper"]].dropna()
    assert len(stated)
    for name, value in stated.items():
        assert found[name] == close_to(value, row)


@given(count=counts, exposure=exposures, level=st.floats(0.5, 0.999))
def test_the_limits_are_the_rates_at_which_so_few_or_many_are_just_possible(count, exposure, level):
    row = adl.episode_rate(count, exposure, unit="year", level=level).table.iloc[0]
    tail = (1 - level) / 2
    assert stats.poisson.cdf(count, row["high"] * exposure) == pytest.approx(tail, rel=1e-6)
    assert stats.poisson.cdf(count, row["upper"] * exposure) == pytest.approx(2 * tail, rel=1e-6)
    if count:
        assert stats.poisson.sf(count - 1, row["low"] * exposure) == pytest.approx(tail, rel=1e-6)
    assert row["low"] <= row["rate"] <= row["upper"] <= row["high"]


@few
@given(count=st.lists(counts, min_size=2, max_size=5), exposure=exposures, factor=st.floats(0.1, 10))
def test_rows_stand_alone_and_rates_scale_with_the_unit_of_exposure(count, exposure, factor):
    table = adl.episode_rate(pd.Series(count), exposure, unit="year").table
    for row, n in enumerate(count):
        alone = adl.episode_rate(n, exposure * factor, unit="x").table.iloc[0]
        assert table.loc[row, ["rate", "low", "high", "upper"]].tolist() == pytest.approx(
            (alone[["rate", "low", "high", "upper"]] * factor).tolist()
        )


@given(count=counts, exposure=exposures)
def test_with_a_prior_of_nothing_half_a_count_lies_within_the_exact_interval(count, exposure):
    jeffreys = rates.gamma_poisson(count, exposure, prior_count=0.5, prior_exposure=0.0, unit="year").table.iloc[0]
    exact = adl.episode_rate(count, exposure, unit="year").table.iloc[0]
    assert exact["low"] <= jeffreys["low"] < jeffreys["rate"] < jeffreys["high"] <= exact["high"]


def test_a_prior_is_worth_the_events_and_the_exposure_that_it_names():
    """Gelman et al. 2013, section 2.6: 3 deaths in 200,000 person-years, prior Gamma(3, 5): posterior mean 0.86."""
    result = rates.gamma_poisson(3, 2.0, prior_count=3.0, prior_exposure=5.0, unit="100,000 person-years")
    assert result.table["rate"].iloc[0] == pytest.approx(0.86, abs=0.005)
    assert result.table[["low", "high"]].iloc[0].tolist() == pytest.approx(stats.gamma(6, scale=1 / 7).interval(0.95))


# R, ?poisson.test: c(11, 6+8+7), c(800, 1083+1050+878); Stata, iri 41 15 28010 19017 (Rothman et al. 2008, table 14-1)
@pytest.mark.parametrize(
    ("call", "expected"),
    [((11, 800, 21, 3011), (1.971488, 0.8584264, 4.2772659)), ((41, 28010, 15, 19017), (1.855759, 1.005684, 3.60930))],
)
def test_ratio_and_its_exact_interval_are_the_printed_ones(call, expected):
    assert rates.rate_ratio(*call)[["ratio", "low", "high"]].tolist() == pytest.approx(expected, rel=2e-6)


@given(one=counts, two=counts, time1=exposures, time2=exposures, level=st.floats(0.8, 0.99))
def test_the_test_rejects_where_the_interval_leaves_one_out_and_turns_with_it(one, two, time1, time2, level):
    ratio = rates.rate_ratio(one, time1, two, time2, level=level)
    if abs(ratio["p_value"] - (1 - level)) > 1e-9:
        assert (ratio["p_value"] < 1 - level) == (not ratio["low"] <= 1 <= ratio["high"])
    turned = rates.rate_ratio(two, time2, one, time1, level=level)
    assert turned["p_value"] == pytest.approx(ratio["p_value"])
    with np.errstate(divide="ignore"):
        assert 1 / ratio["high"] == pytest.approx(turned["low"])


def test_a_ratio_without_events_says_nothing():
    assert rates.rate_ratio(0, 1.0, 0, 5.0).iloc[1:].tolist() == [0.0, np.inf, 1.0]
    one_sided = rates.rate_ratio(3, 1.0, 0, 1.0)
    assert one_sided["ratio"] == np.inf
    assert one_sided["low"] == pytest.approx(0.025 ** (1 / 3) / (1 - 0.025 ** (1 / 3)))


def test_a_censored_feed_gives_back_the_rate_behind_it():
    """An event in 45 of 60 seconds: -log(1/4) per second, limits from Clopper and Pearson's 62.1% and 85.3%."""
    row, expected = rates.censored_rate(45, 60).table.iloc[0], [np.log(4), -np.log(0.3786), -np.log(0.1472)]
    assert row[["rate", "low", "high"]].tolist() == pytest.approx(expected, abs=2e-3)


@given(seen=st.integers(0, 100), idle=st.integers(0, 100), seconds=st.floats(0.1, 10))
def test_a_censored_rate_is_above_what_the_feed_shows(seen, idle, seconds):
    if seen + idle == 0:
        return
    row = rates.censored_rate(seen, seen + idle, seconds=seconds).table.iloc[0]
    assert row["rate"] >= seen / ((seen + idle) * seconds)
    assert row["low"] <= row["rate"] <= row["high"]
    assert np.isinf(row["rate"]) == (idle == 0) == np.isinf(row["high"])
    assert np.isfinite(row["low"])


def test_a_simulated_throttle_is_undone():
    rng = np.random.default_rng(3)
    per_second = rng.poisson(2.5, size=20_000)
    row = rates.censored_rate(int((per_second > 0).sum()), len(per_second)).table.iloc[0]
    assert row["low"] < per_second.mean() < row["high"]
    assert (per_second > 0).mean() < 0.4 * per_second.mean(), "what the feed shows is far below"


def test_amounts_of_a_censored_feed_are_refused_in_words():
    with pytest.raises(MetricError, match="not money: the amounts that it leaves out cannot be recovered"):
        rates.censored_rate(1_234.56, 3600)


def test_dispersion_by_hand_and_by_scipy():
    """Counts 0 0 6 2: mean 2, squares 4 + 4 + 16 + 0, over the mean 12, 3 degrees of freedom: upper tail 0.00738."""
    found = rates.dispersion(pd.Series([0, 0, 6, 2]))
    assert found["chi_square"] == 12.0
    assert found["p_over"] == pytest.approx(0.007383, abs=1e-6)
    n, time = np.array([3, 0, 7, 4]), np.array([1.0, 2.0, 1.5, 4.0])
    other = rates.dispersion(pd.Series(n), pd.Series(time))
    expected = stats.chisquare(n, n.sum() * time / time.sum())
    assert other[["chi_square", "p_over"]].tolist() == pytest.approx([expected.statistic, expected.pvalue])


@few
@given(n=st.lists(st.integers(0, 20), min_size=2, max_size=8))
def test_index_of_dispersion_is_variance_over_mean(n):
    series = pd.Series(n)
    found = rates.dispersion(series)
    if series.sum():
        assert found["index"] == pytest.approx(series.var() / series.mean())
    else:
        assert np.isnan(found["index"])
        assert found["p_value"] == 1.0


def days(values):
    return pd.Series(pd.Timestamp("2025-01-01T00:00Z") + pd.to_timedelta(values, unit="D"))


def test_waiting_times_by_hand():
    """Days 0 1 2 59 60, watched until 151: mean 30.5 of four, middle 75.5, deviation 151 / sqrt(48)."""
    waits = rates.waiting_times(days([60, 0, 1, 59, 2]), end="2025-06-01T00:00Z")
    assert waits.gaps.tolist() == [1.0, 1.0, 57.0, 1.0]
    assert waits.gaps.index.tolist() == [2, 4, 3, 0]
    assert waits.laplace == pytest.approx((30.5 - 75.5) / (151 / np.sqrt(48)))
    assert waits.rate == pytest.approx(4 / 151)
    until_last = rates.waiting_times(days([60, 0, 1, 59, 2]))
    assert until_last.laplace == pytest.approx((62 / 3 - 30) / (60 / 6))


def test_clusters_and_beats_are_seen_and_a_poisson_process_is_not():
    rng = np.random.default_rng(11)
    poisson = np.cumsum(rng.exponential(10.0, size=60))
    clustered = np.sort(np.repeat(np.cumsum(rng.exponential(50.0, size=12)), 5) + rng.uniform(0, 1, size=60))
    beat = np.arange(60.0) + rng.uniform(0, 0.1, size=60)
    waits = {name: rates.waiting_times(days(times)) for name, times in
             {"poisson": poisson, "clustered": clustered, "beat": beat}.items()}  # fmt: skip
    assert waits["poisson"].lilliefors_p > 0.05
    assert waits["poisson"].laplace_p > 0.05
    assert waits["clustered"].lilliefors_p < 0.01
    assert waits["clustered"].cv > 1.5
    assert waits["beat"].lilliefors_p < 0.01
    assert waits["beat"].cv < 0.5


def test_the_tests_reject_a_poisson_process_as_often_as_they_say():
    """400 processes of 20 waiting times; naive Kolmogorov-Smirnov with the estimated mean would reject about 1%."""
    rng = np.random.default_rng(2)
    p_values = np.array([
        (waits.lilliefors_p, waits.laplace_p)
        for waits in (rates.waiting_times(days(np.cumsum(rng.exponential(9.0, size=21)))) for _ in range(400))
    ])  # fmt: skip
    assert (p_values < 0.1).mean(axis=0) == pytest.approx(0.1, abs=0.045), "three standard errors"


def test_regression_of_the_doctors_is_the_printed_one():
    fit = doctors()
    printed = [0.0003636, 1.425519, 4.410584, 13.8392, 28.51678, 40.45121]
    assert fit.table["rate_ratio"].tolist() == pytest.approx(printed, rel=2e-4)
    assert fit.diagnostics["log_likelihood"] == pytest.approx(-33.600153, abs=1e-6)
    y, mean = DOCTORS["deaths"], fit.fitted["expected"]
    assert fit.diagnostics["deviance"] == pytest.approx(2 * (y * np.log(y / mean) - (y - mean)).sum())
    assert fit.diagnostics["pearson_chi_square"] == pytest.approx(((y - mean) ** 2 / mean).sum())


def test_one_flag_is_a_ratio_of_rates_with_the_sandwich_of_two_groups():
    """Two groups: log ratio of rates; its sandwich variance is the sum over groups of squared residuals / count^2."""
    data = pd.DataFrame({"n": [1, 3, 2, 8, 4, 9], "days": [10.0, 20.0] * 3, "crash": [0, 0, 0, 1, 1, 1]})
    row = rates.poisson_regression(data, count="n", exposure="days", drivers=["crash"]).table.loc["crash"]
    groups = [part for _, part in data.groupby("crash")]
    expected = [part["days"] * part["n"].sum() / part["days"].sum() for part in groups]
    variance = sum(((p["n"] - e) ** 2).sum() / p["n"].sum() ** 2 for p, e in zip(groups, expected, strict=True))
    assert row["rate_ratio"] == pytest.approx((21 / 50) / (6 / 40))
    assert row["std_error"] == pytest.approx(np.sqrt(variance * 6 / 4))
    assert row["high"] == pytest.approx(row["rate_ratio"] * np.exp(stats.t.ppf(0.975, 4) * row["std_error"]))


def test_overdispersion_is_the_auxiliary_regression_by_hand():
    data = overdispersed()
    fit = rates.poisson_regression(data, count="n", exposure="days", drivers=["vol"])
    y, mean = data["n"].to_numpy(), fit.fitted["expected"].to_numpy()
    target = ((y - mean) ** 2 - y) / mean
    alpha = (target @ mean) / (mean @ mean)
    error = np.sqrt(((target - alpha * mean) ** 2).sum() / (len(y) - 1) / (mean @ mean))
    found = fit.diagnostics[["overdispersion", "overdispersion_p"]].tolist()
    assert found == pytest.approx([alpha, stats.norm.sf(alpha / error)])


def test_negative_binomial_finds_the_alpha_that_made_the_data():
    data = overdispersed(n=3000)
    fit = rates.negative_binomial_regression(data, count="n", exposure="days", drivers=["vol"])
    assert fit.diagnostics["alpha"] == pytest.approx(0.5, abs=0.08)
    assert fit.table.loc["vol", "coefficient"] == pytest.approx(0.7, abs=0.08)
    assert fit.diagnostics["dispersion"] == pytest.approx(1.0, abs=0.1)
    poisson = rates.poisson_regression(data, count="n", exposure="days", drivers=["vol"])
    assert fit.diagnostics["aic"] < poisson.diagnostics["aic"]
    law = stats.nbinom(1 / fit.diagnostics["alpha"], 1 / (1 + fit.diagnostics["alpha"] * fit.fitted["expected"]))
    assert fit.diagnostics["log_likelihood"] == pytest.approx(law.logpmf(data["n"]).sum())


def test_regression_scales_and_leaves_its_input_alone():
    data = overdispersed()
    before = data.copy()
    one = rates.poisson_regression(data, count="n", exposure="days", drivers=["vol"]).table
    scaled = data.assign(days=30.0, vol=data["vol"] * 2)
    other = rates.poisson_regression(scaled, count="n", exposure="days", drivers=["vol"])
    assert other.table.loc["vol", "coefficient"] == pytest.approx(one.loc["vol", "coefficient"] / 2, rel=1e-6)
    assert other.table.loc["baseline rate", "rate_ratio"] == pytest.approx(one.loc["baseline rate", "rate_ratio"] / 30)
    assert other.fitted["expected"].sum() == pytest.approx(data["n"].sum())
    pd.testing.assert_frame_equal(data, before)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"age4": 1}, "constant or sums"),
        ({"age4": DOCTORS["age1"] + DOCTORS["age2"]}, "constant or sums"),
        ({"deaths": 0}, "10 periods with 0 events are too few"),
        ({"deaths": [1.5] * 10}, "counts must be whole numbers"),
        ({"years": 0}, "exposure must be above zero"),
        ({"smokes": np.nan}, "rows without \\['smokes'\\]"),
        ({"smokes": "yes"}, "smokes must be numbers"),
    ],
)
def test_bad_regressions_are_refused(changes, told):
    with pytest.raises(MetricError, match=told):
        doctors(**changes)


def test_a_driver_that_parts_periods_without_events_is_refused():
    data = pd.DataFrame({"n": [0, 0, 0, 2, 3, 1], "days": 1.0, "crash": [0, 0, 0, 1, 1, 1]})
    with pytest.raises(MetricError, match=r"parts periods without any event|no maximum that could be found"):
        rates.poisson_regression(data, count="n", exposure="days", drivers=["crash"])


def test_a_negative_binomial_without_overdispersion_is_refused():
    data = pd.DataFrame({"n": [2, 3] * 20, "days": 1.0})
    with pytest.raises(MetricError, match="no over-dispersion: use poisson_regression"):
        rates.negative_binomial_regression(data, count="n", exposure="days", drivers=[])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: adl.episode_rate(1.5, 1.0, unit="y"), "counts must be whole numbers of zero or more"),
        (lambda: adl.episode_rate(-1, 1.0, unit="y"), "counts must be whole numbers of zero or more"),
        (lambda: adl.episode_rate(1, 0.0, unit="y"), "exposure must be above zero"),
        (lambda: adl.episode_rate(1, np.nan, unit="y"), "exposure: 1 values are NaN"),
        (lambda: adl.episode_rate(1, 1.0, unit="y", level=1.0), "level must be within"),
        (lambda: adl.episode_rate(pd.Series([1, 2]), pd.Series([1.0, 2.0], index=[1, 2]), unit="y"), "on one index"),
        (lambda: rates.gamma_poisson(0, 1.0, prior_count=0, prior_exposure=0, unit="y"), "none in the prior"),
        (lambda: rates.gamma_poisson(0, 1.0, prior_count=-1, prior_exposure=0, unit="y"), "below zero"),
        (lambda: rates.censored_rate(61, 60), "seen must not be above windows"),
        (lambda: rates.censored_rate(1, 60, seconds=0), "seconds must be finite and above zero"),
        (lambda: rates.censored_rate(1, 60.5), "windows must be whole numbers"),
        (lambda: rates.dispersion(pd.Series([1])), "two periods or more"),
        (lambda: rates.waiting_times(days([0, 1, 2, 3])), "too few waiting times"),
        (lambda: rates.waiting_times(days([0, 1, 2, 3, 9]), end="2025-01-05T00:00Z"), "end must not come before"),
        (lambda: rates.waiting_times(days([1, 1, 1, 1, 1])), "starts must differ"),
        (lambda: rates.waiting_times(pd.Series([1.0] * 5)), "starts must be times"),
        (lambda: rates.waiting_times(days([0, 1, 2, 3, np.nan])), "1 starts are not known"),
        (lambda: rates.rate_ratio(pd.Series([1, 2]), 1.0, 3, 1.0), "one row each"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call, told):
    with pytest.raises(MetricError, match=told):
        call()


def test_a_result_of_several_rates_names_each():
    summary = adl.episode_rate(pd.Series({"a": 1, "b": 0}), 2.0, unit="year").summary()
    assert summary["a: rate"] == 0.5
    assert summary["b: upper"] == pytest.approx(-np.log(0.05) / 2)
    assert summary.index[1] == "a: exposure [year]"
