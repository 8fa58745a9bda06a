"""Largest imbalance of money at any step of many random simulations, and what attribution leaves unexplained.

    python benchmarks/simulation_exactness.py [simulations]

The simulations are those of `tests/random_simulations.py`, seeds 0, 1, ...: 12 steps of small markets with random
rules, buffers, books, funding, exit rules and impact. Money is counted from states (equity of all accounts, balances
of buffers) and only for parties without a state from what they traded; both in units of gross notional.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

import adlkit as adl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from random_simulations import random_simulation


def main(n: int) -> None:
    money, contracts, residual = [], [], []
    kinds: dict[str, int] = {}
    for seed in tqdm(range(n), unit="simulation"):
        panel, inputs = random_simulation(seed, unwinds=True)
        result = adl.simulate(panel, **inputs)
        gross = max(float(adl.notional(panel).sum()), 1e-300)
        money.append(result.imbalance)
        held = np.abs(result.parties.qty.sum(axis=1)).max(initial=0.0)
        contracts.append(held / max(float(panel["qty"].abs().sum()), 1e-300))
        for name, buffer in result.buffers_before.items():
            if isinstance(buffer, adl.BackstopVault):
                pnl = result.vault_pnl(name)
                gain = result.buffers[name].money - buffer.money
                residual.append(max(abs(pnl.residual), abs(pnl.total - gain)) / gross)
        for kind, count in result.vault_trades["kind"].value_counts().items():
            kinds[str(kind)] = kinds.get(str(kind), 0) + count
    print(f"simulations {n:,}; largest imbalance of money at any step {max(money):.1e} of gross notional")
    print(f"largest imbalance of contracts                     {max(contracts):.1e} of all contracts")
    print(f"vaults {len(residual):,}; largest residual of attribution   {max(residual):.1e} of gross notional")
    print(f"trades of vaults: {kinds}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
