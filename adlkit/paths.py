"""Price paths: ensembles of crashes with known depth, speed and rebound, and real bars brought to the same shape.

A path is a frame of prices, times x symbols, that starts at given marks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Floats
from adlkit.errors import PathError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Drawn = float | tuple[float, float]
"""A number for all paths, or the ends of a range from which each path draws uniformly."""
DAY = 86_400.0
START = "2025-01-01T00:00Z"
DRAWS = ("depth", "fall", "rebound", "recovery", "volatility", "jump_share")
FAN = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False, repr=False)
class PricePaths(SummaryRepr):
    """Paths of prices that start at the same marks; see `crash_paths`.

    Parameters
    ----------
    prices : DataFrame, index (path, time), one column per symbol
        [quote/base], every path at the same times, sorted.
    shapes : DataFrame, index path
        What each path drew: ``depth`` [1], ``fall`` [s], ``rebound`` [1], ``recovery`` [s], ``volatility`` [per square
        root of a day], ``jump_share`` [1], ``jump_time`` [s after the start; NaN without a jump]; and what its common
        factor then did: ``lowest`` [1, largest fall below its start at any step], ``lowest_time`` [s], ``end`` [1, move
        at the last step].

    Examples
    --------
    >>> import adlkit as adl
    >>> crash = {"depth": 0.2, "fall": 120.0, "rebound": 0.5}
    >>> paths = adl.crash_paths({"BTC": 100.0}, n_paths=2, n_steps=4, step=60.0, **crash, rng=7)
    >>> len(paths), paths.path(1)["BTC"].round(2).tolist()
    (2, [100.0, 89.44, 80.0, 84.59, 89.44])
    """

    prices: pd.DataFrame
    shapes: pd.DataFrame

    def __len__(self) -> int:
        return len(self.shapes)

    @property
    def times(self) -> pd.DatetimeIndex:
        """Times of every path."""
        return pd.DatetimeIndex(self.prices.index.levels[1])  # type: ignore[attr-defined]

    def path(self, number: int) -> pd.DataFrame:
        """Prices of one path.

        Parameters
        ----------
        number : int
            Label of the path, in the index of `shapes`.

        Returns
        -------
        DataFrame, times x symbols
            [quote/base]; the first row is the marks at the start.

        Raises
        ------
        PathError
            If there is no path of this number.

        Examples
        --------
        >>> import adlkit as adl
        >>> crash = {"depth": 0.2, "fall": 1.0, "rebound": 1.0}
        >>> paths = adl.crash_paths({"BTC": 100.0}, n_paths=2, n_steps=2, step=1.0, **crash, rng=7)
        >>> paths.path(0)["BTC"].round(2).tolist()
        [100.0, 80.0, 100.0]
        """
        if number not in self.shapes.index:
            raise PathError(f"no path {number!r}; there are {self.shapes.index[0]} .. {self.shapes.index[-1]}")
        times = self.times
        row = len(times) * int(self.shapes.index.get_indexer(pd.Index([number]))[0])
        return self.prices.iloc[row : row + len(times)].set_axis(times)

    def quantiles(self, symbol: str, *, levels: Sequence[float] = FAN) -> pd.DataFrame:
        """Quantiles of a symbol's move since the start, over the paths.

        Parameters
        ----------
        symbol : str
            A column of `prices`.
        levels : sequence of float
            Within 0 .. 1.

        Returns
        -------
        DataFrame, times x `levels`
            Move [1] since the first time, of all paths at each time by itself.

        Raises
        ------
        PathError
            If there is no such symbol.

        Examples
        --------
        >>> import adlkit as adl
        >>> crash = {"depth": 0.2, "fall": 1.0, "rebound": 1.0}
        >>> paths = adl.crash_paths({"BTC": 100.0}, n_paths=3, n_steps=2, step=1.0, **crash, rng=7)
        >>> paths.quantiles("BTC", levels=[0.5])[0.5].round(3).tolist()
        [0.0, -0.2, 0.0]
        """
        if symbol not in self.prices.columns:
            raise PathError(f"no symbol {symbol!r}; the paths have {list(self.prices.columns)}")
        table = self.prices[symbol].to_numpy().reshape(len(self), -1)
        moves = np.quantile(table / table[:, :1] - 1.0, list(levels), axis=0)
        return pd.DataFrame(moves.T, index=self.times, columns=pd.Index(list(levels), name="level"))

    def summary(self) -> pd.Series:
        """How many paths there are, and how far their common factor falls.

        Returns
        -------
        Series
            ``paths``, ``steps`` of each after its start, ``seconds`` from start to end, ``symbols``; of the factor over
            the paths [1]: median and largest ``lowest`` fall, median move at the end.

        Examples
        --------
        >>> import adlkit as adl
        >>> crash = {"depth": 0.2, "fall": 1.0, "rebound": 1.0}
        >>> paths = adl.crash_paths({"BTC": 100.0}, n_paths=2, n_steps=2, step=1.0, **crash, rng=7)
        >>> paths.summary()["median lowest fall"].round(3).item()
        0.2
        """
        times = self.times
        return pd.Series(
            {
                "paths": float(len(self)),
                "steps": float(len(times) - 1),
                "seconds": (times[-1] - times[0]).total_seconds(),
                "symbols": float(self.prices.shape[1]),
                "median lowest fall": self.shapes["lowest"].median(),
                "largest lowest fall": self.shapes["lowest"].max(),
                "median move at the end": self.shapes["end"].median(),
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the first symbol: a fan of quantiles and a few paths; see `plotting.plot_paths` for another."""
        from adlkit.plotting import plot_paths

        return plot_paths(self, ax=ax)


