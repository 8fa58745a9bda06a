"""Do events come at random? Their counts against Poisson, their waiting times against exponential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.errors import MetricError
from adlkit.rates.counts import _counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST = 4
"""Waiting times that the tabulated test needs."""


@dataclass(frozen=True, eq=False, repr=False)
class WaitingTimes(SummaryRepr):
    """Times between events, and whether they look like those of a Poisson process.

    Parameters
    ----------
    gaps : Series
        Waiting times [days], indexed by the event that ends each.
    rate : float
        Events per day after the first, over all the time watched.
    cv : float
        Standard deviation / mean of the gaps [1]: 1 for exponential ones, above 1 for clusters.
    lilliefors, lilliefors_p : float
        Distance to the exponential of the same mean and its p value.
    laplace, laplace_p : float
        Trend, about standard normal without one, > 0 where events become more frequent; two-sided p value.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> starts = pd.Series(pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03", "2025-03-01", "2025-03-02"]))
    >>> adl.rates.waiting_times(starts, end="2025-06-01").summary()[["cv", "laplace"]].round(3).to_dict()
    {'cv': 1.867, 'laplace': -2.065}
    """

    gaps: pd.Series
    rate: float
    cv: float
    lilliefors: float
    lilliefors_p: float
    laplace: float
    laplace_p: float

    def summary(self) -> pd.Series:
        """The number of waiting times, the rate, and the tests."""
        names = ("rate", "cv", "lilliefors", "lilliefors_p", "laplace", "laplace_p")
        return pd.Series({"gaps": float(len(self.gaps))} | {name: getattr(self, name) for name in names})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw their survival against an exponential; see `adlkit.plotting.plot_waiting_times`."""
        from adlkit.plotting import plot_waiting_times

        return plot_waiting_times(self, ax=ax)


def dispersion(counts: pd.Series, exposure: pd.Series | None = None) -> pd.Series:
    """Index of dispersion of counts by period, and the chi-square test of one rate for all.

    Parameters
    ----------
    counts : Series
        Events by period (or venue, or market), two or more; periods without events count too, as 0.
    exposure : Series, optional
        Of each period, > 0, on the index of `counts`; equal without it.

    Returns
    -------
    Series
        ``index`` = chi-square / (n - 1): variance / mean for equal exposures; 1 for Poisson, above 1 for clusters,
        below 1 for regular events, NaN without events; ``chi_square``; ``p_over``, the probability of so much
        dispersion or more under Poisson; ``p_value``, two-sided (twice the smaller tail);
        ``smallest_expected`` count of a period: below about 1 the chi-square law is only rough.

    Raises
    ------
    MetricError
        If a count is not whole or negative, an exposure is not above zero, or there are fewer than two.

    References
    ----------
    .. [1] R. A. Fisher, H. G. Thornton, W. A. Mackenzie, The accuracy of the plating method (1922): sum of
       (x - mean)^2 / mean is chi-square with n - 1 degrees of freedom.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.rates.dispersion(pd.Series([0, 0, 6, 2]))[["index", "chi_square", "p_over"]].round(4).to_dict()
    {'index': 4.0, 'chi_square': 12.0, 'p_over': 0.0074}
    """
    from scipy.stats import chi2

    n, time, index = _counted(counts, 1.0 if exposure is None else exposure)
    if len(n) < 2 or not isinstance(counts, pd.Series):
        raise MetricError("dispersion needs the counts of two periods or more")
    expected = n.sum() * time / time.sum()
    free = len(index) - 1
    if n.sum() == 0:
        none = {"index": np.nan, "chi_square": np.nan, "p_over": 1.0, "p_value": 1.0, "smallest_expected": 0.0}
        return pd.Series(none)
    square = float(((n - expected) ** 2 / expected).sum())
    over, under = float(chi2.sf(square, free)), float(chi2.cdf(square, free))
    facts = {"index": square / free, "chi_square": square, "p_over": over, "p_value": min(2 * min(over, under), 1.0)}
    return pd.Series(facts | {"smallest_expected": float(expected.min())})


def waiting_times(starts: pd.Series, *, end: str | pd.Timestamp | None = None) -> WaitingTimes:
    """Waiting times between events against an exponential law, and against a trend.

    Parameters
    ----------
    starts : Series of datetime
        When each event began, in any order, five or more.
    end : str or Timestamp, optional
        Until when one watched, with the time zone of `starts`, not before the last event; without it, until the last
        one. The watch begins with the first event, which is not counted: what lies before is not known from the record.

    Returns
    -------
    WaitingTimes
        Two tests of two different things. Lilliefors compares the gaps with the exponential **of their own mean**: the
        law of Kolmogorov and Smirnov does not hold when the mean is estimated, and would reject far too seldom. It
        sees clusters and regular beats, not order. Laplace compares the mean time of the events with the middle of
        the watch: it sees a rate that rises or falls. p values of the first are tabulated from 0.001 to 0.99.

    Raises
    ------
    MetricError
        If there are fewer than five starts, one is missing, they are no times, all are equal, or `end` comes too early.

    Notes
    -----
    Times that are known to a day only make gaps of 0, and several venues hit by one crash make more of them; both are
    clusters to the test. To ask about crashes and not venues, join events with `episodes` first.

    References
    ----------
    .. [1] H. W. Lilliefors, On the Kolmogorov-Smirnov test for the exponential distribution with mean unknown, JASA 64
       (1969); statsmodels.stats.diagnostic.lilliefors.
    .. [2] D. R. Cox, P. A. W. Lewis, The Statistical Analysis of Series of Events (1966), section 3.3 (Laplace).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> starts = pd.Series(pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-05", "2025-01-06", "2025-01-09"]))
    >>> adl.rates.waiting_times(starts).gaps.tolist()
    [1.0, 3.0, 1.0, 3.0]
    """
    from scipy.stats import norm
    from statsmodels.stats.diagnostic import lilliefors

    times = _times(starts)
    days = ((times - times.iloc[0]) / pd.Timedelta(days=1)).to_numpy(dtype=float)
    last = days[-1] if end is None else float((pd.Timestamp(end) - times.iloc[0]) / pd.Timedelta(days=1))
    if not last >= days[-1] or last == 0:
        raise MetricError(f"starts must differ, and end must not come before the last of them, {times.iloc[-1]}")
    gaps = pd.Series(np.diff(days), index=times.iloc[1:].index, name="gap")
    # given how many there are and when the watch ends, events of a Poisson process are uniform on the watch
    free = days[1:-1] if end is None else days[1:]
    laplace = (free.mean() - last / 2) / (last / np.sqrt(12 * len(free)))
    distance, p_value = lilliefors(gaps.to_numpy(), dist="exp", pvalmethod="table")
    return WaitingTimes(
        gaps,
        rate=len(gaps) / last,
        cv=float(gaps.std() / gaps.mean()),
        lilliefors=float(distance),
        lilliefors_p=float(p_value),
        laplace=float(laplace),
        laplace_p=float(2 * norm.sf(abs(laplace))),
    )


def _times(starts: pd.Series) -> pd.Series:
    """Sorted times, enough of them, none missing; or one MetricError."""
    if not pd.api.types.is_datetime64_any_dtype(starts.dtype):
        raise MetricError(f"starts must be times, got dtype {starts.dtype}")
    if missing := int(starts.isna().sum()):
        raise MetricError(f"{missing} starts are not known; leave those events out and say so")
    if len(starts) <= FEWEST:
        raise MetricError(f"{len(starts)} starts make too few waiting times; the test needs {FEWEST}")
    return starts.sort_values(kind="stable")
