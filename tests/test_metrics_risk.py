"""What is left after a deleveraging, against whole re-marked panels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import few, panels

import adlkit as adl
from adlkit import metrics
from adlkit.errors import MetricError

MOVES = pd.DataFrame({"BTC": [-0.4, 0.0, 0.3, -0.1], "ETH": [-0.5, 0.0, 0.6, 0.2], "SOL": [-0.7, 0.0, 0.1, 0.1]})
LINEAR_OR_COIN = ["linear", "inverse"]


def shortfall_after(panel: pd.DataFrame, move: pd.Series) -> float:
    """Total shortfall of a panel whose marks moved, each settlement in the same coin."""
    symbols = panel.index.get_level_values("symbol")
    return float(adl.shortfall(panel.assign(mark_price=panel["mark_price"] * (1 + move[symbols].to_numpy()))).sum())


@pytest.mark.parametrize("kind", LINEAR_OR_COIN)
@few
@given(data=panels(kind="linear", has_time=False), coin=panels(kind="inverse", has_time=False))
def test_shortfalls_are_those_of_panels_at_the_moved_marks(kind, data, coin):
    panel = data if kind == "linear" else coin
    totals = np.sort([shortfall_after(panel, move) for _, move in MOVES.iterrows()])
    found = metrics.post_adl_risk(panel, MOVES, level=0.75)
    assert found["mean_shortfall"] == pytest.approx(totals.mean(), rel=1e-9, abs=1e-9)
    assert found["worst_shortfall"] == pytest.approx(totals[-1], rel=1e-9, abs=1e-9)
    assert found["cvar_shortfall"] == pytest.approx(totals[-1], rel=1e-9, abs=1e-9)  # the worst one of four
    half = metrics.post_adl_risk(panel, MOVES, level=0.375)["cvar_shortfall"]  # the worst two and a half
    assert half == pytest.approx((totals[-1] + totals[-2] + totals[-3] / 2) / 2.5, rel=1e-9, abs=1e-9)


@few
@given(panel=panels(kind="linear", has_time=False))
def test_deleveraging_everything_leaves_no_risk_but_the_holes(panel):
    flat = panel.assign(qty=0.0, collateral=0.0, maintenance_deduction=0.0)
    assert (metrics.post_adl_risk(flat, MOVES) == 0.0).all()
    leverage = metrics.post_adl_risk(panel, MOVES)["largest_leverage"]
    summary = adl.account_summary(panel)
    has_hole = ((summary["equity"] <= 0) & (summary["notional"] > 0)).any()
    assert math.isinf(leverage) == has_hole


@few
@given(panel=panels(has_time=False, max_accounts=3))
def test_a_move_by_the_distance_to_default_takes_all_equity(panel):
    sigma = 0.2
    distance = metrics.distance_to_default(panel, sigma=sigma, horizon=4.0)
    side = np.sign(panel["qty"])
    price = panel["mark_price"] * np.exp(-side * distance * sigma * 2.0)
    reachable = np.isfinite(distance)
    pd.testing.assert_series_equal(price[reachable], adl.bankruptcy_price(panel)[reachable], check_names=False)
    assert distance[panel["qty"] == 0].isna().all()


def test_liquidation_comes_before_default_and_sigma_may_be_by_symbol():
    panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    sigma = pd.Series({"BTC": 0.1, "DOGE": 0.5})
    default = metrics.distance_to_default(panel, sigma=sigma)
    assert (metrics.distance_to_liquidation(panel, sigma=sigma) <= default).all()
    assert default.iloc[0] == pytest.approx(math.log(100 / 80) / 0.1)  # long 2 at 100 with 40 in cash


def test_a_hedged_account_has_no_factor_leverage():
    frame = pd.DataFrame({"account": "ann", "symbol": ["BTC", "ETH"], "qty": [1.0, -5.0]})
    panel = adl.build_panel(frame.assign(entry_price=[100.0, 10.0], mark_price=[100.0, 10.0], collateral=25.0))
    assert metrics.factor_leverage(panel, pd.Series({"BTC": 1.0, "ETH": 2.0})).tolist() == [0.0]
    assert metrics.factor_leverage(panel, pd.Series({"BTC": 1.0, "ETH": 1.0})).tolist() == [1.0]


def test_bad_input_is_refused():
    panel = adl.load_dataset("four_accounts")
    with pytest.raises(MetricError, match=r"moves misses the symbols \['BTC'\]"):
        metrics.post_adl_risk(panel, pd.DataFrame({"ETH": [0.1]}))
    with pytest.raises(MetricError, match="moves must be finite and above -1"):
        metrics.post_adl_risk(panel, pd.DataFrame({"BTC": [-1.0]}))
    with pytest.raises(MetricError, match=r"level must be within \(0, 1\)"):
        metrics.post_adl_risk(panel, MOVES, level=1.0)
    timed = pd.concat({pd.Timestamp("2025-10-10T21:00Z"): panel}, names=["time"])
    with pytest.raises(MetricError, match="several times"):
        metrics.post_adl_risk(timed, MOVES)
    with pytest.raises(MetricError, match="sigma and horizon must be finite and above zero"):
        metrics.distance_to_default(panel, sigma=0.0)
    with pytest.raises(MetricError, match=r"sigma misses the symbols \['BTC'\]"):
        metrics.distance_to_default(panel, sigma=pd.Series({"ETH": 0.1}))
    with pytest.raises(MetricError, match="linear contracts"):
        metrics.factor_leverage(panel.assign(contract="inverse"), pd.Series({"BTC": 1.0}))