class Crash(NamedTuple):
    """What the paths drew, one element per path; durations in steps."""

    log_depth: Floats  # of the factor at the trough, below zero
    fall: Floats
    rebound: Floats
    recovery: Floats
    volatility: Floats
    jump_share: Floats
    jump: Floats  # step of the jump


def crash_paths(
    marks: pd.Series | Mapping[str, float],
    *,
    n_paths: int,
    n_steps: int,
    step: float,
    depth: Drawn,
    fall: Drawn,
    rebound: Drawn,
    recovery: Drawn | None = None,
    volatility: Drawn = 0.0,
    jump_share: Drawn = 0.0,
    beta: float | pd.Series | Mapping[str, float] = 1.0,
    idiosyncratic: float | pd.Series | Mapping[str, float] = 0.0,
    start: str | pd.Timestamp = START,
    first: int = 0,
    rng: int | np.random.Generator,
) -> PricePaths:
    """Ensemble of crashes: a common factor falls by a known depth, then regains a known part of it.

    Parameters
    ----------
    marks : Series or mapping
        Price of each symbol at the start [quote/base], > 0.
    n_paths, n_steps : int
        How many paths, and steps of each after its start: a path has n_steps + 1 times.
    step : float
        Seconds between times.
    depth : float or (low, high)
        Fall of the factor at the trough [1], within [0, 1). This and the next five are one number for all paths, or a
        range from which each path draws uniformly, each by itself.
    fall : float or (low, high)
        Seconds from the start to the trough, rounded to whole steps; at least one step.
    rebound : float or (low, high)
        Part of the log fall that is regained at the end of the recovery [1]: the factor is then
        (1 - depth) ^ (1 - rebound). 0: none; 1: all of it; below zero the fall goes on.
    recovery : float or (low, high), optional
        Seconds from the trough to the end of the recovery, rounded to whole steps; at least one step. Without it: all
        that is left of the path. Afterwards the factor is a random walk without drift.
    volatility : float or (low, high), default 0
        Of the factor's log around the straight lines through start, trough and end of the recovery, per square root
        of a day: Brownian bridges, so that the factor hits those three points exactly. In between it may well lie
        below the trough, above all in long falls: `PricePaths.shapes` has ``lowest``.
    jump_share : float or (low, high), default 0
        Part of the log fall that happens at one step, drawn uniformly among those of the fall [1], within [0, 1].
    beta : float, Series or mapping, default 1
        Log move of a symbol per log move of the factor, for all or by symbol.
    idiosyncratic : float, Series or mapping, default 0
        Volatility of a symbol's own log move, a random walk without drift that nothing pins, per square root of a day.
    start : str or Timestamp
        First time, with a zone.
    first : int, default 0
        Number of the first path, to make a large ensemble in parts.
    rng : int or Generator
        Seed; each path has a child seed of its own (`numpy.random.SeedSequence`). With the same int, symbols and
        n_steps, path k is the same whatever n_paths and first are. A Generator gives one such int and moves on.

    Returns
    -------
    PricePaths
        ``prices`` and ``shapes``.

    Raises
    ------
    PathError
        If a number is out of its range, a symbol is missing, or a fall and its recovery may take longer than the path.

    Examples
    --------
    >>> import adlkit as adl
    >>> paths = adl.crash_paths(
    ...     {"BTC": 100_000.0, "ETH": 4_000.0}, n_paths=500, n_steps=120, step=30.0, depth=(0.1, 0.4), fall=(300, 1800),
    ...     rebound=(0.2, 0.8), volatility=0.4, beta={"BTC": 1.0, "ETH": 1.3}, idiosyncratic=0.1, rng=7,
    ... )
    >>> paths.path(0).iloc[0].to_dict()
    {'BTC': 100000.0, 'ETH': 4000.0}
    >>> bool(paths.shapes["depth"].between(0.1, 0.4).all())
    True
    """
    prices = _positive("marks", marks)
    if not isinstance(step, int | float | np.number) or not 1e-6 <= step < np.inf:
        raise PathError(f"step must be a number of seconds, one microsecond or more, got {step!r}")
    counts = {"n_paths": (n_paths, 1), "n_steps": (n_steps, 2), "first": (first, 0)}
    for what, (count, least) in counts.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
            raise PathError(f"{what} must be a whole number from {least} on, got {count!r}")
    times = _times(start, step, n_steps)
    ranges = _ranges(depth, fall, rebound, recovery, volatility, jump_share, step, n_steps)
    loading = _by_symbol("beta", beta, prices.index, -np.inf)
    own = _by_symbol("idiosyncratic", idiosyncratic, prices.index, 0.0)
    uniforms, noise = _random(rng, range(first, first + n_paths), 1 + len(prices), n_steps)
    noise *= np.sqrt(step / DAY)
    crash = _drawn(ranges, uniforms, step, n_steps)
    factor = _factor(crash, noise[0])
    logs = loading * factor[:, :, None] + own * np.moveaxis(noise[1:], 0, 2)
    values = prices.to_numpy(dtype=float) * np.exp(logs)
    numbers = pd.RangeIndex(first, first + n_paths)
    index = pd.MultiIndex.from_product([numbers, times], names=["path", "time"])
    table = pd.DataFrame(values.reshape(-1, len(prices)), index=index, columns=prices.index.rename("symbol"))
    return PricePaths(table, _shapes(crash, factor, step, numbers.rename("path")))


