"""Markouts: what fills earned by later prices, from seconds to days, with intervals that know they are dependent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Floats
from adlkit.errors import MetricError
from adlkit.metrics import forgone

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS = ["immediate", "opportunity", "total"]
BASIS_POINT = 1e-4
FEWEST_FILLS = 20
"""With fewer fills their dependence cannot be estimated, and there is no interval."""
FEWEST_BLOCKS = 10
ROUNDING = 1e-12
UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True, eq=False, repr=False)
class MarkoutResult(SummaryRepr):
    """What fills earned until each horizon; see `markouts`.

    Parameters
    ----------
    table : DataFrame, index (horizon, part)
        All covered fills together. Parts: ``immediate``, ``opportunity``, and ``total``, their sum. ``money`` [ccy],
        ``bps`` (money per covered notional [1e-4]), ``low`` and ``high`` (bounds of ``bps``; NaN with fewer than 20
        covered fills, or where all earned alike).
    coverage : DataFrame, index horizon
        ``fills`` that have a price at the fill and at the horizon, their ``notional`` [ccy, at the fill price] and its
        ``share`` of that of all fills [1]; ``block`` (mean length used [fills]; NaN without an interval); ``caution``:
        why the interval should not be trusted, empty if there is no reason known.
    by_symbol : DataFrame, index (symbol, horizon, part)
        ``money``, ``bps``, covered ``notional`` and its ``share``; NaN bps where nothing is covered. For an interval
        give the fills of one symbol.
    n_fills : int
        All fills given, covered or not.
    notional : float
        Of all fills [ccy, at the fill price].
    level : float
        Of the intervals [1].

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.to_datetime(["2025-10-10T21:00Z", "2025-10-10T21:01Z"])
    >>> fills = pd.DataFrame({"time": times[:1], "symbol": "BTC", "qty": [2.0], "price": [80.0]})
    >>> prices = pd.DataFrame({"BTC": [78.0, 84.0]}, index=times)
    >>> result = adl.markouts(fills, prices, ["1min", "1h"], rng=7)
    >>> result.table["money"].tolist(), result.coverage["fills"].tolist()
    ([-4.0, 12.0, 8.0, 0.0, 0.0, 0.0], [1, 0])
    """

    table: pd.DataFrame
    coverage: pd.DataFrame
    by_symbol: pd.DataFrame
    n_fills: int
    notional: float
    level: float

    def summary(self) -> pd.Series:
        """How much was filled, and its total markout by horizon.

        Returns
        -------
        Series
            ``fills``, their ``notional`` [ccy], ``horizons with a caution``, and the total markout in basis points of
            the covered notional after each horizon.

        Examples
        --------
        >>> import pandas as pd, adlkit as adl
        >>> times = pd.to_datetime(["2025-10-10T21:00Z", "2025-10-10T21:01Z"])
        >>> fills = pd.DataFrame({"time": times[:1], "symbol": "BTC", "qty": [2.0], "price": [80.0]})
        >>> prices = pd.DataFrame({"BTC": [78.0, 84.0]}, index=times)
        >>> adl.markouts(fills, prices, ["1min"], rng=7).summary().to_dict()
        {'fills': 1.0, 'notional': 160.0, 'horizons with a caution': 1.0, 'total after 1min [bps]': 500.0}
        """
        totals = self.table["bps"].xs("total", level="part").to_numpy()
        cautions = float((self.coverage["caution"] != "").sum())
        counts = {"fills": float(self.n_fills), "notional": self.notional, "horizons with a caution": cautions}
        words = [f"total after {horizon_name(at)} [bps]" for at in pd.TimedeltaIndex(self.coverage.index)]
        return pd.Series(counts | dict(zip(words, totals, strict=True)))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the parts against the horizon, with the band of the total."""
        from adlkit.plotting import plot_markouts

        return plot_markouts(self, ax=ax)


class Bootstrap(NamedTuple):
    """How intervals are made."""

    level: float
    block: float | None
    n_resamples: int
    seed: int


