"""The ADL price of a hundred thousand positions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from markets import MARKS, calm, market

import adlkit as adl
from adlkit.market import Market

N = 100_000


def test_adl_price_in_a_fixed_order_of_1e5_positions_against_argsort(claim):
    panel, small, floats = calm(market(N)), calm(market(N // 10)), np.random.default_rng(7).random(N)
    venue = replace(adl.venues.dydx_v4, protects_winners=False)
    claim(
        lambda: adl.adl_price(panel, venue=venue),
        lambda: np.argsort(floats),
        budget=50.0,
        panel=panel,
        small=lambda: adl.adl_price(small, venue=venue),
    )


@pytest.mark.parametrize("n_symbols", [3, 30])
def test_adl_price_per_price_looked_at_of_1e5_positions_against_rank(claim, n_symbols, monkeypatch):
    panel = calm(market(N, n_symbols=n_symbols))
    venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(balance=1e5))
    books = {symbol: adl.OrderBook.power_law(1e5 / mark, 1.2) for symbol, mark in MARKS.items()}
    looked = []
    closed_at = Market.closed_at

    def noted(self: Market, price: float) -> np.ndarray:
        looked.append(price)
        return closed_at(self, price)

    monkeypatch.setattr(Market, "closed_at", noted)
    adl.adl_price(panel, venue=venue, books=books)
    claim(
        lambda: adl.adl_price(panel, venue=venue, books=books),
        lambda: adl.rank(panel, score=venue.policy.score),
        of=len(looked),
        budget=1.0,
        panel=panel,
        rounds=1,
    )
