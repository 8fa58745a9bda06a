"""What every metric asks of its inputs, and the one error for those that do not give it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import MetricError
from adlkit.groups import level_codes, level_labels
from adlkit.panel import currencies, mark_prices, mark_to

Money = TypeVar("Money", float, pd.Series)
"""An amount of one round, or a Series of amounts by round."""


def finite(what: str, values: float | pd.Series) -> Floats:
    """Values as floats, or a MetricError if one is NaN, infinite or no number."""
    if isinstance(values, pd.Series) and values.dtype.kind not in "iufb":
        raise MetricError(f"{what} must be numbers, got dtype {values.dtype}")
    numbers = np.asarray(values, dtype=float)
    if bad := int((~np.isfinite(numbers)).sum()):
        raise MetricError(f"{what}: {bad} values are NaN or infinite; decide what they mean before you measure")
    return numbers


def nonnegative(what: str, values: float | pd.Series) -> Floats:
    """As `finite`, and never below zero."""
    numbers = finite(what, values)
    if bad := int((numbers < 0).sum()):
        raise MetricError(f"{what}: {bad} values are below zero")
    return numbers


def within(what: str, value: float, low: float, high: float) -> float:
    """Value of a parameter, or a MetricError if it lies outside `low` .. `high`."""
    if not low <= value <= high:
        raise MetricError(f"{what} must be within [{low}, {high}], got {value!r}")
    return value


def on_index(what: str, values: pd.Series, other: str, index: pd.Index) -> pd.Series:
    """Values, or a MetricError if they are not a Series on the index of another input."""
    if not isinstance(values, pd.Series) or not values.index.equals(index):
        raise MetricError(f"{what} must be a Series on the index of {other}")
    return values


def aligned(**named: float | pd.Series) -> None:
    """Raise unless all are finite, and all Series among them share one index."""
    indices = {what: values.index for what, values in named.items() if isinstance(values, pd.Series)}
    for what, values in named.items():
        finite(what, values)
    for what, index in indices.items():
        if not index.equals(next(iter(indices.values()))):
            raise MetricError(f"{what} must be a Series on the index of {next(iter(indices))}")


def has_columns(what: str, frame: pd.DataFrame, names: list[str]) -> None:
    """Raise unless a frame has all the columns that a metric reads, without NaN."""
    if missing := [name for name in names if name not in frame]:
        raise MetricError(f"{what} misses columns {missing}; it has {list(frame.columns)}")
    if empty := [name for name in names if frame[name].isna().any()]:
        raise MetricError(f"{what} has rows without {empty}; correct or drop them")


def closed_rows(panel: pd.DataFrame, closed: pd.Series) -> Floats:
    """Contracts closed of each row of a panel, zero for rows that `closed` does not name."""
    size = nonnegative("closed", closed)
    if closed.index.has_duplicates:
        raise MetricError("closed has a position twice; add its rows up")
    rows = panel.index.get_indexer(closed.index)
    if (rows < 0).any():
        raise MetricError(f"closed has rows that are not in the panel, e.g. {closed.index[rows < 0][0]!r}")
    result = np.zeros(len(panel))
    result[rows] = size
    open_qty = np.abs(panel["qty"].to_numpy())
    if (result > open_qty * (1 + 1e-12)).any():
        raise MetricError("closed is larger than the open position")
    return np.asarray(np.minimum(result, open_qty), dtype=np.float64)


def one_currency(panel: pd.DataFrame) -> None:
    """Raise if a panel settles in several currencies, which no metric adds up."""
    if len(found := currencies(panel)) > 1:
        raise MetricError(f"the panel settles in {found}; measure each currency by itself")


def by_symbol(panel: pd.DataFrame, values: pd.Series, what: str) -> Floats:
    """Values by symbol, brought to the rows of a panel."""
    used = panel.index.unique("symbol")
    if missing := sorted(set(used) - set(values.index)):
        raise MetricError(f"{what} misses the symbols {missing}")
    if values.index.has_duplicates:
        raise MetricError(f"{what} has a symbol twice")
    finite(what, values[used])
    by_label = values.reindex(level_labels(panel.index, "symbol")).to_numpy(dtype=float)
    return np.asarray(by_label[level_codes(panel.index, "symbol")], dtype=np.float64)


def moved(panel: pd.DataFrame, move: float | pd.Series) -> pd.DataFrame:
    """Panel after all marks move by `move` [1], for all symbols or by symbol."""
    moves = by_symbol(panel, move, "move") if isinstance(move, pd.Series) else np.full(len(panel), float(move))
    if not (np.isfinite(moves) & (moves > -1)).all():
        raise MetricError(f"move must be finite and above -1, got {move!r}")
    marks = mark_prices(panel.assign(mark_price=panel["mark_price"] * (1.0 + moves)))
    return mark_to(panel, marks)
