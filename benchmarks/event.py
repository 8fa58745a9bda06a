"""One event on a large synthetic panel, next to one argsort of as many floats in the same run.

    python benchmarks/event.py [positions]

Prints seconds, their ratio, and memory: peak of the event itself, in units of the panel's own columns.
"""

from __future__ import annotations

import sys
import time
import tracemalloc

import numpy as np
import pandas as pd

import adlkit as adl

MARKS = {"BTC": 100_000.0, "ETH": 4_000.0, "SOL": 200.0}


def synthetic_panel(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """`n` positions, half isolated, half in cross accounts of up to three symbols; Pareto sizes, mixed leverage."""
    symbol = np.array(list(MARKS))[np.arange(n) % 3]
    mark = np.array(list(MARKS.values()))[np.arange(n) % 3]
    account = np.where(rng.random(n) < 0.5, np.arange(n) // 3, n + np.arange(n))
    size = 100 * rng.pareto(1.3, n) + 10
    leverage = np.exp(rng.normal(1.8, 0.8, n)).clip(1, 50)
    frame = pd.DataFrame(
        {
            "account": np.char.add("a", account.astype(str)),
            "symbol": symbol,
            "qty": size / mark * rng.choice([-1, 1], n),
            "entry_price": mark * np.exp(rng.normal(0, 0.03, n)),
            "mark_price": mark,
            "collateral": size / leverage + 0.05 * size,
            "maintenance_rate": 0.01,
        }
    )
    return adl.build_panel(frame)


def seconds(work: object, *, repeat: int = 3) -> float:
    """Best of several runs."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()  # type: ignore[operator]
        times.append(time.perf_counter() - start)
    return min(times)


def main(n: int) -> None:
    rng = np.random.default_rng(20251010)
    panel = synthetic_panel(n, rng)
    marks = 0.8 * adl.mark_prices(panel)
    venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(balance=1e5))
    books = {symbol: adl.OrderBook.power_law(1e5 / mark, 1.2) for symbol, mark in MARKS.items()}
    floats = rng.random(n)

    event_time = seconds(lambda: adl.run_event(panel, marks, venue=venue, books=books))
    sort_time = seconds(lambda: np.argsort(floats))
    tracemalloc.start()
    event = adl.run_event(panel, marks, venue=venue, books=books)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    columns = panel.memory_usage(index=False).sum()
    print(f"positions                    {n:>14,}")
    print(f"liquidated, fills            {int(event.positions['is_liquidated'].sum()):>14,} {len(event.fills):>12,}")
    print(f"run_event                    {event_time:>14.3f} s")
    print(f"np.argsort of as many floats {sort_time:>14.3f} s")
    print(f"ratio                        {event_time / sort_time:>14.1f}")
    print(f"peak memory of the event     {peak / 1e6:>14.0f} MB = {peak / columns:.1f} x the panel's columns")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