def price_path(
    bars: pd.DataFrame, *, price: str = "close", time: str = "time_utc", start: str | pd.Timestamp | None = None
) -> pd.DataFrame:
    """Prices of real bars, times x symbols; a symbol without a bar at a time keeps the price of its last one.

    Parameters
    ----------
    bars : DataFrame
        One row per time and symbol, of one venue, in any order.
    price : str, default "close"
        Column of the price [quote/base], > 0.
    time : str, default "time_utc"
        Column of the times, with a zone. They are kept: where bars are labelled with their opening, as most are, their
        close was known only at its end; add the length of a bar to the times before anything is measured with it.
    start : str or Timestamp, optional
        First time that may be in the path, with a zone; earlier bars only give the prices that symbols have by then.

    Returns
    -------
    DataFrame, times x symbols
        [quote/base], at every time at which any symbol has a bar.

    Raises
    ------
    PathError
        If a column is missing, times have no zone, a price is not finite or not above zero, a symbol has two bars at a
        time, or has no price yet at the first time.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.to_datetime(["2025-10-10T21:00:00Z", "2025-10-10T21:00:00Z", "2025-10-10T21:00:05Z"])
    >>> bars = pd.DataFrame({"time_utc": times, "symbol": ["BTC", "ETH", "BTC"], "close": [100.0, 10.0, 90.0]})
    >>> adl.price_path(bars).to_dict("list")
    {'BTC': [100.0, 90.0], 'ETH': [10.0, 10.0]}
    """
    table = _pivoted(bars, price, time)
    if (table <= 0).any(axis=None):
        raise PathError(f"{price} must be above zero")
    carried = table.ffill()
    path = carried if start is None else carried[carried.index >= _in_utc(start)]
    if path.empty:
        raise PathError(f"no bar at or after start {start!r}; the last is at {carried.index[-1]!s}")
    if late := path.columns[path.iloc[0].isna()].tolist():
        begin = carried.index[int(carried.notna().all(axis=1).to_numpy().argmax())]
        raise PathError(f"no price of {late} at the first time {path.index[0]!s}; give start='{begin!s}' or later")
    return path


