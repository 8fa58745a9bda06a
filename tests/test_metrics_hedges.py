"""Hedges broken by deleveraging."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit import metrics
from adlkit.errors import MetricError


def book() -> pd.DataFrame:
    """ann hedges BTC with ETH in two accounts; bob is long, cat hedges within 5%; marks 100 and 10."""
    rows = [
        ("ann/1", "BTC", 2.0, 100.0, "ann"),
        ("ann/2", "ETH", -20.0, 10.0, "ann"),
        ("bob", "BTC", 1.0, 100.0, "bob"),
        ("cat", "BTC", -1.0, 100.0, "cat"),
        ("cat", "ETH", 9.5, 10.0, "cat"),
    ]
    frame = pd.DataFrame(rows, columns=["account", "symbol", "qty", "mark_price", "owner"])
    return adl.build_panel(frame.assign(entry_price=frame["mark_price"], collateral=50.0))


def test_closing_one_leg_breaks_the_hedge_of_its_owner():
    closed = pd.Series({("ann/2", "ETH"): 15.0, ("bob", "BTC"): 0.5, ("cat", "BTC"): 1.0})
    found = metrics.hedge_break(book(), closed)
    assert found["net_before"].tolist() == [0.0, 100.0, -5.0]
    assert found["gross_before"].tolist() == [400.0, 100.0, 195.0]
    assert found["net_after"].tolist() == [150.0, 50.0, 95.0]
    assert found["was_hedged"].tolist() == [True, False, True]
    assert found["broken"].tolist() == [150.0, 0.0, 100.0]
    assert found["net_change"].tolist() == [150.0, -50.0, 90.0]


def test_closing_both_legs_breaks_nothing():
    found = metrics.hedge_break(book(), pd.Series({("ann/1", "BTC"): 2.0, ("ann/2", "ETH"): 20.0}))
    assert found.loc["ann", ["gross_after", "broken", "net_change"]].tolist() == [0.0, 0.0, 0.0]
    assert not found.loc["ann", "is_hedged"]


def test_betas_and_tolerance_decide_who_is_hedged():
    nothing = pd.Series([], index=book().index[:0], dtype=float)
    betas = pd.Series({"BTC": 1.0, "ETH": 2.0})
    assert not metrics.hedge_break(book(), nothing, betas=betas)["was_hedged"].any()
    assert metrics.hedge_break(book(), nothing, tolerance=0.0)["was_hedged"].tolist() == [True, False, False]


@few
@given(panel=panels(kind="linear"), data=st.data())
def test_exposures_are_sums_over_the_account_and_order_does_not_matter(panel, data):
    parts = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(panel), max_size=len(panel)))
    closed = panel["qty"].abs() * parts
    before = panel.copy()
    found = metrics.hedge_break(panel, closed)
    pd.testing.assert_frame_equal(panel, before)
    left = panel.assign(qty=panel["qty"] - np.sign(panel["qty"]) * closed)
    for key, row in found.iterrows():
        mine = left[left.index.droplevel("symbol") == key]
        assert row["net_after"] == pytest.approx((mine["qty"] * mine["mark_price"]).sum())
        assert row["gross_after"] == pytest.approx(adl.notional(mine).sum())
    assert (found["gross_after"] <= found["gross_before"] * (1 + 1e-9)).all()
    shuffled = metrics.hedge_break(panel[::-1], closed)
    pd.testing.assert_frame_equal(shuffled, found)


def test_bad_input_is_refused():
    panel = book()
    with pytest.raises(MetricError, match="larger than the open position"):
        metrics.hedge_break(panel, pd.Series({("bob", "BTC"): 2.0}))
    with pytest.raises(MetricError, match="rows that are not in the panel"):
        metrics.hedge_break(panel, pd.Series({("bob", "XRP"): 2.0}))
    with pytest.raises(MetricError, match="position twice"):
        metrics.hedge_break(panel, pd.concat([pd.Series({("bob", "BTC"): 0.1})] * 2))
    with pytest.raises(MetricError, match=r"betas misses the symbols \['ETH'\]"):
        metrics.hedge_break(panel, pd.Series({("bob", "BTC"): 0.1}), betas=pd.Series({"BTC": 1.0}))
    with pytest.raises(MetricError, match="owner: 5 rows have none"):
        metrics.hedge_break(panel.assign(owner=None), pd.Series({("bob", "BTC"): 0.1}))
    with pytest.raises(MetricError, match="linear contracts"):
        metrics.hedge_break(panel.assign(contract="inverse"), pd.Series({("bob", "BTC"): 0.1}))
    with pytest.raises(MetricError, match="settles in"):
        metrics.hedge_break(
            panel.assign(contract="linear", settlement=panel["owner"]), pd.Series({("bob", "BTC"): 0.1})
        )
