"""ADL prices against whole events, on random panels, rules, buffers and books.

    python benchmarks/reach_exactness.py [panels]

`adl_reach` looks at events without their bookkeeping. Here `run_event` is run at every price that it looked at; the
nearest of them at which a position is deleveraged must be its ADL price. Also shown: how often positions are released
again deeper in the move, by score.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

import adlkit as adl
from adlkit.market import Market

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from random_events import SCORES, random_books, random_event

MOVES = (0.02, 0.1, 0.3, 0.8, 2.0)


def looked_at(panel: pd.DataFrame, case: Mapping[str, Any]) -> tuple[pd.DataFrame, list[tuple[str, float]]]:
    """ADL prices, and every (symbol, price) at which they looked."""
    prices: list[tuple[str, float]] = []
    closed_at = Market.closed_at

    def noted(market: Market, price: float) -> np.ndarray:
        prices.append((market.symbol, price))
        return closed_at(market, price)

    Market.closed_at = noted  # type: ignore[method-assign]
    try:
        return adl.adl_reach(panel, moves=MOVES, **case), prices
    finally:
        Market.closed_at = closed_at  # type: ignore[method-assign]


def nearest_by_events(panel: pd.DataFrame, case: Mapping[str, Any], prices: list[tuple[str, float]]) -> pd.Series:
    """Distance [1] of the nearest of these prices at which a whole event deleverages each position."""
    symbols, present = panel.index.get_level_values("symbol"), adl.mark_prices(panel)
    nearest = pd.Series(np.inf, index=panel.index)
    for symbol, price in prices:
        marks = present.copy()
        marks[symbol] = price
        event = adl.run_event(panel, marks, previous_marks=marks, oracles=marks, **case)
        is_hit = (event.positions["deleveraged"] > 0) & (symbols == symbol)
        nearest[is_hit] = np.minimum(nearest[is_hit], abs(price / present[symbol] - 1.0))
    return nearest


def main(n: int) -> None:
    gap = missed = looked = 0
    by_score: list[dict[str, Any]] = []
    for seed in tqdm(range(n), unit="panel"):
        panel, inputs = random_event(seed)
        panel = panel.assign(maintenance_deduction=0.0)  # without tiers it would bound the marks
        score, rng = SCORES[seed % len(SCORES)], np.random.default_rng(seed)
        books = random_books(rng, panel, adl.mark_prices(panel))
        venue = inputs["venue"]
        venue = replace(venue, policy=replace(venue.policy, score=score))
        case = {"venue": venue, "books": {symbol: book.relative() for symbol, book in books.items()}}
        reach, prices = looked_at(panel, case)
        distance = (reach["adl_price"] / panel["mark_price"] - 1.0).abs().fillna(np.inf)
        events = nearest_by_events(panel, case, prices)
        missed += int((np.isfinite(distance) != np.isfinite(events)).sum())
        both = np.isfinite(distance) & np.isfinite(events)
        gap = max(gap, float((distance - events)[both].abs().max()) if both.any() else 0.0)
        looked += len(prices)
        reached = reach["is_released"][both]
        by_score.append({"score": score.__name__, "reached": len(reached), "released again": int(reached.sum())})
    table = pd.DataFrame(by_score).groupby("score").sum()
    print(f"panels {n:,}; prices looked at {looked:,}; positions reached {table['reached'].sum():,}")
    print(f"largest gap to whole events {gap:.1e} of the mark; positions on which they disagree: {missed}")
    print(table.assign(share=(table["released again"] / table["reached"]).round(3)).to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
