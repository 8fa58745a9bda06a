"""Synthetic panels of any size for the benchmarks: the same bytes for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

import adlkit as adl

MARKS = {"BTC": 100_000.0, "ETH": 4_000.0, "SOL": 200.0}


def market(n: int, *, n_symbols: int = 3, seed: int = 20251010) -> pd.DataFrame:
    """`n` positions, half isolated, half in cross accounts of up to three symbols; Pareto sizes, mixed leverage."""
    rng = np.random.default_rng(seed)
    marks = np.array([*MARKS.values(), *np.geomspace(0.1, 1_000.0, 100)])[:n_symbols]
    names = np.array([*MARKS, *(f"S{i}" for i in range(100))])[:n_symbols]
    place = np.arange(n) % n_symbols
    account = np.where(rng.random(n) < 0.5, np.arange(n) // 3, n + np.arange(n))
    return _built(rng, np.char.add("a", account.astype(str)), names[place], marks[place])


def one_symbol(n: int, *, seed: int = 20251010) -> pd.DataFrame:
    """`n` isolated positions in one symbol, rows in any order."""
    rng = np.random.default_rng(seed)
    names = np.char.add("a", rng.permutation(n).astype(str))
    return _built(rng, names, np.full(n, "BTC"), np.full(n, MARKS["BTC"]))


def snapshots(n: int, *, n_times: int = 50, n_symbols: int = 10, seed: int = 20251010) -> pd.DataFrame:
    """`n` positions in `n_times` x `n_symbols` x 2 queues, with a ready-made ``score``."""
    rng = np.random.default_rng(seed)
    n_accounts = n // (n_times * n_symbols)
    shape = n_times, n_accounts, n_symbols
    codes = [grid.ravel() for grid in np.meshgrid(*map(np.arange, shape), indexing="ij")]
    levels = [
        pd.date_range("2025-10-10", periods=n_times, freq="min", tz="UTC").as_unit("us"),
        pd.Index([f"a{i:07d}" for i in range(n_accounts)], dtype="str"),
        pd.Index([f"S{i}" for i in range(n_symbols)], dtype="str"),
    ]
    index = pd.MultiIndex(levels=levels, codes=codes, names=["time", "account", "symbol"], verify_integrity=False)
    facts = {"entry_price": 100.0, "mark_price": 100.0, "collateral": 1.0}
    terms = {"maintenance_rate": 0.01, "maintenance_deduction": 0.0}
    size = len(index)
    columns = {"qty": rng.choice([-1.0, 1.0], size), **facts, **terms, "score": rng.random(size)}
    return pd.DataFrame(columns, index=index)


def calm(panel: pd.DataFrame) -> pd.DataFrame:
    """The panel without accounts that are in liquidation at its marks."""
    margin = adl.maintenance_margin(panel).groupby(level="account").transform("sum")
    return panel[adl.equity(panel) >= margin]


def _built(rng: np.random.Generator, account: np.ndarray, symbol: np.ndarray, mark: np.ndarray) -> pd.DataFrame:
    n = len(mark)
    size = 100 * rng.pareto(1.3, n) + 10
    leverage = np.exp(rng.normal(1.8, 0.8, n)).clip(1, 50)
    frame = {
        "account": account,
        "symbol": symbol,
        "qty": size / mark * rng.choice([-1, 1], n),
        "entry_price": mark * np.exp(rng.normal(0, 0.03, n)),
        "mark_price": mark,
        "collateral": size / leverage + 0.05 * size,
        "maintenance_rate": 0.01,
    }
    return adl.build_panel(pd.DataFrame(frame))
