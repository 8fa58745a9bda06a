"""One whole event on a million positions."""

from __future__ import annotations

import numpy as np
from markets import MARKS, market

import adlkit as adl


def test_run_event_on_1e6_positions_against_argsort(claim):
    panel, small, floats = market(1_000_000), market(100_000), np.random.default_rng(7).random(1_000_000)
    venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(balance=1e5))
    books = {symbol: adl.OrderBook.power_law(1e5 / mark, 1.2) for symbol, mark in MARKS.items()}
    marks = 0.8 * adl.mark_prices(panel)
    claim(
        lambda: adl.run_event(panel, marks, venue=venue, books=books),
        lambda: np.argsort(floats),
        budget=25.0,
        panel=panel,
        small=lambda: adl.run_event(small, marks, venue=venue, books=books),
        rounds=3,
    )
