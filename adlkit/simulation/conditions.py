"""What happens to a simulation from outside: prices, funding and volume, checked and as arrays by step and symbol."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.contracts import Flags, Floats, value_of
from adlkit.errors import PathError
from adlkit.groups import Codes

AT_MOST = 5
"""Faulty labels that an error names."""


class Prices(NamedTuple):
    """Marks at a step, those of the step before, and oracle prices, by symbol [quote/base]."""

    mark: Floats
    previous: Floats
    oracle: Floats


class Conditions(NamedTuple):
    """A path, by step and symbol.

    ``seconds`` is the time since the first step; ``funding`` what a long pays per unit of notional at a step, NaN
    where nothing is due; ``volume`` the contracts that the market traded since the step before.
    """

    times: pd.DatetimeIndex
    symbols: list[str]
    inverse: Flags
    seconds: Floats
    price: Floats
    funding: Floats
    volume: Floats

    @classmethod
    def of(
        cls,
        path: pd.DataFrame,
        symbols: list[str],
        inverse: Flags,
        funding: pd.DataFrame | None,
        volumes: pd.DataFrame | None,
    ) -> Conditions:
        """Arrays of a path, or one PathError that names every fault."""
        problems = path_problems(path, symbols)
        if problems:
            raise PathError("path: " + "; ".join(problems))
        times = pd.DatetimeIndex(path.index).tz_convert("UTC").as_unit("us")
        shape = (len(times), len(symbols))
        rates, traded = np.full(shape, np.nan), np.zeros(shape)
        if funding is not None:
            rows = _places("funding", funding, times, symbols)
            rates[rows] = funding[symbols].to_numpy(dtype=float)
        if volumes is not None:
            rows = _places("volumes", volumes, times, symbols)
            traded[rows] = volumes[symbols].to_numpy(dtype=float)
            if len(rows) < len(times):
                raise PathError(
                    f"volumes: {len(times) - len(rows)} times of the path have none; give 0 where none traded"
                )
            if (traded < 0).any():
                raise PathError("volumes: contracts traded must be 0 or more")
        seconds = (times - times[0]).total_seconds().to_numpy(dtype=float)
        return cls(times, symbols, inverse, seconds, path[symbols].to_numpy(dtype=float), rates, traded)

    def values(self, price: Floats) -> Floats:
        """Value of one contract at prices by symbol [ccy]."""
        return value_of(price, self.inverse)


def path_problems(path: pd.DataFrame, symbols: list[str]) -> list[str]:
    """Every fault of a path, as sentences."""
    if not isinstance(path, pd.DataFrame):
        return [f"give a DataFrame, one row per time and one column per symbol; got a {type(path).__name__}"]
    problems = []
    if not isinstance(path.index, pd.DatetimeIndex):
        problems.append(f"its index is a {type(path.index).__name__}, need times (DatetimeIndex)")
    elif path.index.tz is None:
        problems.append("its times have no zone; localise them, e.g. path.tz_localize('UTC')")
    elif not (path.index.is_monotonic_increasing and path.index.is_unique and len(path)):
        problems.append("its times must rise from row to row, at least one; sort them and drop repeats")
    if path.columns.has_duplicates:
        problems.append("a symbol stands twice among its columns")
    if missing := sorted(set(symbols) - set(path.columns)):
        problems.append(f"no column for symbols {missing[:AT_MOST]} of the panel")
    if extra := sorted(map(str, set(path.columns) - set(symbols))):
        problems.append(f"columns {extra[:AT_MOST]} are no symbols of the panel; drop them")
    if wrong := [name for name, dtype in path.dtypes.items() if dtype.kind not in "iuf"]:
        return [*problems, f"columns {wrong[:AT_MOST]} are not numbers"]
    numbers = path.to_numpy(dtype=float)
    bad = ~(np.isfinite(numbers) & (numbers > 0)).all(axis=1)
    if bad.any():
        first = [str(label) for label in path.index[bad][:AT_MOST]]
        problems.append(f"{int(bad.sum())} rows with a price not finite or not above zero; first: {first}")
    return problems


def _places(what: str, frame: pd.DataFrame, times: pd.DatetimeIndex, symbols: list[str]) -> Codes:
    """Places of the rows of `frame` among the times of the path, or a PathError."""
    if not isinstance(frame, pd.DataFrame) or sorted(frame.columns) != sorted(symbols):
        raise PathError(f"{what}: give a DataFrame with one column for each of the symbols {symbols}")
    places = times.get_indexer(frame.index)
    if (places < 0).any() or frame.index.has_duplicates:
        first = [str(label) for label in frame.index[places < 0][:AT_MOST]]
        raise PathError(f"{what}: each row must be at a time of the path, once; not so: {first}")
    if not np.isfinite(frame.to_numpy(dtype=float)).all():
        raise PathError(f"{what}: numbers must be finite")
    return np.asarray(places, dtype=np.intp)
