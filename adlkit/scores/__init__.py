"""ADL scores: who is deleveraged first, formula by formula.

A score takes a checked panel and returns one number per position, larger = earlier; NaN = never in the queue. All
values are signed, and the loss branch is a signed descending sort: dividing a loss by leverage moves a highly levered
loser towards zero, so it is taken before other losers. Position quantities are per row; leverage and margin ratio are
those of the account (of the position, where it is isolated). An account with equity <= 0 has no score, because it is
being liquidated itself, unless the published formula gives it one.

Venues change their formulas: each edition is a function of its own, with its dates in `catalogue`. Every measure of a
panel is a score too, so single factors need no function: ``adl.rank(panel, score=adl.effective_leverage)``.

Symbols: r = return on entry value, N = notional, E = account equity, MM = maintenance margin of the account; MV, EV and
BV are the signed values of a position at mark, entry and bankruptcy price BP, M the mark; upnl = unrealised profit.

>>> import adlkit as adl
>>> adl.rank(adl.load_dataset("four_accounts"), score=adl.notional).tolist()
[1.0, 1.0, 2.0, 2.0]
"""

from __future__ import annotations

from adlkit.scores.hyperliquid import hyperliquid_documented, hyperliquid_inverted, hyperliquid_reconstructed
from adlkit.scores.keys import ethereal
from adlkit.scores.leveraged import (
    binance,
    bitget_2025_05,
    bitmex,
    coinex_older,
    deepcoin,
    jex,
    kucoin,
    mexc,
    mufex,
    poloniex,
    satori,
)
from adlkit.scores.listing import catalogue
from adlkit.scores.literature import metaflux, raw_leverage, raw_leverage_over_bankruptcy
from adlkit.scores.made import blend, fixed_order, random_start
from adlkit.scores.publication import Score, published_scores
from adlkit.scores.ratios import aster, binance_2019, bitget, bityi, extended, htx, okx
from adlkit.scores.returns import bitfinex, coinex, gate_before_2022_11, kucoin_cross, return_only
from adlkit.scores.selected import gate_2022_11, kucoin_older

__all__ = [
    "Score",
    "aster",
    "binance",
    "binance_2019",
    "bitfinex",
    "bitget",
    "bitget_2025_05",
    "bitmex",
    "bityi",
    "blend",
    "catalogue",
    "coinex",
    "coinex_older",
    "deepcoin",
    "ethereal",
    "extended",
    "fixed_order",
    "gate_2022_11",
    "gate_before_2022_11",
    "htx",
    "hyperliquid_documented",
    "hyperliquid_inverted",
    "hyperliquid_reconstructed",
    "jex",
    "kucoin",
    "kucoin_cross",
    "kucoin_older",
    "metaflux",
    "mexc",
    "mufex",
    "okx",
    "poloniex",
    "published_scores",
    "random_start",
    "raw_leverage",
    "raw_leverage_over_bankruptcy",
    "return_only",
    "satori",
]
