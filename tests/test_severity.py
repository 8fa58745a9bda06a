"""How much is taken: budgets keep their unit, and severities are the published ones."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import adlkit as adl
from adlkit import severity
from adlkit.errors import AllocationError

ROUNDS = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=8)


def rounds(*values: float) -> pd.Series:
    return pd.Series(values, dtype=float)


# Budgets


def test_half_of_a_deficit_of_15_asks_7_and_a_half():
    """arXiv 2512.01112, section 2.6: winners have 12.5, losers owe 15."""
    assert severity.budget(15.0, 12.5, severity=0.5, numeraire="pnl").amount == 7.5
    assert severity.budget(15.0, 12.5, numeraire="pnl").amount == 12.5


@given(deficit=ROUNDS, share=st.floats(0, 1))
def test_a_budget_is_neither_more_than_the_share_nor_more_than_there_is(deficit, share):
    owed = pd.Series(deficit)
    capacity = owed[::-1].reset_index(drop=True)
    asked = severity.budget(owed, capacity, severity=share, numeraire="equity").amount
    assert (asked <= share * owed).all()
    assert (asked <= capacity).all()
    assert ((asked == share * owed) | (asked == capacity)).all()


def test_budgets_of_one_unit_add_up_and_of_two_do_not():
    both = adl.Budget(1.0, "pnl", "a") + adl.Budget(2.0, "pnl", "b")
    assert (both.amount, both.numeraire, both.basis) == (3.0, "pnl", "a + b")
    with pytest.raises(AllocationError, match="'pnl' and 'equity' are different units"):
        adl.Budget(1.0, "pnl") + adl.Budget(2.0, "equity")
    with pytest.raises(TypeError):
        adl.Budget(1.0, "pnl") + 2.0


def test_a_result_pays_in_the_unit_that_was_asked():
    asked = severity.budget(15.0, 12.5, severity=0.5, numeraire="pnl")
    result = adl.allocate(asked, rounds(8.0, 4.0, 0.5), rule=adl.rules.pro_rata)
    assert result.paid.amount == pytest.approx(7.5)
    assert (result.paid.numeraire, result.status) == ("pnl", "met")
    with pytest.raises(AllocationError, match="different units"):
        result.paid + adl.Budget(1.0, "contracts")


def test_a_result_of_a_bare_number_has_no_unit_to_add():
    result = adl.allocate(5.0, rounds(1.0, 2.0))
    assert result.status == "short"
    with pytest.raises(AllocationError, match="named no unit"):
        _ = result.paid


@pytest.mark.parametrize("amount", [-1.0, np.nan, np.inf])
def test_a_budget_that_is_no_amount_is_refused(amount):
    with pytest.raises(AllocationError, match="finite and 0 or more"):
        adl.Budget(amount, "pnl")
    with pytest.raises(AllocationError, match="deficit"):
        severity.budget(amount, 1.0, numeraire="pnl")


@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
def test_a_severity_is_a_share(share):
    with pytest.raises(AllocationError, match=r"severity: 1 values are NaN, infinite or outside \[0, 1\]"):
        severity.budget(1.0, 1.0, severity=share, numeraire="pnl")


# Rules, worked by hand from the formulas of arXiv 2512.01112 and 2602.15182


def test_each_shock_lowers_the_severity_by_the_factor():
    assert severity.backoff(pd.Series([0, 1, 3]), start=0.5, decay=0.1).tolist() == pytest.approx([0.5, 0.05, 0.0005])


def test_the_appendix_backoff_is_a_constant_under_its_cap():
    """Cap: 3/4 of largest / deficit = 0.75 x 8 / 10 and 0.75 x 8 / 24; without a deficit there is none."""
    found = severity.capped_backoff(rounds(10, 24, 0), rounds(8, 8, 8), start=0.5, tolerance=3.0)
    assert found.tolist() == pytest.approx([0.5, 0.25, 0.5])
    assert severity.capped_backoff(rounds(10, 24, 0), rounds(8, 8, 8), start=0.5).tolist() == [0.5] * 3


@pytest.mark.parametrize(("step", "then"), [(0.01, 0.4), (0.1, 0.0)])
def test_one_gradient_step_is_the_published_one(step, then):
    """From 0.5 with a deficit of 10 and a needed severity of 0.2; the longer step is projected to 0."""
    found = severity.online_gradient(rounds(10, 10), rounds(2, 2), start=0.5, step=step)
    assert found.tolist() == pytest.approx([0.5, then])


def test_the_best_step_is_root_of_path_over_squares():
    """Needed severities 1, 0, 0.5: path length 1.5; deficits 1, 2, 2: sum of squares 9."""
    assert severity.best_step(rounds(1, 2, 2), rounds(1, 0, 1)) == pytest.approx(np.sqrt(4.0 / 9.0))
    assert np.isnan(severity.best_step(rounds(0, 0), rounds(0, 0)))


def test_the_needed_severity_is_a_share_and_nothing_where_nothing_is_owed():
    assert severity.needed_severity(rounds(10, 4, 0), rounds(2, 5, 0)).tolist() == [0.2, 1.0, 0.0]


def test_mirror_descent_moves_by_its_subgradient_and_stays_below_the_cap():
    """Gradient -a D - b D where M > s D: -10 - 10 x (8 > 5) = -20; step 0.01, then 0.01 / sqrt 2 from 0.7 on."""
    found = severity.mirror_descent(
        rounds(10, 10, 10), rounds(8, 8, 8), start=0.5, step=0.01, reward=1.0, solvency=1.0, excess=1.0
    )
    assert found.tolist() == pytest.approx([0.5, 0.7, 0.7 + 0.2 / np.sqrt(2)])
    capped = severity.mirror_descent(
        rounds(10, 10), rounds(8, 8), start=0.5, step=0.01, reward=1, solvency=1, excess=1, tolerance=1.0
    )
    assert capped.tolist() == pytest.approx([0.4, 0.4])


def test_the_forecast_is_the_deficit_of_the_round_before():
    assert severity.lagged(rounds(5, 1, 9)).tolist() == [5, 5, 1]


def test_below_the_floor_a_provider_waits():
    floor = severity.no_wait_floor(rounds(10, 0), rounds(2, 1))
    assert floor.iloc[0] == 0.2
    assert np.isnan(floor.iloc[1])


@pytest.mark.parametrize(
    "rule",
    [
        severity.needed_severity,
        severity.best_step,
        severity.no_wait_floor,
        lambda deficit, other: severity.capped_backoff(deficit, other, start=0.5, tolerance=1.0),
        lambda deficit, other: severity.online_gradient(deficit, other, start=0.5, step=0.1),
        lambda deficit, other: severity.budget(deficit, other, numeraire="pnl"),
    ],
)
def test_two_series_must_be_of_the_same_rounds_in_the_same_order(rule):
    with pytest.raises(AllocationError, match="must be a Series on the index of deficit"):
        rule(pd.Series([1.0, 2.0], index=[1, 0]), pd.Series([1.0, 2.0], index=[0, 1]))


def test_the_catalogue_names_functions_that_exist_and_says_why_others_do_not():
    table = severity.catalogue()
    assert table.index.tolist() == [f"S{i}" for i in range(1, 13)]
    for name in table["here"]:
        if name:
            assert callable(getattr(severity, name.removeprefix("severity.")))
    assert table.loc[table["here"] == "", "note"].str.startswith("left out: ").all()


def test_mirror_descent_halves_a_step_that_overshoots_and_is_held_back_by_the_excess():
    """From 0.9, D = 10, M = 0: gradient -10, step 0.04: 1.3, where the loss is -13 + 10 x 9 > -9; so 1.1: -11 + 10
    = -1 > -9; 1.0: -10 < -9. From 1.0 on: gradient -10, step 0.04 / sqrt 2, halved until the loss falls again."""
    rounds_ = rounds(10, 10), rounds(0, 0)
    found = severity.mirror_descent(*rounds_, start=0.9, step=0.04, reward=1.0, solvency=0.0, excess=10.0)
    assert found.tolist() == pytest.approx([0.9, 1.0])
    free = severity.mirror_descent(*rounds_, start=0.9, step=0.04, reward=1.0, solvency=0.0, excess=0.0)
    assert free.tolist() == pytest.approx([0.9, 1.3])


def test_budgets_of_other_groups_are_not_added():
    with pytest.raises(AllocationError, match="different groups"):
        adl.Budget(pd.Series([1.0], index=["a"]), "pnl") + adl.Budget(pd.Series([1.0], index=["b"]), "pnl")
