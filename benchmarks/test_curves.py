"""Shortfall and cascade of a million prices on a million accounts."""

from __future__ import annotations

import numpy as np
from markets import one_symbol

import adlkit as adl

N = 1_000_000


def floor(kinks: np.ndarray, ordered: np.ndarray, weights: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """The NumPy work that sorting once cannot do without; even the takes that bring weights into order are left out."""
    np.argsort(kinks)
    slope, intercept = np.cumsum(weights), np.cumsum(kinks)
    by_price = np.argsort(prices)
    asked = prices[by_price]
    place = np.searchsorted(ordered, asked) - 1
    found = slope[place] * asked + intercept[place]
    result = np.empty(len(prices))
    result[by_price] = found
    return result


def asked_prices(n: int) -> np.ndarray:
    return 100_000.0 * np.exp(np.random.default_rng(7).normal(0, 0.3, n))


def test_shortfall_of_1e6_prices_on_1e6_accounts_against_bare_numpy(claim):
    panel, prices, tenth = one_symbol(N), asked_prices(N), one_symbol(N // 10)
    kinks, weights = adl.bankruptcy_price(panel).to_numpy(), panel["qty"].abs().to_numpy()
    ordered = np.sort(kinks)
    claim(
        lambda: adl.shortfall_curve(panel).shortfall(prices),
        lambda: floor(kinks, ordered, weights, prices),
        budget=2.0,
        panel=panel,
        small=lambda: adl.shortfall_curve(tenth).shortfall(prices[: N // 10]),
    )


def test_shortfall_of_1e6_prices_against_a_sum_per_price(claim):
    panel, prices = one_symbol(N), asked_prices(N)
    owned, qty = adl.equity(panel).to_numpy(), panel["qty"].to_numpy()

    def sums() -> None:
        for price in prices[:20]:
            np.maximum(-(owned + qty * (price - 100_000.0)), 0.0).sum()

    claim(lambda: adl.shortfall_curve(panel).shortfall(prices), sums, of=N / 20, budget=1 / 5_000, rounds=3)


def test_cascade_of_1e6_shocks_on_1e6_positions_against_bare_numpy(claim):
    panel, prices, tenth = one_symbol(N), asked_prices(N), one_symbol(N // 10)
    books = {"BTC": adl.OrderBook.power_law(1_000.0, 1.2)}
    kinks, weights = adl.liquidation_price(panel).to_numpy(), panel["qty"].abs().to_numpy()
    ordered = np.sort(kinks)
    claim(
        lambda: adl.cascade_curve(panel, books=books).price(prices),
        lambda: floor(kinks, ordered, weights, prices),
        budget=5.0,
        panel=panel,
        small=lambda: adl.cascade_curve(tenth, books=books).price(prices[: N // 10]),
    )