def volume_path(bars: pd.DataFrame, *, volume: str = "volume", time: str = "time_utc") -> pd.DataFrame:
    """Volumes of real bars, times x symbols; zero where a symbol has no bar.

    Parameters
    ----------
    bars, time
        As in `price_path`.
    volume : str, default "volume"
        Column of the contracts traded since the symbol's bar before, >= 0.

    Returns
    -------
    DataFrame, times x symbols
        [contracts], at every time at which any symbol has a bar; ``volumes.loc[prices.index]`` are those of a path that
        starts later.

    Raises
    ------
    PathError
        If a column is missing, times have no zone, a volume is not finite or below zero, or a symbol has two bars at a
        time.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.to_datetime(["2025-10-10T21:00:00Z", "2025-10-10T21:00:00Z", "2025-10-10T21:00:05Z"])
    >>> bars = pd.DataFrame({"time_utc": times, "symbol": ["BTC", "ETH", "BTC"], "volume": [1.0, 10.0, 2.0]})
    >>> adl.volume_path(bars).to_dict("list")
    {'BTC': [1.0, 2.0], 'ETH': [10.0, 0.0]}
    """
    table = _pivoted(bars, volume, time)
    if (table < 0).any(axis=None):
        raise PathError(f"{volume} must not be below zero")
    return table.fillna(0.0)


def _random(rng: int | np.random.Generator, numbers: range, n_walks: int, n_steps: int) -> tuple[Floats, Floats]:
    """Uniforms, paths x draws, and standard random walks, walks x paths x times; each path has its own seed."""
    if not isinstance(rng, int | np.integer | np.random.Generator) or isinstance(rng, bool):
        raise PathError(f"rng must be an int or a numpy.random.Generator, got {rng!r}")
    entropy = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else rng
    uniforms = np.empty((len(numbers), len(DRAWS) + 1))
    walks = np.zeros((n_walks, len(numbers), n_steps + 1))
    for row, number in enumerate(numbers):
        child = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,)))
        uniforms[row] = child.random(uniforms.shape[1])
        walks[:, row, 1:] = child.standard_normal((n_walks, n_steps))
    return uniforms, np.cumsum(walks, axis=2, out=walks)


