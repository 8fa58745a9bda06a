"""Fifteen scores of a million positions, and rules of a million accounts."""

from __future__ import annotations

import numpy as np
import pytest
from markets import market

import adlkit as adl
from adlkit import rules

N = 1_000_000
SCORES = [
    *("bitmex", "binance", "binance_2019", "okx", "kucoin", "bitget", "bitfinex", "coinex", "extended"),
    *("hyperliquid_documented", "hyperliquid_inverted", "hyperliquid_reconstructed", "raw_leverage", "metaflux", "jex"),
]


def test_compare_15_scores_of_1e6_positions_against_15_argsorts(claim):
    large, small = market(N), market(N // 10)
    scores = {name: getattr(adl.scores, name) for name in SCORES}
    floats = np.random.default_rng(20251010).random((len(scores), N))
    claim(
        lambda: adl.compare_scores(large, scores),
        lambda: [np.argsort(row) for row in floats],
        budget=6.0,
        panel=large,
        small=lambda: adl.compare_scores(small, scores),
        rounds=3,
    )


@pytest.mark.parametrize("share", [0.01, 0.5])
@pytest.mark.parametrize("rule", [rules.water_fill, rules.pro_rata], ids=["water_fill", "capped_pro_rata"])
def test_rule_on_1e6_accounts_against_argsort(claim, rule, share):
    rng = np.random.default_rng(20251010)
    capacity = rng.pareto(1.3, N) + 1.0
    weight = capacity * rng.lognormal(-1.0, 1.0, N)
    target, leverage, tenth = share * capacity.sum(), capacity / weight, slice(0, N // 10)
    claim(
        lambda: rule(target, capacity, weight),
        lambda: np.argsort(leverage),
        budget=3.0,
        small=lambda: rule(target / 10, capacity[tenth], weight[tenth]),
    )
