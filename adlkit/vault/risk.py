"""What a vault risked: drawdowns, time under water, and how often it ran out of margin or money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Flags, Floats
from adlkit.errors import PathError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class VaultRisk(SummaryRepr):
    """Risk of a vault over the paths of an ensemble; see `vault_risk`.

    Parameters
    ----------
    table : DataFrame, index path
        ``pnl`` (end less start), ``drawdown`` (largest fall from an earlier level) and ``least_equity`` [ccy];
        ``drawdown_share`` [1, of that level; NaN where it was not above zero]; ``seconds_under_water`` (longest spell
        below an earlier level); ``is_called`` (equity below its margin at some time) and ``is_ruined`` (below zero).
    probabilities : DataFrame, index ("margin call", "ruin", "loss")
        ``probability``, ``low`` and ``high`` [1]: share of paths, with exact binomial limits.
    expected_shortfall : float
        Mean loss over the worst 1 - `level` of the paths [ccy]; below zero it is a gain.
    level : float
        Of the limits and of the expected shortfall.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10", periods=3, freq="min", tz="UTC")
    >>> index = pd.MultiIndex.from_product([[0, 1], times], names=["path", "time"])
    >>> risk = adl.vault_risk(pd.Series([10.0, 4.0, 12.0, 10.0, -1.0, 3.0], index=index))
    >>> risk.table["drawdown"].tolist(), risk.probabilities.loc["ruin", "probability"].item()
    ([6.0, 11.0], 0.5)
    """

    table: pd.DataFrame
    probabilities: pd.DataFrame
    expected_shortfall: float
    level: float

    def summary(self) -> pd.Series:
        """Medians and extremes over the paths, and probabilities."""
        return pd.Series(
            {
                "paths": float(len(self.table)),
                "mean pnl": self.table["pnl"].mean(),
                f"expected shortfall, worst {1 - self.level:.0%}": self.expected_shortfall,
                "median drawdown": self.table["drawdown"].median(),
                "largest drawdown": self.table["drawdown"].max(),
                "least equity": self.table["least_equity"].min(),
                **{f"probability of {name}": value for name, value in self.probabilities["probability"].items()},
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the distribution of profit over the paths; see `adlkit.plotting.plot_vault_risk`."""
        from adlkit.plotting import plot_vault_risk

        return plot_vault_risk(self, ax=ax)


def vault_risk(equity: pd.Series, *, margin: pd.Series | None = None, level: float = 0.95) -> VaultRisk:
    """Measure what a vault risked on each path, and how often.

    Parameters
    ----------
    equity : Series, index (path, time), or time for one path
        [ccy]; every path at the same times.
    margin : Series, index of `equity`, optional
        Equity that it needs [ccy]; without it nobody calls.
    level : float, default 0.95
        Of the limits; the expected shortfall looks at the worst 1 - `level` of the paths, at least one.

    Returns
    -------
    VaultRisk

    Raises
    ------
    PathError
        If the index is another, paths have different times, numbers are not finite, or `level` is not within (0, 1).

    Notes
    -----
    Limits of probabilities are those of Clopper and Pearson (1934, Biometrika 26, 404-413).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10", periods=4, freq="min", tz="UTC")
    >>> adl.vault_risk(pd.Series([10.0, 6.0, 8.0, 12.0], index=times)).table["seconds_under_water"].tolist()
    [120.0]
    """
    if not 0 < level < 1:
        raise PathError(f"level must be within (0, 1), got {level!r}")
    if isinstance(equity.index, pd.DatetimeIndex):
        equity = pd.concat({0: equity}, names=["path", "time"])
        margin = None if margin is None else pd.concat({0: margin}, names=["path", "time"])
    if list(equity.index.names) != ["path", "time"]:
        raise PathError(f"equity: index levels are {list(equity.index.names)}, need ['path', 'time'] or times alone")
    owned = _by_path(equity)
    times = pd.DatetimeIndex(owned.columns)
    seconds = (times - times[0]).total_seconds().to_numpy()
    levels = owned.to_numpy()
    peak = np.maximum.accumulate(levels, axis=1)
    fall, at = peak - levels, np.argmax(peak - levels, axis=1)
    height = peak[np.arange(len(peak)), at]
    needed = np.zeros(levels.shape) if margin is None else _by_path(margin).reindex_like(owned).to_numpy()
    table = pd.DataFrame(
        {
            "pnl": levels[:, -1] - levels[:, 0],
            "drawdown": fall.max(axis=1),
            "drawdown_share": np.divide(fall.max(axis=1), height, out=np.full(len(peak), np.nan), where=height > 0),
            "least_equity": levels.min(axis=1),
            "seconds_under_water": longest(fall > 0, seconds),
            "is_called": (levels < needed).any(axis=1) & (margin is not None),
            "is_ruined": (levels < 0).any(axis=1),
        },
        index=owned.index,
    )
    events = {"margin call": table["is_called"], "ruin": table["is_ruined"], "loss": table["pnl"] < 0}
    chances = pd.DataFrame({name: _chance(is_so.to_numpy(), level) for name, is_so in events.items()}).T
    worst = table["pnl"].nsmallest(max(1, round((1 - level) * len(table)))).mean()
    return VaultRisk(table, chances, -float(worst), level)


def longest(is_so: Flags, seconds: Floats) -> Floats:
    """Longest time that something holds in each row, from the time before it began to hold to the last at which."""
    last_free = np.maximum.accumulate(np.where(is_so, -1, np.arange(is_so.shape[1])), axis=1)
    span = np.where(is_so, seconds - seconds[np.maximum(last_free, 0)], 0.0)
    return np.asarray(span.max(axis=1))


def _by_path(values: pd.Series) -> pd.DataFrame:
    table = values.unstack("time")
    if not np.isfinite(table.to_numpy(dtype=float)).all():
        raise PathError("equity and margin must be finite, and every path have the same times")
    return table


def _chance(is_so: Flags, level: float) -> dict[str, float]:
    from scipy.stats import binomtest

    limits = binomtest(int(is_so.sum()), len(is_so)).proportion_ci(confidence_level=level, method="exact")
    return {"probability": float(is_so.mean()), "low": float(limits.low), "high": float(limits.high)}
