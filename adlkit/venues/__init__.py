"""Venue rules at a date, as values: what is liquidated how, which buffers stand in line, who is deleveraged at what.

A named venue holds the rules that its sources state; where they leave something open, `VenueRules.assumptions` says
what was chosen. Buffers are empty: put in the balances of your case with `VenueRules.with_buffers`.
"""

from __future__ import annotations

from adlkit.fill_prices import (
    at_capped_oracle,
    at_capped_previous_mark,
    at_close_out,
    at_mark,
    at_oracle,
    at_previous_mark,
    without_limit,
)
from adlkit.venues.centralised import binance, bitget, bitmex, bybit, gate, htx, kucoin, mexc, okx
from adlkit.venues.names import by_name
from adlkit.venues.onchain import aster, dydx_v4, ethereal, extended, hyperliquid
from adlkit.venues.rules import ACCOUNT, PartialLiquidation, VenueRules

__all__ = [
    "ACCOUNT",
    "PartialLiquidation",
    "VenueRules",
    "aster",
    "at_capped_oracle",
    "at_capped_previous_mark",
    "at_close_out",
    "at_mark",
    "at_oracle",
    "at_previous_mark",
    "binance",
    "bitget",
    "bitmex",
    "by_name",
    "bybit",
    "dydx_v4",
    "ethereal",
    "extended",
    "gate",
    "htx",
    "hyperliquid",
    "kucoin",
    "mexc",
    "okx",
    "without_limit",
]
