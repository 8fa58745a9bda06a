"""Metrics over rounds: laws, and bad input."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from golden_cases import golden
from hypothesis import given

from adlkit import metrics
from adlkit.errors import MetricError

losses = st.lists(st.floats(-100, 100), min_size=6, max_size=6)


@given(table=st.lists(losses, min_size=1, max_size=4), own=losses)
def test_regret_against_a_path_is_never_below_that_against_a_fixed_choice(table, own):
    policy, fixed = pd.Series(own), pd.DataFrame(table).T
    static, dynamic = metrics.static_regret(policy, fixed), metrics.dynamic_regret(policy, fixed.min(axis=1))
    assert dynamic >= static - 1e-9
    best = fixed[fixed.sum().idxmin()]
    assert metrics.static_regret(best, fixed) == pytest.approx(0.0, abs=1e-9)


@given(level=st.floats(-1e6, 1e6), half_life=st.floats(1.0, 1e5))
def test_discounting_a_constant_leaves_it_and_every_average_stays_in_the_band(level, half_life):
    constant = pd.Series(level, index=[0.0, 500.0, 1000.0])
    assert metrics.discounted_overshoot(constant, half_life=half_life) == pytest.approx(level, rel=1e-9, abs=1e-9)
    rising = pd.Series([1.0, 2.0, 5.0], index=[0.0, 500.0, 1000.0])
    assert 1.0 <= metrics.discounted_overshoot(rising, half_life=half_life) <= 5.0


def test_a_long_half_life_is_the_plain_average_over_the_horizons():
    rising = pd.Series([0.0, 1.0, 2.0], index=[0.0, 1.0, 2.0])
    assert metrics.discounted_overshoot(rising, half_life=1e12) == pytest.approx(1.0)


@given(scale=st.floats(0.1, 10.0))
def test_the_envelope_grows_with_deficits_and_with_changes_of_severity(scale):
    deficit = pd.Series([3.0, 4.0, 5.0])
    calm, restless = pd.Series([0.5, 0.5, 0.5]), pd.Series([0.0, 1.0, 0.0])
    assert metrics.severity_envelope(scale * deficit, calm) == pytest.approx(scale * math.sqrt(50))
    assert metrics.severity_envelope(deficit, restless) == pytest.approx(math.sqrt(5 * 50))


def test_accounts_that_enter_or_leave_do_not_count_for_stability():
    burdens = pd.DataFrame(
        [[0.1, 0.2, 0.3, np.nan], [0.1, 0.2, 0.3, 0.0], [np.nan, np.nan, 0.1, 0.9], [0.5, 0.5, 0.5, 0.5]],
        columns=list("abcd"),
    )
    found = metrics.rank_stability(burdens)
    assert found.index.tolist() == [1, 2, 3]
    assert found.round(12).tolist()[:2] == [1.0, -1.0]
    assert math.isnan(found.iloc[2])
    assert metrics.rank_stability(burdens[:1]).empty


def test_severity_without_a_deficit_is_undefined():
    found = metrics.severity_ratio(pd.Series([1.0, 0.0]), pd.Series([0.0, 0.0]))
    assert found.isna().all()


def test_leverage_masses_leave_out_accounts_of_zero_equity():
    found = metrics.leverage_masses(pd.Series([5.0, 5.0]), pd.Series([0.0, 5.0]))
    assert found["winners"] == 1.0
    assert math.isnan(found["imbalance"])


def test_screening_needs_load_and_imbalance_within_bounds():
    bounds = {"max_load": 3.0, "imbalance_range": (0.5, 2.0)}
    assert metrics.is_static_enough(3.0, 0.5, **bounds)
    assert not metrics.is_static_enough(3.1, 1.0, **bounds)
    assert not metrics.is_static_enough(1.0, 2.1, **bounds)
    assert not metrics.is_static_enough(math.nan, 1.0, **bounds)
    assert math.isnan(metrics.severity_load(pd.Series([0.0, 0.0]), severity=0.5, n_accounts=9))


def test_bad_input_is_refused():
    one, other = pd.Series([1.0, 2.0]), pd.Series([1.0, 2.0], index=[7, 8])
    with pytest.raises(MetricError, match="amount must be a Series on the index of deficit"):
        metrics.severity_ratio(other, one)
    with pytest.raises(MetricError, match="no choice to compare"):
        metrics.static_regret(one, pd.DataFrame(index=one.index))
    with pytest.raises(MetricError, match="fixed"):
        metrics.static_regret(one, pd.DataFrame({"a": other}))
    with pytest.raises(MetricError, match="under: 1 values are below zero"):
        metrics.round_loss_asymmetric(one, one, one, under=-1.0, over=1.0, fairness=1.0)
    with pytest.raises(MetricError, match="ascending horizons"):
        metrics.discounted_overshoot(pd.Series([1.0, 2.0], index=[1.0, 0.0]), half_life=1.0)
    with pytest.raises(MetricError, match="half-life above zero"):
        metrics.discounted_overshoot(one, half_life=0.0)
    with pytest.raises(MetricError, match="static must be finite and above zero"):
        metrics.price_of_anarchy(1.0, 0.0)
    with pytest.raises(MetricError, match="lower end of imbalance_range"):
        metrics.is_static_enough(1.0, 1.0, max_load=1.0, imbalance_range=(2.0, 1.0))


def test_a_balance_that_stays_below_zero_is_owed_once():
    """Nine rounds of one balance: as a stock nine times as much as it is, as in the published deficit of 2025-10-10."""
    stock = pd.DataFrame({"backstop": [10_925_707.16] * 9, "trader": [0.0, 5.0, 2.0, 2.0, 6.0, 0.0, 0.0, 1.0, 0.0]})
    flow = metrics.deficit_flow(stock)
    assert flow.tolist() == pytest.approx([10_925_707.16, 5.0, 0.0, 0.0, 4.0, 0.0, 0.0, 1.0, 0.0])
    assert stock["backstop"].sum() == pytest.approx(98_331_364.44)


def test_the_published_deficit_counts_its_repeated_balance_once():
    """Sixteen waves, one balance in nine of them; what others owed is 1,732,022.25, all together 12,657,729.41."""
    waves, balance = golden("metrics_waves"), 10_925_707.159377944
    has_it = np.isclose(waves["largest_deficit"], balance, rtol=1e-12)
    assert has_it.sum() == 9
    others = (waves["deficit"] - balance * has_it).to_numpy()
    accounts = pd.DataFrame(np.where(np.eye(len(others), dtype=bool), others, 0.0))  # each wave's own
    stock = accounts.assign(backstop=np.where(has_it, balance, np.nan))
    assert metrics.deficit_flow(stock).sum() == pytest.approx(12_657_729.41, abs=0.01)


def test_a_deficit_that_is_no_amount_is_refused():
    with pytest.raises(MetricError, match="stock: 1 values are below zero"):
        metrics.deficit_flow(pd.DataFrame({"a": [1.0, -1.0]}))