def markouts(
    fills: pd.DataFrame,
    prices: pd.DataFrame,
    horizons: Sequence[pd.Timedelta | str],
    *,
    level: float = 0.95,
    block: float | None = None,
    n_resamples: int = 1000,
    rng: int | np.random.Generator,
) -> MarkoutResult:
    """Profit of fills by later prices, per horizon, in money and in basis points, with bootstrap intervals.

    Parameters
    ----------
    fills : DataFrame, one row per fill, in any order
        ``time`` (with a zone), ``symbol``, ``qty`` (signed contracts as the account traded whose profit is asked: a buy
        is > 0; linear) and ``price`` [quote/base], > 0. A vault that takes over a long buys; a winner with a short that
        is deleveraged buys too.
    prices : DataFrame, times x symbols
        Marks [quote/base], times with a zone, ascending; NaN where there is none.
    horizons : sequence of Timedelta or str
        Times after the fill, > 0, ascending, e.g. ``["1s", "1min", "1h", "1D"]``.
    level : float, default 0.95
        Of the intervals, within (0, 1).
    block : float, optional
        Mean length of the blocks [fills], >= 1. Without it: by horizon, the longest of the three parts' automatic
        lengths.
    n_resamples : int, default 1000
        Bootstrap samples.
    rng : int or Generator
        Seed. The same random numbers serve all horizons.

    Returns
    -------
    MarkoutResult
        ``immediate`` = qty x (mark at the fill - price), ``opportunity`` = qty x (mark at the horizon - mark at the
        fill), ``total`` = qty x (mark at the horizon - price), summed over the fills that are covered; `coverage` tells
        how many these are. Marks are the latest at or before their time, however old.

        Intervals: percentiles of a stationary bootstrap of the fills in time order, of sum of money / sum of notional,
        so that large fills count for more. They hold for more fills *of the same kind and time*. Fills that lie closer
        together than the horizon share most of its price move: such an interval shows how the fills differ, not what
        another path of prices would have given, and is marked by a ``caution``. Intervals are too short where fills
        are few and depend on one another: of those of 95%, 85% held the truth for 400 fills with an autocorrelation of
        0.9, and 66% for 100; 92% and 87% with 0.5 (``benchmarks/markout_coverage.py``).

    Raises
    ------
    MetricError
        If a column or a symbol is missing, a number is not finite or out of range, times have no zone or do not ascend,
        or the package arch is not installed.

    References
    ----------
    .. [1] arXiv 2512.01112, appendix (immediate, opportunity and total); docs/FAQs.md of its code.
    .. [2] D. N. Politis and J. P. Romano, The stationary bootstrap, JASA 89 (1994) 1303-1313.
    .. [3] D. N. Politis and H. White, Automatic block-length selection for the dependent bootstrap, Econometric Reviews
       23 (2004) 53-70, with the correction of A. Patton, 28 (2009) 372-375.

    Examples
    --------
    A vault buys 100 times, a second apart, 1% below a mark of 100 that rises by 0.01 a second.

    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10T21:15Z", periods=400, freq="s")
    >>> prices = pd.DataFrame({"BTC": 100.0 + 0.01 * np.arange(400)}, index=times)
    >>> fills = pd.DataFrame({"time": times[:100], "symbol": "BTC", "qty": 1.0})
    >>> fills["price"] = 0.99 * prices["BTC"].to_numpy()[:100]
    >>> adl.markouts(fills, prices, ["10s", "100s"], rng=7).table["bps"].round(1).unstack().to_dict("list")
    {'immediate': [101.0, 101.0], 'opportunity': [10.1, 100.5], 'total': [111.1, 201.5]}
    """
    given = _checked(fills, prices).sort_values("time", kind="stable")
    after = _ascending(horizons)
    how = _bootstrap(level, block, n_resamples, rng)
    lost = forgone(given, prices, horizons=[pd.Timedelta(0), *after])
    notional = given["qty"].abs() * given["price"]
    immediate = -lost[pd.Timedelta(0)]
    tables, covers, symbols = [], [], []
    for horizon in after:
        total = -lost[horizon]
        parts = pd.DataFrame({"immediate": immediate, "opportunity": total - immediate, "total": total})
        is_covered = parts.notna().all(axis=1)
        covered = parts[is_covered].assign(notional=notional[is_covered])
        times = pd.DatetimeIndex(given["time"][is_covered])
        low, high, length = _interval(covered.to_numpy(), how)
        tables.append(_sums(covered).assign(low=low, high=high))
        covers.append(_covered(covered["notional"], notional.sum(), times, horizon, length))
        symbols.append(_by_symbol(covered, notional, given["symbol"]))
    index = pd.TimedeltaIndex(after, name="horizon")
    by_symbol = pd.concat(symbols, keys=index).reorder_levels(["symbol", "horizon", "part"])
    return MarkoutResult(
        table=pd.concat(tables, keys=index),
        coverage=pd.DataFrame(covers, index=index),
        by_symbol=by_symbol.sort_index(level="symbol", sort_remaining=False, kind="stable"),
        n_fills=len(given),
        notional=float(notional.sum()),
        level=level,
    )


