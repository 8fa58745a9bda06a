"""What a vault risks on the way: drawdown, time under water, margin calls, ruin, and the tail of its outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Flags, Floats
from adlkit.errors import MetricError
from adlkit.groups import Codes, Groups
from adlkit.metrics.inputs import finite, on_index

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True, eq=False, repr=False)
class VaultRisk(SummaryRepr):
    """Risk of a vault, path by path and over all paths; see `vault_risk`.

    Parameters
    ----------
    by_path : DataFrame, index path
        ``profit`` (last - first equity [ccy]), ``least_equity`` [ccy], ``max_drawdown`` (largest fall below the highest
        equity so far [ccy]), ``max_drawdown_share`` (the same as a part of that peak [1], above 1 where equity falls
        below zero; NaN where equity starts at or below zero), ``longest_under_water`` and ``time_under_water`` (from a
        peak until equity is back at it, or the end [Timedelta]), ``has_margin_call`` (equity below the margin at any
        time; missing without a margin) and ``is_ruined`` (equity below zero at any time).
    level : float
        Of the expected shortfall and of the intervals.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10T21:00Z", periods=4, freq="h", unit="us")
    >>> risk = adl.vault_risk(pd.Series([100.0, 80.0, 110.0, 105.0], index=times))
    >>> risk.by_path["max_drawdown"].tolist(), risk.by_path["time_under_water"].tolist()
    ([20.0], [Timedelta('0 days 03:00:00')])
    """

    by_path: pd.DataFrame
    level: float

    @property
    def expected_shortfall(self) -> float:
        """Mean loss of the worst (1 - level) of the paths [ccy], > 0 a loss; the last of them counts in part."""
        return expected_shortfall(self.by_path["profit"].to_numpy(dtype=float), self.level)

    def probability(self, what: str) -> pd.Series:
        """Share of the paths with a margin call, or ruin, and its exact interval.

        Parameters
        ----------
        what : {"has_margin_call", "is_ruined"}
            A column of `by_path`.

        Returns
        -------
        Series
            ``estimate``, ``low``, ``high`` [1]: the Clopper-Pearson interval at `level`, for paths drawn independently;
            NaN where the column is missing.

        Raises
        ------
        MetricError
            If there is no such column.

        References
        ----------
        .. [1] C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits illustrated in the case of the
           binomial, Biometrika 26 (1934).

        Examples
        --------
        No ruin in one path says little:

        >>> import pandas as pd, adlkit as adl
        >>> times = pd.date_range("2025-10-10T21:00Z", periods=2, freq="h", unit="us")
        >>> adl.vault_risk(pd.Series([100.0, 80.0], index=times)).probability("is_ruined").to_dict()
        {'estimate': 0.0, 'low': 0.0, 'high': 0.975}
        """
        from statsmodels.stats.proportion import proportion_confint

        if what not in ("has_margin_call", "is_ruined"):
            raise MetricError(f"what must be 'has_margin_call' or 'is_ruined', got {what!r}")
        happened, names = self.by_path[what], ["estimate", "low", "high"]
        if happened.isna().any():
            return pd.Series(np.nan, index=names, name=what)
        count, n_paths = int(happened.sum()), len(happened)
        low, high = proportion_confint(count, n_paths, alpha=1.0 - self.level, method="beta")
        return pd.Series([count / n_paths, low, high], index=names, name=what, dtype=float)

    def summary(self) -> pd.Series:
        """Headline numbers over the paths: profit and drawdown [ccy], time under water [h], probabilities [1]."""
        table, level = self.by_path, f"{self.level:.3g}"
        rows = {
            "paths": float(len(table)),
            "mean profit": float(table["profit"].mean()),
            "median profit": float(table["profit"].median()),
            f"expected shortfall at {level}": self.expected_shortfall,
            "least equity": float(table["least_equity"].min()),
            "median maximum drawdown": float(table["max_drawdown"].median()),
            "largest maximum drawdown": float(table["max_drawdown"].max()),
            "longest time under water [h]": table["longest_under_water"].max() / HOUR,
        }
        for what, name in (("has_margin_call", "margin call"), ("is_ruined", "ruin")):
            chance = self.probability(what)
            rows |= {f"probability of {name}": chance["estimate"]}
            rows |= {f"{name}, {bound} at {level}": chance[bound] for bound in ("low", "high")}
        return pd.Series(rows, dtype=float)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the distribution of the profit over the paths; see `adlkit.plotting.plot_vault_risk`."""
        from adlkit.plotting import plot_vault_risk

        return plot_vault_risk(self, ax=ax)


