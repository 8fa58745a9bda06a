"""Figures of a vault draw what was computed: checked by their data, not by pixels."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import adlkit as adl
from adlkit import plotting

pytestmark = pytest.mark.usefixtures("_closed_figures")

TIMES = pd.date_range("2025-10-10T21:00Z", periods=3, freq="min", unit="us")


@pytest.fixture
def _closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def pnl():
    """Discount 10,000, fall -20,000, rebound 18,000, impact -2,000, fees -500: 5,500 in all."""
    trades = pd.DataFrame({"time": TIMES[[0, 2]], "symbol": "BTC", "qty": [2000.0, -2000.0], "price": [95.0, 98.0]})
    trades = trades.assign(cash=0.0, fee=[0.0, 500.0], kind=["takeover", "exit"])
    return adl.vault_pnl(trades, pd.DataFrame({"BTC": [100.0, 90.0, 99.0]}, index=TIMES))


def title(ax):
    return ax.get_title(loc="left")


def test_attribution_bars_run_from_zero_to_the_total(pnl):
    ax = pnl.plot()
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    expected = [(0, 10_000), (10_000, -20_000), (-10_000, 18_000), (8_000, -2_000), (6_000, -500), (0, 5_500)]
    np.testing.assert_allclose(bars, expected)
    assert [label.get_text() for label in ax.get_yticklabels()][-2:] == ["fees", "total"]
    assert [text.get_text() for text in ax.texts] == ["+10k", "−20k", "+18k", "−2k", "−500", "+5.5k"]
    assert title(ax) == "The vault gains 5.5k: −20k of further fall, 18k of rebound"


def test_attribution_names_the_currency_and_draws_where_told(pnl):
    ax = plt.figure().add_subplot()
    assert plotting.plot_attribution(pnl, unit="USDC", ax=ax) is ax
    assert ax.get_xlabel() == "profit of the vault [USDC]"


def test_attribution_of_nothing_is_drawn():
    trades = pd.DataFrame({"time": TIMES[:1], "symbol": "BTC", "qty": 1.0, "price": 100.0, "cash": 0.0})
    pnl = adl.vault_pnl(trades.assign(fee=0.0, kind="takeover"), pd.DataFrame({"BTC": [100.0] * 3}, index=TIMES))
    assert title(pnl.plot()) == "The vault gains 0"


def test_equity_is_drawn_below_its_highest_so_far(pnl):
    ax = plotting.plot_equity(pnl.history["total"])
    by_label = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(by_label["equity"], [10_000, -10_000, 5_500])
    np.testing.assert_allclose(by_label["highest so far"], [10_000] * 3)
    assert title(ax) == "Ends at 5.5k; largest drawdown 20k, at 21:01 UTC"


def test_outcomes_are_counted_with_a_bin_edge_at_zero():
    index = pd.MultiIndex.from_product([range(4), TIMES[:2]], names=["path", "time"])
    risk = adl.vault_risk(pd.Series([0.0, -40.0, 0.0, -1.0, 0.0, 1.0, 0.0, 60.0], index=index), level=0.75)
    ax = risk.plot()
    bars = [bar for bar in ax.patches if bar.get_height() > 0]
    assert sum(bar.get_height() for bar in bars) == 4
    assert not any(bar.get_x() < -1e-9 and bar.get_x() + bar.get_width() > 1e-9 for bar in bars)
    assert title(ax) == "The vault loses on 50% of 4 paths; expected shortfall at 75%: 40"


def test_one_outcome_is_drawn():
    index = pd.MultiIndex.from_product([[0], TIMES[:2]], names=["path", "time"])
    for profit in (-5.0, 0.0, 5.0):
        ax = adl.vault_risk(pd.Series([0.0, profit], index=index)).plot()
        assert sum(bar.get_height() for bar in ax.patches) == 1


def test_the_break_even_line_is_that_of_the_closed_form():
    discount, rebound = np.linspace(0.0, 0.3, 61), np.linspace(0.0, 1.0, 41)
    profit = adl.takeover_profit(discount[:, None], 0.2, rebound)
    ax = plotting.plot_break_even(pd.DataFrame(profit, index=discount, columns=rebound))
    line = np.concatenate([path.vertices for group in ax.collections[1:] for path in group.get_paths()])
    np.testing.assert_allclose(line[:, 1], adl.break_even_discount(0.2, line[:, 0]), atol=1e-4)
    assert title(ax) == "Break-even at a discount of 20% without a rebound, 0% with 100% regained"


@pytest.mark.parametrize("level", [-0.1, 0.0, 0.1])
def test_a_map_without_a_break_even_has_no_line(level):
    profit = pd.DataFrame(level, index=[0.0, 0.1], columns=[0.5, 1.0])
    ax = plotting.plot_break_even(profit)
    assert len(ax.collections) == 1
    assert ("none drawn" in title(ax)) == (level < 0)