def horizon_name(horizon: pd.Timedelta) -> str:
    """A horizon as 30s, 5min, 1h or 1d."""
    seconds = horizon.total_seconds()
    size, unit = next((unit for unit in UNITS if seconds >= unit[0] and seconds % unit[0] == 0), UNITS[-1])
    return f"{seconds / size:g}{unit}"


def _sums(covered: pd.DataFrame) -> pd.DataFrame:
    """Money and basis points of each part."""
    money = covered[PARTS].sum()
    whole = covered["notional"].sum()
    bps = money / (BASIS_POINT * whole) if whole > 0 else money * np.nan
    return pd.DataFrame({"money": money, "bps": bps}).rename_axis("part")


def _covered(
    notional: pd.Series, whole: float, times: pd.DatetimeIndex, horizon: pd.Timedelta, length: float
) -> dict[str, object]:
    """What is covered at a horizon, and what speaks against its interval."""
    reasons = []
    if len(times) < FEWEST_FILLS:
        reasons.append(f"fewer than {FEWEST_FILLS} fills: no interval")
    elif np.isnan(length):
        reasons.append("all fills earned alike: no interval")
    elif len(times) < FEWEST_BLOCKS * length:
        reasons.append(f"fewer than {FEWEST_BLOCKS} blocks")
    if len(times) and times[-1] - times[0] < horizon:
        reasons.append("fills span less than the horizon")
    money = float(notional.sum())
    share = money / whole if whole > 0 else np.nan
    return {
        "fills": len(times),
        "notional": money,
        "share": share,
        "block": length,
        "caution": "; ".join(reasons),
    }


def _by_symbol(covered: pd.DataFrame, notional: pd.Series, symbol: pd.Series) -> pd.DataFrame:
    """Money, basis points and coverage of each symbol and part, symbols in sorted order."""
    whole = notional.groupby(symbol, observed=True).sum()
    sums = covered.groupby(symbol[covered.index], observed=True).sum().reindex(whole.index, fill_value=0.0)
    rows = pd.MultiIndex.from_product([sums.index, PARTS], names=["symbol", "part"])
    money = pd.Series(sums[PARTS].to_numpy().ravel(), index=rows)
    per_part = sums["notional"].reindex(money.index, level="symbol")
    bps = money / (BASIS_POINT * per_part.where(per_part > 0))
    share = per_part / whole.reindex(money.index, level="symbol")
    return pd.DataFrame({"money": money, "bps": bps, "notional": per_part, "share": share})


