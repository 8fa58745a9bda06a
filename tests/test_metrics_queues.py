"""Predictability of queues."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit import metrics
from adlkit.errors import MetricError

BITMEX = adl.scores.bitmex


@few
@given(panel=panels())
def test_nothing_changes_when_nothing_moves(panel):
    table = metrics.light_persistence(panel, score=BITMEX, move=0.0)
    assert (table["n"] == table["kept"]).all()
    assert table["n"].sum() == BITMEX(panel)[panel["qty"] != 0].notna().sum()
    churn = metrics.rank_churn(panel, score=BITMEX, move=0.0)
    assert churn.dropna().eq(0.0).all()


@few
@given(panel=panels(has_deductions=False))
def test_persistence_is_that_of_lights_at_the_moved_marks(panel):
    moves = pd.Series({"BTC": -0.3, "ETH": 0.2, "SOL": 0.0})
    table = metrics.light_persistence(panel, score=BITMEX, move=moves)
    symbols = panel.index.get_level_values("symbol")
    later = panel.assign(mark_price=panel["mark_price"] * (1 + moves[symbols].to_numpy()))
    before, after = adl.lights(panel, score=BITMEX), adl.lights(later, score=BITMEX)
    for light, row in table.iterrows():
        assert row["n"] == (before == light).sum()
        assert row["kept"] == ((before == light) & (after == light)).sum()


def test_the_front_changes_hands():
    # ann is in front by her leverage; near her entry price, after +9.9%, she has hardly a profit, and bob goes first.
    frame = pd.DataFrame({"account": ["ann", "bob"], "symbol": "BTC", "qty": [-1.0, -1.0]})
    frame = frame.assign(entry_price=[110.0, 130.0], mark_price=100.0, collateral=[1.0, 100.0])
    churn = metrics.rank_churn(adl.build_panel(frame), score=BITMEX, move=0.099)
    later = metrics.rank_churn(adl.build_panel(frame), score=BITMEX, move=-0.01)
    assert churn.to_dict() == {"quantile_change": 0.5, "moved": 1.0}
    assert later["moved"] == 0.0


def test_a_forecast_without_a_light_is_left_out():
    nothing = pd.Series([np.nan, np.nan])
    assert np.isnan(metrics.brier_score(nothing, pd.Series([0, 1])))
    assert metrics.brier_score(pd.Series([0.2, np.nan]), pd.Series([0, 1])) == pytest.approx(0.04)


def test_bad_input_is_refused():
    panel = adl.load_dataset("four_accounts")
    with pytest.raises(MetricError, match="move must be finite and above -1"):
        metrics.rank_churn(panel, score=BITMEX, move=-1.0)
    with pytest.raises(MetricError, match=r"move misses the symbols \['BTC'\]"):
        metrics.rank_churn(panel, score=BITMEX, move=pd.Series({"ETH": 0.1}))
    with pytest.raises(MetricError, match=r"forecast must be within \[0, 1\]"):
        metrics.brier_score(pd.Series([1.5]), pd.Series([1]))
    with pytest.raises(MetricError, match="happened must be bool"):
        metrics.brier_score(pd.Series([0.5]), pd.Series([2]))
