"""Metrics of one allocation: laws, and bad input."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from strategies import capacities, money

import adlkit as adl
from adlkit import metrics
from adlkit.errors import MetricError

RULES = [adl.rules.queue, adl.rules.pro_rata]
RATIOS = [metrics.ptsr_remaining, metrics.pmr_remaining, metrics.rd_nse]


@given(taken=money, needed=money)
def test_tracking_error_is_overshoot_plus_undershoot_and_their_difference_is_signed(taken, needed):
    over, under = metrics.overshoot(taken, needed), metrics.undershoot(taken, needed)
    assert metrics.tracking_error(taken, needed) == over + under
    assert metrics.signed_overshoot(taken, needed) == over - under
    assert over * under == 0


@given(taken=capacities(), needed=capacities())
def test_metrics_of_a_series_are_those_of_its_rounds(taken, needed):
    needed = needed.reset_index(drop=True).reindex(range(len(taken)), fill_value=1.0).set_axis(taken.index)
    for metric in (metrics.overshoot, metrics.undershoot, metrics.signed_overshoot, metrics.residual_deficit):
        by_round = [metric(*pair) for pair in zip(taken.tolist(), needed.tolist(), strict=True)]
        assert metric(taken, needed).tolist() == by_round
        assert metric(taken, needed).index.equals(taken.index)


@given(capacity=capacities(), deficit=money)
def test_feasible_mass_is_what_a_full_budget_takes(capacity, deficit):
    result = adl.allocate(deficit, capacity)
    assert metrics.feasible_mass(capacity, deficit) == pytest.approx(result.taken.sum(), rel=1e-9, abs=1e-6)
    assert metrics.structural_residual(capacity, deficit) == pytest.approx(result.residual, rel=1e-9, abs=1e-3)


@pytest.mark.parametrize("rule", RULES)
@given(capacity=capacities(), share=st.floats(0.05, 0.95))
def test_paper_and_code_ratios_agree_up_to_the_odds_of_the_severity(rule, capacity, share):
    assume(capacity.sum() > 0)
    deficits = pd.Series([0.3, 0.7]) * capacity.sum()
    taken = adl.allocate(share * deficits.sum(), capacity, rule=rule).taken
    odds = (1 - share) / share
    paper = metrics.ptsr(taken, capacity, deficits, severity=share)
    assert paper == pytest.approx(metrics.ptsr_remaining(taken, capacity, deficits) * odds, rel=1e-6, abs=1e-9)
    paper = metrics.pmr(taken, capacity, deficits, severity=share)
    assert paper == pytest.approx(metrics.pmr_remaining(taken, capacity, deficits) * odds, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("ratio", RATIOS)
def test_ratios_when_more_than_the_deficit_is_taken(ratio):
    taken, capacity = pd.Series([6.0, 0.0]), pd.Series([6.0, 4.0])
    measured = ratio(taken, capacity, pd.Series([5.0]))
    assert measured == pytest.approx(4 / 3) if ratio is metrics.rd_nse else math.isnan(measured)
    assert math.isnan(ratio(capacity, capacity, pd.Series([2.0])))


@given(capacity=capacities(min_size=2), share=st.sampled_from([0.25, 0.5, 0.875]))
def test_pro_rata_never_flips_the_order_and_nothing_taken_flips_none(capacity, share):
    assert metrics.order_flips(capacity, 0.0 * capacity) == 0.0
    whole = pd.Series(np.round(capacity), index=capacity.index)  # such shares of whole numbers are exact
    assert metrics.order_flips(whole, share * whole) == 0.0


@given(data=st.data(), endowment=st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_order_flips_do_not_depend_on_the_order_of_rows(data, endowment):
    parts = data.draw(st.lists(st.integers(0, 4), min_size=len(endowment), max_size=len(endowment)))
    before, taken = pd.Series(endowment, dtype=float), pd.Series(parts, dtype=float)
    shuffled = data.draw(st.permutations(range(len(before))))
    measured = metrics.order_flips(before, taken)
    assert metrics.order_flips(before.iloc[shuffled], taken.iloc[shuffled]) == pytest.approx(measured, nan_ok=True)
    assert math.isnan(measured) == (len(before) < 2)


@given(burdens=capacities())
def test_equal_burdens_are_majorized_by_any_others_of_the_same_sum(burdens):
    even = pd.Series(burdens.mean(), index=burdens.index)
    assert metrics.is_majorized(even, burdens)
    assert metrics.is_majorized(burdens, burdens[::-1].set_axis(burdens.index))
    assert metrics.is_majorized(burdens, burdens + 1.0)
    assert not metrics.is_majorized(burdens + 1.0, burdens)
    assert metrics.is_majorized(burdens, even) == (burdens.max() <= burdens.mean() * (1 + 1e-9))


def test_largest_burden_of_an_account_without_base_is_infinite():
    taken = pd.Series([1.0, 0.0])
    assert metrics.max_burden(taken, pd.Series([4.0, -1.0])) == 0.25
    assert metrics.max_burden(taken, pd.Series([0.0, 1.0])) == math.inf
    assert metrics.max_burden(0.0 * taken, pd.Series([0.0, 1.0])) == 0.0


def test_a_fairer_policy_than_the_reference_has_a_gap_too():
    assert metrics.fairness_gap(0.1, 0.3, 10.0) == pytest.approx(metrics.fairness_gap(0.5, 0.3, 10.0))


def test_bad_input_is_refused():
    one, other = pd.Series([1.0]), pd.Series([1.0], index=[7])
    with pytest.raises(MetricError, match="deficit must be a Series on the index of taken"):
        metrics.residual_deficit(one, other)
    with pytest.raises(MetricError, match="needed: 1 values are NaN or infinite"):
        metrics.tracking_error(1.0, math.nan)
    with pytest.raises(MetricError, match="taken must be a Series on the index of capacity"):
        metrics.rd_nse(other, one, one)
    with pytest.raises(MetricError, match=r"severity must be within \[0.0, 1.0\]"):
        metrics.ptsr(one, one, one, severity=1.5)
    with pytest.raises(MetricError, match="taken: 1 values are below zero"):
        metrics.max_burden(-one, one)
    with pytest.raises(MetricError, match="fairness_weight: 1 values are below zero"):
        metrics.total_objective(one, one, one, one, fairness_weight=-1.0)