def _interval(values: Floats, how: Bootstrap) -> tuple[Floats, Floats, float]:
    """Bounds of the basis points of each part, and the mean block length; values are fills x (parts, notional)."""
    unknown = np.full(len(PARTS), np.nan)
    left = _unexplained(values) if len(values) >= FEWEST_FILLS else values[:, :0]
    if left.shape[1] == 0:
        return unknown, unknown, np.nan
    try:
        from arch.bootstrap import StationaryBootstrap
    except ImportError as error:
        raise MetricError("intervals need arch: pip install 'adlkit[bootstrap]'") from error
    length = _block_length(left) if how.block is None else how.block
    samples = StationaryBootstrap(length, values, seed=np.random.default_rng(how.seed))
    low, high = samples.conf_int(_basis_points, how.n_resamples, method="percentile", size=how.level)
    return low, high, length


def _basis_points(values: Floats) -> Floats:
    """Sum of money over sum of notional."""
    sums = values.sum(axis=0)
    return np.asarray(sums[:-1] / (BASIS_POINT * sums[-1]), dtype=np.float64)


def _unexplained(values: Floats) -> Floats:
    """What each fill earned beyond the common ratio, for the parts in which fills differ, in units of the largest."""
    money, notional = values[:, :-1], values[:, -1:]
    left = money - notional * (money.sum(axis=0) / notional.sum())
    scale = np.abs(money).max(axis=0)
    differs = np.abs(left).max(axis=0) > ROUNDING * scale
    return np.asarray(left[:, differs] / scale[differs], dtype=np.float64)


def _block_length(left: Floats) -> float:
    """Longest of the columns' automatic block lengths."""
    from arch.bootstrap import optimal_block_length

    with np.errstate(divide="ignore", invalid="ignore"):  # a series may end in zeros: lags without a correlation
        return float(max(1.0, optimal_block_length(left)["stationary"].max()))


def _checked(fills: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """The columns of fills that count, or a MetricError for what `forgone` does not check."""
    columns = ["time", "symbol", "qty", "price"]
    if missing := [name for name in columns if name not in fills]:
        raise MetricError(f"fills misses columns {missing}; it has {list(fills.columns)}")
    if fills.empty:
        raise MetricError("fills has no rows")
    for what, dtype in (("time of fills", fills["time"].dtype), ("index of prices", prices.index.dtype)):
        if not isinstance(dtype, pd.DatetimeTZDtype):
            raise MetricError(f"{what} has dtype {dtype}, need times with a zone: pd.to_datetime(..., utc=True)")
    if not (fills["price"] > 0).all() or (fills["qty"] == 0).any():
        raise MetricError("fills need a price above zero and a qty that is not zero")
    if not (prices.isna() | (np.isfinite(prices) & (prices > 0))).all(axis=None):
        raise MetricError("prices must be above zero and finite, or NaN where there is none")
    return fills[columns].reset_index(drop=True)


def _ascending(horizons: Sequence[pd.Timedelta | str]) -> list[pd.Timedelta]:
    """Horizons as Timedeltas, above zero and ascending."""
    if isinstance(horizons, str):
        raise MetricError(f"horizons must be a sequence, got {horizons!r}; write [{horizons!r}]")
    try:
        after = [pd.Timedelta(horizon) for horizon in horizons]
    except ValueError as error:
        raise MetricError(f"horizons must be Timedeltas or words like '5min', got {list(horizons)}") from error
    if not after or after != sorted(set(after)) or not after[0] > pd.Timedelta(0):
        raise MetricError(f"horizons must be above zero and ascend, got {list(horizons)}")
    return after


def _bootstrap(level: float, block: float | None, n_resamples: int, rng: int | np.random.Generator) -> Bootstrap:
    """Options of the bootstrap, checked."""
    if not 0 < level < 1:
        raise MetricError(f"level must be within (0, 1), got {level!r}")
    if block is not None and not (np.isfinite(block) and block >= 1):
        raise MetricError(f"block must be one fill or more, got {block!r}")
    if n_resamples < 1:
        raise MetricError(f"n_resamples must be 1 or more, got {n_resamples!r}")
    if not isinstance(rng, int | np.integer | np.random.Generator) or isinstance(rng, bool):
        raise MetricError(f"rng must be an int or a numpy.random.Generator, got {rng!r}")
    return Bootstrap(level, block, n_resamples, int(np.random.default_rng(rng).integers(2**63)))