def _ranges(
    depth: Drawn,
    fall: Drawn,
    rebound: Drawn,
    recovery: Drawn | None,
    volatility: Drawn,
    jump_share: Drawn,
    step: float,
    n_steps: int,
) -> Floats:
    """Low and high end of each of DRAWS, or one PathError; a recovery of NaN lasts to the end of the path."""
    ranges = {
        "depth": _range("depth", depth, 0.0, np.nextafter(1.0, 0.0)),
        "fall": _range("fall", fall, step, np.inf),
        "rebound": _range("rebound", rebound, -np.inf, np.inf),
        "recovery": (np.nan, np.nan) if recovery is None else _range("recovery", recovery, step, np.inf),
        "volatility": _range("volatility", volatility, 0.0, np.inf),
        "jump_share": _range("jump_share", jump_share, 0.0, 1.0),
    }
    longest = [_steps(np.array(ranges[what][1]), step) for what in ("fall", "recovery")]
    needed = int(longest[0] + (1 if recovery is None else longest[1]))
    if needed > n_steps:
        raise PathError(f"fall and recovery take up to {needed:,} steps, the path has {n_steps:,}; give more n_steps")
    return np.array([ranges[what] for what in DRAWS])


def _range(what: str, given: Drawn, low: float, high: float) -> tuple[float, float]:
    """Both ends of a number or a range, within `low` .. `high`."""
    ends = given if isinstance(given, tuple) else (given, given)
    try:
        least, most = (float(end) for end in ends)
    except (TypeError, ValueError) as error:
        raise PathError(f"{what} must be a number or a range (low, high), got {given!r}") from error
    if not (low <= least <= most <= high and np.isfinite([least, most]).all()):
        raise PathError(f"{what} must be a number or a range (low, high) within [{low:g}, {high:g}], got {given!r}")
    return least, most


def _drawn(ranges: Floats, uniforms: Floats, step: float, n_steps: int) -> Crash:
    """Draws of each path, durations in steps."""
    low, high = ranges.T
    depth, fall, rebound, recovery, volatility, jump_share = (low + (high - low) * uniforms[:, :-1]).T
    fall = _steps(fall, step)
    recovery = np.where(np.isnan(recovery), n_steps - fall, _steps(recovery, step))
    jump = 1.0 + np.floor(uniforms[:, -1] * fall)
    return Crash(np.log1p(-depth), fall, rebound, recovery, volatility, jump_share, jump)


def _steps(seconds: Floats, step: float) -> Floats:
    """Whole steps nearest to a duration."""
    return np.rint(seconds / step)


def _factor(crash: Crash, walk: Floats) -> Floats:
    """Log of the common factor, paths x times: noise bent so that it passes start, trough and end of recovery."""
    noise = crash.volatility[:, None] * walk
    row, trough = np.arange(len(noise)), crash.fall.astype(int)
    end = trough + crash.recovery.astype(int)
    jump = crash.jump_share * crash.log_depth
    at_trough = crash.log_depth - jump - noise[row, trough]
    at_end = (1.0 - crash.rebound) * crash.log_depth - jump - noise[row, end]
    time = np.arange(noise.shape[1], dtype=float)
    falling = np.minimum(time / crash.fall[:, None], 1.0)
    recovering = np.clip((time - crash.fall[:, None]) / crash.recovery[:, None], 0.0, 1.0)
    bend = falling * at_trough[:, None] + recovering * (at_end - at_trough)[:, None]
    jumped = np.where(time >= crash.jump[:, None], jump[:, None], 0.0)
    return np.asarray(noise + bend + jumped, dtype=np.float64)


def _shapes(crash: Crash, factor: Floats, step: float, numbers: pd.Index) -> pd.DataFrame:
    """What each path drew, and how far its factor went."""
    return pd.DataFrame(
        {
            "depth": -np.expm1(crash.log_depth),
            "fall": crash.fall * step,
            "rebound": crash.rebound,
            "recovery": crash.recovery * step,
            "volatility": crash.volatility,
            "jump_share": crash.jump_share,
            "jump_time": np.where(crash.jump_share * crash.log_depth != 0.0, crash.jump * step, np.nan),
            "lowest": -np.expm1(factor.min(axis=1)),
            "lowest_time": factor.argmin(axis=1) * step,
            "end": np.expm1(factor[:, -1]),
        },
        index=numbers,
    )