def vault_risk(equity: pd.Series, *, margin: pd.Series | None = None, level: float = 0.95) -> VaultRisk:
    """Measure the risk of a vault from its equity over time, on one path or on many.

    Parameters
    ----------
    equity : Series, index time, or (path, time) with the rows of a path together
        [ccy]; times ascend within each path. What happens between two times is not seen.
    margin : Series, index of `equity`, optional
        Margin that the vault needs at each time [ccy], >= 0.
    level : float, default 0.95
        Of the expected shortfall and of the intervals of probabilities; within (0, 1).

    Returns
    -------
    VaultRisk
        With one row per path; a Series by time is path 0.

    Raises
    ------
    MetricError
        If a number is not finite, an index is another, times do not ascend, or the level is outside (0, 1).

    References
    ----------
    .. [1] C. Acerbi, D. Tasche, On the coherence of expected shortfall, Journal of Banking & Finance 26 (2002), for
       the expected shortfall of a sample.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10T21:00Z", periods=3, freq="h", unit="us")
    >>> index = pd.MultiIndex.from_product([range(4), times], names=["path", "time"])
    >>> equity = pd.Series([10.0, -2.0, 30.0, 10.0, 11.0, 12.0, 10.0, 9.0, 4.0, 10.0, 12.0, 14.0], index=index)
    >>> risk = adl.vault_risk(equity, level=0.75)
    >>> risk.by_path["max_drawdown"].tolist(), risk.expected_shortfall
    ([12.0, 0.0, 6.0, 0.0], 6.0)
    >>> risk.probability("is_ruined").round(3).to_dict()
    {'estimate': 0.25, 'low': 0.033, 'high': 0.652}
    """
    if not 0 < level < 1:
        raise MetricError(f"level must be within (0, 1), got {level!r}")
    path, labels, time = _paths(equity)
    money = finite("equity", equity)
    groups = Groups(path, len(labels))
    last = np.cumsum(np.bincount(path)) - 1
    start = money[groups.first(np.arange(len(money)))]
    peak = equity.groupby(path).cummax().to_numpy(dtype=float)
    rows = pd.DataFrame({"equity": money, "drawdown": peak - money})
    rows["share"] = np.divide(peak - money, peak, out=np.zeros(len(peak)), where=peak > 0)
    rows["called"] = False if margin is None else money < _margin(margin, equity)
    worst = rows.groupby(path).agg({"equity": "min", "drawdown": "max", "share": "max", "called": "any"})
    longest, total = _under_water(groups, time, peak > money)
    called = worst["called"].astype("boolean") if margin is not None else pd.Series(pd.NA, worst.index, dtype="boolean")
    columns = {
        "profit": money[last] - start,
        "least_equity": worst["equity"].to_numpy(),
        "max_drawdown": worst["drawdown"].to_numpy(),
        "max_drawdown_share": np.where(start > 0, worst["share"].to_numpy(), np.nan),
        "longest_under_water": longest,
        "time_under_water": total,
        "has_margin_call": called.array,
        "is_ruined": worst["equity"].to_numpy() < 0,
    }
    return VaultRisk(pd.DataFrame(columns, index=labels), level)


def expected_shortfall(profit: Floats, level: float) -> float:
    """Mean loss of the worst (1 - level) of some outcomes, > 0 a loss; the last of them counts in part."""
    losses = -np.sort(profit)
    share = np.clip((1.0 - level) * len(losses) - np.arange(len(losses)), 0.0, 1.0)
    return float(share @ losses / share.sum())


def _paths(equity: pd.Series) -> tuple[Codes, pd.Index, Codes]:
    """Number of each row's path, labels of the paths, and times [us]."""
    if not isinstance(equity, pd.Series) or len(equity) == 0:
        raise MetricError("equity must be a Series with one row or more")
    names = list(equity.index.names)
    if isinstance(equity.index, pd.MultiIndex) and names != ["path", "time"]:
        raise MetricError(f"equity: index levels are {names}, need time or (path, time)")
    times = equity.index.get_level_values(-1)
    if not isinstance(times, pd.DatetimeIndex) or times.hasnans:
        raise MetricError(f"equity: times must be datetimes, got {times.dtype}")
    if isinstance(equity.index, pd.MultiIndex):
        path, labels = pd.factorize(equity.index.get_level_values("path"))
    else:
        path, labels = np.zeros(len(equity), dtype=np.intp), pd.RangeIndex(1)
    time = times.as_unit("us").asi8
    if (np.diff(path) < 0).any() or (np.diff(time)[np.diff(path) == 0] <= 0).any():
        raise MetricError("equity: the rows of a path must stand together, at ascending times")
    return path, pd.Index(labels, name="path"), time


def _margin(margin: pd.Series, equity: pd.Series) -> Floats:
    needed = finite("margin", on_index("margin", margin, "equity", equity.index))
    if (needed < 0).any():
        raise MetricError("margin must not be below zero")
    return needed


def _under_water(groups: Groups, time: Codes, is_under: Flags) -> tuple[pd.TimedeltaIndex, pd.TimedeltaIndex]:
    """Longest spell and sum of spells from a peak until equity is back at it, per path."""
    steps = np.where(groups.codes[1:] == groups.codes[:-1], np.diff(time), 0)
    steps = np.where(is_under[1:] | is_under[:-1], steps, 0)
    spell = np.cumsum(~is_under)[:-1] - 1  # each row at a peak starts one; the first row of a path is at a peak
    length = np.bincount(spell, weights=steps, minlength=int((~is_under).sum()))
    path = groups.codes[~is_under]
    longest = np.zeros(groups.size)
    np.maximum.at(longest, path, length)
    total = np.bincount(path, weights=length, minlength=groups.size)
    return (
        pd.to_timedelta(longest.astype(np.int64), unit="us").as_unit("us"),
        pd.to_timedelta(total.astype(np.int64), unit="us").as_unit("us"),
    )
