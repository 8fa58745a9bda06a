"""Maintenance-margin tiers: rate and deduction by symbol and notional.

A tier table is long: one row per `symbol` and `floor` [notional], with the `rate` [1] and the `deduction` [ccy] that
hold from that floor on: maintenance margin = notional x rate - deduction. Rates must not fall and the margin must
not jump at a floor (deduction_n = floor_n x (rate_n - rate_{n-1}) + deduction_{n-1}), so that the margin is a convex
function of notional, the largest of its tier lines, and every liquidation price is unique.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Floats

COLUMNS = ("symbol", "floor", "rate", "deduction")
TOLERANCE = 1e-6
"""Relative jump of maintenance margin at a floor that is taken for rounding in a published table."""


class TierLines(NamedTuple):
    """Tier lines as arrays of shape (n_symbols, n_tiers); unused places have an infinite floor."""

    floor: Floats
    rate: Floats
    deduction: Floats


def tier_problems(tiers: pd.DataFrame, symbols: pd.Index) -> list[str]:
    """Every fault of a tier table, as sentences; `symbols` are those that must be covered."""
    if missing := [name for name in COLUMNS if name not in tiers]:
        return [f"tiers: missing columns {missing}; need {list(COLUMNS)}"]
    wrong = [name for name in COLUMNS[1:] if tiers[name].dtype.kind not in "iuf"]
    if wrong:
        return [f"tiers: columns {wrong} are not numbers (dtypes {[str(tiers[name].dtype) for name in wrong]})"]
    problems = []
    numbers = tiers[list(COLUMNS[1:])].to_numpy(dtype=float)
    if bad := int((~np.isfinite(numbers) | (numbers < 0)).any(axis=1).sum()):
        problems.append(f"tiers: {bad} rows with a value that is negative, NaN or infinite")
    if bad := int((numbers[:, 1] >= 1).sum()):
        problems.append(f"tiers: {bad} rows with a rate of 1 or more; rates are fractions, 0.01 is one percent")
    if uncovered := sorted(set(symbols) - set(tiers["symbol"])):
        problems.append(f"tiers: no rows for symbols {uncovered[:5]}; add their tiers or drop their positions")
    return problems or _shape_problems(tiers)


def _shape_problems(tiers: pd.DataFrame) -> list[str]:
    """Faults between the rows of one symbol: gaps, overlaps, falling rates, jumps of the margin."""
    rows = tiers.sort_values(["symbol", "floor"], kind="stable")
    before = rows.groupby("symbol", observed=True).shift(1)
    first = before["floor"].isna()
    expected = rows["floor"] * (rows["rate"] - before["rate"]) + before["deduction"]
    scale = TOLERANCE * (rows["floor"] * rows["rate"]).clip(lower=TOLERANCE)
    faults = {
        "gap: the first floor must be 0": first & (rows["floor"] > 0),
        "the first deduction must be 0": first & (rows["deduction"] > 0),
        "overlap: the same floor twice": ~first & (rows["floor"] == before["floor"]),
        "the rate falls as notional grows": ~first & (rows["rate"] < before["rate"]),
        "the margin jumps at the floor; the deduction must be floor x (rate - rate before) + deduction before": (
            ~first & ((rows["deduction"] - expected).abs() > scale)
        ),
    }
    if "cap" in rows:
        after = rows.groupby("symbol", observed=True)["floor"].shift(-1)
        faults["gap between a cap and the next floor"] = after > rows["cap"]
        faults["overlap: a cap above the next floor"] = after < rows["cap"]
    return [
        f"tiers: {text} ({int(bad.sum())} rows; first: symbol {rows.loc[bad, 'symbol'].iloc[0]!r}, "
        f"floor {rows.loc[bad, 'floor'].iloc[0]:g})"
        for text, bad in faults.items()
        if bad.any()
    ]


def tier_lines(tiers: pd.DataFrame, symbols: pd.Index) -> TierLines:
    """Tier lines of `symbols`, in their order, padded to the longest table."""
    rows = tiers[tiers["symbol"].isin(symbols)].sort_values(["symbol", "floor"], kind="stable")
    place = symbols.get_indexer(pd.Index(rows["symbol"]))
    step = rows.groupby("symbol", observed=True).cumcount().to_numpy()
    shape = (len(symbols), int(step.max(initial=0)) + 1)
    lines = TierLines(np.full(shape, np.inf), np.zeros(shape), np.zeros(shape))
    for column, values in zip(lines, (rows["floor"], rows["rate"], rows["deduction"]), strict=True):
        column[place, step] = values.to_numpy(dtype=float)
    return lines


def tier_terms(lines: TierLines, symbol: npt.NDArray[np.intp], notional: Floats) -> tuple[Floats, Floats]:
    """Rate and deduction of the tier that each `notional` lies in; a floor belongs to the tier it opens."""
    step = np.zeros(len(notional), dtype=np.intp)
    for floors in lines.floor.T[1:]:
        step += notional >= floors[symbol]
    return lines.rate[symbol, step], lines.deduction[symbol, step]