def _times(start: str | pd.Timestamp, step: float, n_steps: int) -> pd.DatetimeIndex:
    """Times of a path as datetime64[us, UTC]."""
    offsets = np.rint(1e6 * step * np.arange(n_steps + 1)).astype("timedelta64[us]")
    return pd.DatetimeIndex(_in_utc(start).as_unit("us") + offsets, name="time")


def _in_utc(start: str | pd.Timestamp) -> pd.Timestamp:
    """A time with a zone, in UTC."""
    begin = pd.Timestamp(start)
    if begin.tzinfo is None:
        raise PathError(f"start has no zone, got {start!r}; write it like {START}")
    return begin.tz_convert("UTC")


def _positive(what: str, given: pd.Series | Mapping[str, float]) -> pd.Series:
    """Prices by symbol, each finite and above zero."""
    prices = _floats(what, given)
    if prices.empty or prices.index.nlevels > 1 or prices.index.has_duplicates:
        raise PathError(f"{what} must have one price per symbol, and one symbol or more")
    if not (np.isfinite(prices) & (prices > 0)).all():
        raise PathError(f"{what} must be finite and above zero, got {prices[~(prices > 0)].to_dict() or given!r}")
    return prices


def _floats(what: str, given: pd.Series | Mapping[str, float]) -> pd.Series:
    """A Series of floats."""
    try:
        return pd.Series(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise PathError(f"{what} must be numbers, got {given!r}") from error


def _by_symbol(what: str, given: float | pd.Series | Mapping[str, float], symbols: pd.Index, least: float) -> Floats:
    """A number for each symbol, from one for all or from a Series or mapping."""
    if isinstance(given, pd.Series | Mapping):
        named = _floats(what, given)
        if named.index.has_duplicates or set(named.index) != set(symbols):
            raise PathError(f"{what} must name the symbols of marks {list(symbols)}, got {list(named.index)}")
        values = named.reindex(symbols).to_numpy()
    else:
        values = _floats(what, dict.fromkeys(symbols, given)).to_numpy()
    if not (np.isfinite(values) & (values >= least)).all():
        raise PathError(f"{what} must be finite{' and not below zero' if least == 0 else ''}, got {given!r}")
    return np.asarray(values, dtype=np.float64)


def _pivoted(bars: pd.DataFrame, value: str, time: str) -> pd.DataFrame:
    """One column of bars as times x symbols, NaN where there is no bar."""
    if missing := [name for name in (time, "symbol", value) if name not in bars]:
        raise PathError(f"bars misses columns {missing}; it has {list(bars.columns)}")
    if not isinstance(bars[time].dtype, pd.DatetimeTZDtype):
        raise PathError(f"{time} has dtype {bars[time].dtype}; use pd.to_datetime(..., format='ISO8601', utc=True)")
    if bars.empty or bars[[time, "symbol"]].isna().any(axis=None):
        raise PathError("bars must have one row or more, each with a time and a symbol")
    if (twice := bars.duplicated([time, "symbol"])).any():
        when, symbol = bars.loc[twice, [time, "symbol"]].iloc[0]
        raise PathError(f"two bars of {symbol!r} at {when}; choose one venue")
    if not (bars[value].dtype.kind in "iuf" and np.isfinite(bars[value]).all()):
        raise PathError(f"{value} must be finite numbers")
    table = bars.pivot(index=time, columns="symbol", values=value).astype(float)
    return table.set_axis(pd.DatetimeIndex(table.index).tz_convert("UTC").as_unit("us").rename("time"))
