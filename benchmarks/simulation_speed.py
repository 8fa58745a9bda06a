"""Crash ensembles against one `numpy.argsort` of as many floats as there are paths x accounts, in one run.

    python benchmarks/simulation_speed.py [paths] [steps] [accounts] [workers]

One vault that takes whole accounts, unwinds over ten minutes and is relieved when bankrupt; books of three symbols that
refill; falls of 5% to 50%. Beside the whole, smaller ensembles show how the time grows with each of the three numbers,
and the peak memory of this process is set beside that of the paths.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import adlkit as adl

SHARES = {"BTC": 0.5, "ETH": 0.3, "SOL": 0.2}


def crash_market(n: int) -> tuple[pd.DataFrame, adl.VenueRules, dict[str, adl.OrderBook]]:
    """Isolated accounts, half of them long, leverage 2 to 40, and a vault of 1% of their notional."""
    rng = np.random.default_rng(1)
    side = np.where(np.arange(n) % 2, 1.0, -1.0)
    size = np.exp(rng.normal(9.0, 1.5, n))
    entry = 100.0 * (1.0 + rng.normal(0.0, 0.05, n))
    qty = side * size / entry
    leverage = np.exp(rng.uniform(np.log(2.0), np.log(40.0), n))
    frame = pd.DataFrame(
        {
            "account": [f"a{number:07d}" for number in range(n)],
            "symbol": rng.choice(list(SHARES), n, p=list(SHARES.values())),
            "qty": qty,
            "entry_price": entry,
            "mark_price": 100.0,
            "collateral": size / leverage + np.maximum(-qty * (100.0 - entry), 0.0),
            "maintenance_rate": 0.01,
            "maintenance_deduction": 0.0,
        }
    )
    panel = adl.build_panel(frame)
    gross = float(adl.notional(panel).sum())
    vault = adl.BackstopVault(
        equity=0.01 * gross,
        max_leverage=5.0,
        takes_accounts=True,
        threshold=2 / 3,
        exit_rule=adl.exits.Twap(600.0),
        is_relieved=True,
    )
    books = {name: adl.OrderBook.power_law(0.0002 * gross * share, 1.0) for name, share in SHARES.items()}
    return panel, adl.venues.hyperliquid.with_buffers(vault), books


def seconds_of(paths: int, steps: int, accounts: int, workers: int) -> float:
    panel, venue, books = crash_market(accounts)
    crash = {"depth": (0.05, 0.5), "fall": (300.0, 1200.0), "rebound": (0.0, 0.8), "volatility": 0.05}
    marks, step = dict.fromkeys(SHARES, 100.0), 3600.0 / steps
    ensemble = adl.crash_paths(marks, n_paths=paths, n_steps=steps, step=step, **crash, rng=7)
    return timed(lambda: adl.simulate_ensemble(panel, ensemble, venue=venue, books=books, workers=workers))


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def sorting_seconds(n: int) -> float:
    floats = np.random.default_rng(0).random(n)
    return timed(lambda: np.argsort(floats))


def memory() -> float:
    """Largest memory of this process and of any worker so far [MB]."""
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024.0


def growth(base: dict[str, int], name: str, workers: int) -> float:
    """Exponent of the time between a quarter of one number and the whole of it."""
    small = seconds_of(**{**base, name: base[name] // 4}, workers=workers)
    return float(np.log(seconds_of(**base, workers=workers) / small) / np.log(4.0))


def main(paths: int = 1000, steps: int = 600, accounts: int = 20_000, workers: int = os.cpu_count() or 1) -> None:
    yardstick = sorting_seconds(paths * accounts)
    base = memory()
    whole = seconds_of(paths, steps, accounts, workers)
    print(f"{paths:,} paths x {steps:,} steps x {accounts:,} accounts, {workers} workers: {whole:.1f} s")
    print(f"one argsort of {paths * accounts:,} floats: {yardstick:.2f} s; ratio {whole / yardstick:.0f}")
    print(f"peak memory: {memory() - base:.0f} MB above the {base:.0f} MB of imports and yardstick")
    part = {"paths": max(paths // 20, 8), "steps": steps, "accounts": accounts}
    print({name: f"n^{growth(part, name, workers):.2f}" for name in part})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
