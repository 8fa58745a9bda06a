"""The break-even of a takeover: roots of its profit, and of the profit that the trades themselves make."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given

import adlkit as adl
from adlkit.errors import MetricError

SIDES = st.sampled_from(["long", "short"])
RATES = st.floats(0.0, 0.2)


# Bought at 90 against 100, low 80: break-even without costs at 90, i.e. ln(90/80) / ln(100/80) of the fall.
# A fee and an impact of 10% each: a mark of 90 / 0.81 = 111.11, ln(111.11/80) / ln(100/80).
# Sold at 110 against 100, high 125: break-even at 110, i.e. ln(125/110) / ln(125/100).
@pytest.mark.parametrize(
    ("discount", "fall", "costs", "side", "expected"),
    [
        (0.1, 0.2, {}, "long", np.log(90 / 80) / np.log(100 / 80)),
        (0.1, 0.2, {"impact": 0.1, "fees": 0.1}, "long", np.log(90 / 0.81 / 80) / np.log(100 / 80)),
        (0.1, 0.25, {}, "short", np.log(125 / 110) / np.log(125 / 100)),
        (0.2, 0.2, {}, "long", 0.0),
        (0.0, 0.2, {}, "long", 1.0),
        (0.1, 0.0, {}, "long", -np.inf),
        (0.0, 0.0, {"fees": 0.1}, "short", np.inf),
        (0.0, 0.0, {}, "long", np.nan),
    ],
)
def test_break_even_rebound_is_the_one_worked_by_hand(discount, fall, costs, side, expected):
    found = adl.break_even_rebound(discount, fall, **costs, side=side)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


# Low 80, half of the fall regained in logs: sqrt(80 x 100) = 89.44.
@pytest.mark.parametrize(
    ("fall", "rebound", "costs", "side", "expected"),
    [
        (0.2, 0.0, {}, "long", 0.2),
        (0.2, 0.5, {}, "long", 1 - np.sqrt(0.8)),
        (0.2, 1.0, {"fees": 0.01}, "long", 0.01),
        (0.25, 0.0, {"impact": 0.1}, "short", 0.375),
    ],
)
def test_break_even_discount_is_the_one_worked_by_hand(fall, rebound, costs, side, expected):
    assert adl.break_even_discount(fall, rebound, **costs, side=side) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def profit_of_trades(discount, fall, rebound, impact, fees, side):
    """Profit of the trades themselves, through the account book of a vault, per unit of notional."""
    sign = 1.0 if side == "long" else -1.0
    low, times = 1.0 - sign * fall, pd.date_range("2025-10-10T21:00Z", periods=3, freq="min", unit="us")
    last = low * low**-rebound
    sold = last * (1.0 - sign * impact)
    trades = pd.DataFrame({"time": times[[0, 2]], "symbol": "BTC", "qty": [sign, -sign], "cash": 0.0})
    trades = trades.assign(price=[1.0 - sign * discount, sold], fee=[0.0, fees * sold], kind=["takeover", "exit"])
    return adl.vault_pnl(trades, pd.DataFrame({"BTC": [1.0, low, last]}, index=times)).total


@given(discount=RATES, fall=st.floats(0.001, 0.5), impact=RATES, fees=RATES, side=SIDES)
def test_trades_at_the_break_even_rebound_gain_nothing(discount, fall, impact, fees, side):
    rebound = adl.break_even_rebound(discount, fall, impact=impact, fees=fees, side=side)
    assume(abs(rebound) < 300)
    assert profit_of_trades(discount, fall, rebound, impact, fees, side) == pytest.approx(0.0, abs=1e-9)


@given(fall=st.floats(0.0, 0.5), rebound=st.floats(-1.0, 2.0), impact=RATES, fees=RATES, side=SIDES)
def test_trades_at_the_break_even_discount_gain_nothing(fall, rebound, impact, fees, side):
    discount = adl.break_even_discount(fall, rebound, impact=impact, fees=fees, side=side)
    assume(side == "long" or discount > -0.9)
    assert profit_of_trades(discount, fall, rebound, impact, fees, side) == pytest.approx(0.0, abs=1e-9)


@given(discount=RATES, fall=st.floats(0.0, 0.5), rebound=st.floats(-1.0, 2.0), impact=RATES, fees=RATES, side=SIDES)
def test_the_closed_form_is_the_profit_of_the_trades(discount, fall, rebound, impact, fees, side):
    closed = adl.takeover_profit(discount, fall, rebound, impact=impact, fees=fees, side=side)
    assert closed == pytest.approx(profit_of_trades(discount, fall, rebound, impact, fees, side), abs=1e-9)


def test_arguments_broadcast_to_a_map():
    discount, rebound = np.linspace(0.0, 0.2, 3), np.linspace(0.0, 1.0, 4)
    profit = adl.takeover_profit(discount[:, None], 0.1, rebound)
    assert profit.shape == (3, 4)
    assert profit[1, 2] == adl.takeover_profit(0.1, 0.1, rebound[2])
    assert isinstance(adl.takeover_profit(0.1, 0.1, 0.5), float)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: adl.break_even_rebound(1.0, 0.1), "discount"),
        (lambda: adl.break_even_rebound(0.1, 1.0), "fall"),
        (lambda: adl.break_even_rebound(0.1, -0.1), "fall"),
        (lambda: adl.break_even_rebound(0.1, 0.1, impact=1.0), "impact"),
        (lambda: adl.break_even_discount(0.1, np.nan), "rebound"),
        (lambda: adl.break_even_discount(0.1, 0.5, fees=np.inf), "fees"),
        (lambda: adl.takeover_profit(0.1, 0.1, 0.5, side="both"), "side"),
    ],
)
def test_moves_without_a_price_are_refused(call, match):
    with pytest.raises(MetricError, match=match):
        call()
