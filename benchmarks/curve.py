"""Shortfall of many prices on a large panel, next to the bare NumPy work that it cannot do without.

    python benchmarks/curve.py [accounts and prices]

The floor is one argsort and two cumulative sums over the accounts; one argsort of the prices, one search of the sorted
prices in the sorted kinks, two takes, a multiply-add and the way back. Both are timed in turn, best of several runs.
The bare sum at one price, max(0, -equity) over ready-made arrays, is timed at one price and multiplied by their number.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd

import adlkit as adl

MARK = 100_000.0


def synthetic_panel(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """`n` isolated accounts in one linear symbol; Pareto sizes, mixed leverage, both sides, rows in any order."""
    size = 100 * rng.pareto(1.3, n) + 10
    leverage = np.exp(rng.normal(1.8, 0.8, n)).clip(1, 50)
    names = np.char.add("a", rng.permutation(n).astype(str))
    frame = pd.DataFrame(
        {
            "account": names,
            "symbol": "BTC",
            "qty": size / MARK * rng.choice([-1, 1], n),
            "entry_price": MARK * np.exp(rng.normal(0, 0.03, n)),
            "mark_price": MARK,
            "collateral": size / leverage,
            "maintenance_rate": 0.01,
        }
    )
    return adl.build_panel(frame)


def floor(kinks: np.ndarray, sorted_kinks: np.ndarray, weights: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Even the takes that bring kinks and weights into order are left out."""
    np.argsort(kinks)
    slope, intercept = np.cumsum(weights), np.cumsum(kinks)
    by_price = np.argsort(prices)
    sorted_prices = prices[by_price]
    place = np.searchsorted(sorted_kinks, sorted_prices) - 1
    found = slope[place] * sorted_prices + intercept[place]
    result = np.empty(len(prices))
    result[by_price] = found
    return result


def best(works: list[Callable[[], object]], *, repeat: int = 7) -> list[float]:
    """Best of several runs of each, taken in turn so that a busy machine hits all alike."""
    times = np.full((repeat, len(works)), np.inf)
    for run in range(repeat):
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            times[run, place] = time.perf_counter() - start
    return [float(seconds) for seconds in times.min(axis=0)]


def main(n: int) -> None:
    rng = np.random.default_rng(20251010)
    panel = synthetic_panel(n, rng)
    prices = MARK * np.exp(rng.normal(0, 0.3, n))
    kinks = adl.bankruptcy_price(panel).to_numpy()
    sorted_kinks, weights = np.sort(kinks), panel["qty"].abs().to_numpy()

    owned, qty = adl.equity(panel).to_numpy(), panel["qty"].to_numpy()

    bare, ours, build, sums = best(
        [
            lambda: floor(kinks, sorted_kinks, weights, prices),
            lambda: adl.shortfall_curve(panel).shortfall(prices),
            lambda: adl.shortfall_curve(panel),
            lambda: np.maximum(-(owned + qty * (90_000.0 - MARK)), 0.0).sum(),
        ]
    )
    tracemalloc.start()
    adl.shortfall_curve(panel).shortfall(prices)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    columns = panel.memory_usage(index=False).sum()
    print(f"accounts, prices       {n:>14,}")
    print(f"bare NumPy floor       {bare:>14.3f} s")
    print(f"build and ask          {ours:>14.3f} s   (build alone {build:.3f} s)")
    print(f"ratio                  {ours / bare:>14.2f}")
    print(f"bare sum at one price  {sums:>14.4f} s   (one per price would take {sums * n / ours:,.0f} times as long)")
    print(f"peak memory            {peak / 1e6:>14.0f} MB = {peak / columns:.1f} x the panel's columns")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
