"""The shortfall curve against the sum over re-marked accounts in exact rational arithmetic.

    python benchmarks/curve_exactness.py [panels]

Each panel (seeds 0, 1, ...) is one of `tests/random_events.py`: isolated and cross accounts, linear or inverse, some
without collateral. Here some accounts are brought below zero, and some appear twice, so that kinks coincide. Every
symbol is asked at random prices (up to a factor of 3 either way) and exactly at every kink; linear panels also along a
factor of random betas. The yardstick adds up max(0, -equity) of the same floats as fractions, without any rounding.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

import adlkit as adl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from random_events import random_panel

SMALL = 1e-6


def hard_panel(rng: np.random.Generator) -> pd.DataFrame:
    """A random panel with bankrupt accounts and twins."""
    panel = random_panel(rng)
    cash = panel["collateral"] - adl.notional(panel) * 0.3 * (rng.random(len(panel)) < 0.2)
    frame = panel.assign(collateral=cash).reset_index()
    names = frame["account"].unique()
    twins = frame[frame["account"].isin(rng.choice(names, size=len(names) // 3, replace=False))]
    return adl.build_panel(pd.concat([frame, twins.assign(account=twins["account"] + "-twin")]))


def exact(panel: pd.DataFrame, mark: Callable[[str, Fraction], Fraction]) -> tuple[Fraction, Fraction]:
    """Sum of max(0, -equity), and gross money of all accounts: collateral, notional at entry and at the new marks."""
    inverse = panel["contract"].iloc[0] == "inverse"
    owned: dict[str, Fraction] = {}
    gross = Fraction(0)
    facts = panel[["qty", "entry_price", "mark_price", "collateral"]].itertuples(index=False)
    for (account, symbol), row in zip(panel.index, facts, strict=True):
        qty, entry, old, cash = map(Fraction, row)
        new = mark(symbol, old)
        start, end = (-1 / entry, -1 / new) if inverse else (entry, new)
        owned[account] = owned.get(account, Fraction(0)) + cash + qty * (end - start)
        gross += abs(cash) + abs(qty * start) + abs(qty * end)
    return sum((-money for money in owned.values() if money < 0), Fraction(0)), gross


def marks_along(curve: adl.ShortfallCurve, price: float) -> Callable[[str, Fraction], Fraction]:
    if curve.factor is None:
        return lambda symbol, old: Fraction(price) if symbol == curve.symbol else old
    betas = curve.factor
    return lambda symbol, old: old * (1 + Fraction(float(betas[symbol])) * Fraction(price))


def curves(panel: pd.DataFrame, rng: np.random.Generator) -> Iterable[tuple[adl.ShortfallCurve, np.ndarray]]:
    """Every curve of a panel, and the prices or shocks to ask: random ones, then all kinks."""
    for symbol in panel.index.unique("symbol"):
        curve = adl.shortfall_curve(panel, symbol=symbol)
        kinks = curve.kinks["price"].to_numpy()
        yield curve, np.r_[curve.moved(np.exp(rng.uniform(-1.1, 1.1, 5)) - 1), kinks[(kinks > 0) & np.isfinite(kinks)]]
    if (panel["contract"] == "linear").all():
        betas = {symbol: float(rng.normal(1, 0.7)) for symbol in panel.index.unique("symbol")}
        curve = adl.shortfall_curve(panel, factor=betas)
        low, high = max(curve.move_range[0], -0.7), min(curve.move_range[1], 0.7)
        kinks = curve.kinks["shock"].to_numpy()
        yield curve, np.r_[rng.uniform(0.99 * low, 0.99 * high, 5), kinks[(kinks > low) & (kinks < high)]]


def main(n: int) -> None:
    of_gross = of_owed = of_inverse = 0.0
    asked = counted = 0
    for seed in tqdm(range(n), unit="panel"):
        rng = np.random.default_rng(seed)
        for curve, prices in curves(hard_panel(rng), rng):
            for price, found in zip(prices, curve.shortfall(prices), strict=True):
                owed, gross = exact(curve.panel, marks_along(curve, float(price)))
                error = abs(Fraction(float(found)) - owed)
                asked += 1
                of_gross = max(of_gross, float(error / gross))
                if owed > SMALL * gross:
                    counted += 1
                    of_owed = max(of_owed, float(error / owed))
            now = float(curve.shortfall(curve.moved(0.0)))
            amounts = now + float(adl.notional(curve.panel).sum()) * 10.0 ** rng.uniform(-4, 0, 4)
            for side in ("down", "up"):
                reached = curve.price_at(amounts, side=side)
                inside = np.isfinite(reached) & (reached > (0 if curve.factor is None else curve.move_range[0]))
                inside &= reached < curve.move_range[1] if curve.factor is not None else True
                back = curve.shortfall(reached[inside])
                of_inverse = max(of_inverse, *np.abs(back / amounts[inside] - 1), 0.0)
    print(f"panels {n:,}; shortfalls {asked:,}, at random prices or shocks and exactly at every kink")
    print(f"largest error over gross money of the accounts:                   {of_gross:.1e}")
    print(f"largest error over the shortfall itself ({counted:,} above {SMALL:g} of gross): {of_owed:.1e}")
    print(f"largest error of shortfall(price_at(amount)) over the amount:      {of_inverse:.1e}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
