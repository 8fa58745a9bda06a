"""What may be asked of a tail: sizes, return periods, confidence; or one clear error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import TailError


def check_times(index: pd.Index, what: str) -> pd.DatetimeIndex:
    """The index, if it consists of increasing times, each once."""
    if not isinstance(index, pd.DatetimeIndex) or not (index.is_monotonic_increasing and index.is_unique):
        raise TailError(f"{what}: the index must be times (DatetimeIndex) that increase, each once")
    return index


def check_moves(moves: pd.Series) -> Floats:
    """Moves as numbers."""
    if not isinstance(moves, pd.Series):
        raise TailError(f"moves must be a Series, one side of worst_moves(...); got a {type(moves).__name__}")
    check_times(moves.index, "moves")
    values = moves.to_numpy(dtype=float)
    if len(bad := moves.index[~(np.isfinite(values) & (values >= 0))]):
        raise TailError(f"{len(bad)} moves that are not finite and >= 0, first {bad[0]}; give one side at a time")
    return values


def check_level(level: float) -> None:
    """Nothing, if a confidence level is one."""
    if not 0 < level < 1:
        raise TailError(f"level must lie within (0, 1), got {level!r}")


def check_count(n: int) -> int:
    """A number of samples."""
    if n < 1:
        raise TailError(f"need at least one sample, got {n!r}")
    return n


def sizes(move: npt.ArrayLike) -> Floats:
    """Sizes of a move."""
    asked = np.asarray(move, dtype=float)
    if not (asked >= 0).all():
        raise TailError("moves must be numbers and not below zero")
    return asked


def periods(years: npt.ArrayLike) -> Floats:
    """Return periods."""
    asked = np.asarray(years, dtype=float)
    if not ((asked > 0) & (asked < np.inf)).all():
        raise TailError(f"return periods must be finite and above zero, got {years!r}")
    return asked
