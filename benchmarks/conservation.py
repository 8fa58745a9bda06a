"""Largest imbalance of money over many random events, in units of gross notional.

    python benchmarks/conservation.py [events]

The change of money is counted from states (equity of all accounts, balances of buffers) and only for parties without
a state (book, programmes, residual) from the ledger. The events are those of `tests/random_events.py`, seeds 0, 1, ...
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from tqdm import tqdm

import adlkit as adl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from random_events import random_event


def main(n: int) -> None:
    worst, worst_seed, reached = 0.0, 0, pd.Series(dtype=float)
    for seed in tqdm(range(n), unit="event"):
        panel, inputs = random_event(seed)
        event = adl.run_event(panel, **inputs)
        error = event.imbalance
        if error > worst:
            worst, worst_seed = error, seed
        traded = event.stages["qty"].groupby(level="stage").sum() > 0
        reached = reached.add(traded.astype(float), fill_value=0.0)
    print(f"events {n:,}; largest relative imbalance {worst:.2e} (seed {worst_seed})")
    print("events in which each stage closed or was left with something:")
    print(reached.astype(int).to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
