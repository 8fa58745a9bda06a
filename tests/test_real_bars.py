"""Real one-second prices of 2025-10-10: what a vault earns, by the library and by plain arithmetic on the bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import adlkit as adl

BARS = Path(__file__).resolve().parents[2] / "shared" / "data" / "oct10_trades" / "bars_1s_2045_2215_2025-10-10.csv.gz"
SYMBOLS = ["AVAX-USD", "DOGE-USD", "DOT-USD"]
MARGIN, RATE, BELOW = 0.12, 0.024, 0.025
RULES = {
    "immediate": adl.exits.Immediate(),
    "twap": adl.exits.Twap(600.0),
    "hold": adl.exits.Hold(1800.0),
}

pytestmark = pytest.mark.skipif(not BARS.exists(), reason="real bars are not beside the repository")


@pytest.fixture(scope="module")
def path():
    bars = pd.read_csv(BARS, parse_dates=["time_utc"])
    bars = bars[(bars["venue"] == "coinbase") & bars["symbol"].isin(SYMBOLS)]
    all_there = bars.groupby("time_utc")["symbol"].nunique() == len(SYMBOLS)
    return adl.price_path(bars[bars["time_utc"] >= all_there.idxmax()])


def market(path):
    """One long of 1,000 per symbol, levered 8 times at the first price, against a short that can bear all."""
    start = path.iloc[0]
    rows = [
        {
            "account": f"{name}/{symbol}",
            "symbol": symbol,
            "qty": side * 1000.0,
            "entry_price": start[symbol],
            "mark_price": start[symbol],
            "collateral": margin * 1000.0 * start[symbol],
            "maintenance_rate": RATE,
            "maintenance_deduction": 0.0,
        }
        for symbol in SYMBOLS
        for name, side, margin in (("long", 1.0, MARGIN), ("short", -1.0, 2.0))
    ]
    return adl.build_panel(pd.DataFrame(rows))


def by_hand(prices, seconds, rule):
    """Profit per contract: taken over at the mark with what is left of its margin, sold at 2.5% below the marks."""
    left = MARGIN * prices[0] + prices - prices[0]
    taken = int(np.argmax(left < 2 / 3 * RATE * prices))
    age = seconds - seconds[taken]
    if rule == "immediate":
        sold = np.where(age == 0, 1.0, 0.0)
    elif rule == "hold":
        sold = np.where(np.arange(len(age)) == np.argmax(age >= 1800.0), 1.0, 0.0)
    else:
        sold = np.diff(np.clip(age / 600.0, 0.0, 1.0), prepend=0.0)
    assert sold.sum() == pytest.approx(1.0)
    return left[taken] - prices[taken] + (sold * prices * (1.0 - BELOW)).sum()


@pytest.mark.parametrize("name", RULES)
def test_a_vault_on_real_prices_earns_what_the_bars_say(path, name):
    """The book is deep, but worse than any close-out price, so that it serves the vault alone."""
    vault = adl.BackstopVault(equity=1e9, takes_accounts=True, threshold=2 / 3, exit_rule=RULES[name])
    level = (pd.DataFrame({"price": [1.0 + side * BELOW], "qty": [1e9]}) for side in (-1.0, 1.0))
    book = adl.OrderBook(*level, is_relative=True)
    venue = adl.venues.hyperliquid.with_buffers(vault)
    result = adl.simulate(market(path), path, venue=venue, books=dict.fromkeys(SYMBOLS, book))
    found = result.vault_pnl().by_symbol["total"]
    seconds = (path.index - path.index[0]).total_seconds().to_numpy()
    for symbol in SYMBOLS:
        expected = 1000.0 * by_hand(path[symbol].to_numpy(), seconds, name)
        assert found[symbol] == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert result.vaults["equity"].iloc[-1] - 1e9 == pytest.approx(found.sum(), abs=1e-4)
    assert result.imbalance < 1e-9


def test_winners_close_what_a_small_vault_cannot_take(path):
    vault = adl.BackstopVault(equity=2000.0, takes_accounts=True, threshold=2 / 3)
    result = adl.simulate(market(path), path, venue=adl.venues.hyperliquid.with_buffers(vault))
    assert 0 < result.fills["qty"].sum() < 3000.0
    assert set(result.fills["winner"]) <= {f"short/{symbol}" for symbol in SYMBOLS}
    assert result.imbalance < 1e-9
