"""Rates of few events: exact intervals, bounds, ratios, a Bayesian posterior, and feeds that hide events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import MetricError
from adlkit.metrics.inputs import finite, nonnegative
from adlkit.rates.result import RateResult

Amount = float | pd.Series
HIDDEN = (
    "{what} must be whole numbers of zero or more, got {found}. A feed that shows one liquidation per window counts "
    "windows, not money: the amounts that it leaves out cannot be recovered from the ones it shows"
)


def episode_rate(count: Amount, exposure: Amount, *, unit: str, level: float = 0.95) -> RateResult:
    """Rate of events by unit of exposure, with the exact Poisson interval of Garwood.

    Parameters
    ----------
    count : int or Series
        Events seen; of a Series each row is a rate of its own.
    exposure : float or Series
        For how long one looked, > 0, e.g. days listed x markets; a Series on the index of `count`.
    unit : str
        What one unit of exposure is, e.g. "venue-year". A rate without it says nothing.
    level : float, default 0.95
        Within (0, 1).

    Returns
    -------
    RateResult
        ``low`` and ``high`` are two-sided; ``upper`` is the one-sided bound, which without events is
        -log(1 - level) / exposure: three events per exposure at 95%, the "rule of three".

    Raises
    ------
    MetricError
        If a count is not whole or negative, an exposure is not finite or not above zero, or the indices differ.

    Notes
    -----
    The interval covers the true rate with `level` or more for every rate, if events come independently at a constant
    rate; for few events with clearly more. If they come in clusters it is too short: see `dispersion`.

    References
    ----------
    .. [1] F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28 (1936). Limits
       chi2(alpha/2; 2n)/2 and chi2(1 - alpha/2; 2n + 2)/2.
    .. [2] J. A. Hanley, A. Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249 (1983).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.episode_rate(3, 2.0, unit="venue-year").table[["rate", "low", "high"]].round(3).to_dict("records")
    [{'rate': 1.5, 'low': 0.309, 'high': 4.384}]
    """
    from scipy.stats import chi2

    n, time, index = _counted(count, exposure)
    alpha = 1.0 - _level(level)
    limits = {
        "low": np.where(n > 0, chi2.ppf(alpha / 2, 2 * np.maximum(n, 1)) / 2, 0.0),
        "high": chi2.isf(alpha / 2, 2 * n + 2) / 2,
        "upper": chi2.isf(alpha, 2 * n + 2) / 2,
    }
    rates = {"rate": n / time} | {name: limit / time for name, limit in limits.items()}
    return _result(index, n, time, rates, unit, level, "Garwood")


def gamma_poisson(
    count: Amount, exposure: Amount, *, prior_count: float, prior_exposure: float, unit: str, level: float = 0.95
) -> RateResult:
    """Posterior of a rate whose prior is worth some events seen in some exposure.

    Parameters
    ----------
    count, exposure, unit
        As in `episode_rate`.
    prior_count, prior_exposure : float
        Shape and rate of the gamma prior, >= 0: what the prior knows is worth `prior_count` events in
        `prior_exposure` units. 0.5 and 0 are the prior of Jeffreys.
    level : float, default 0.95
        Probability of the interval, with equal tails.

    Returns
    -------
    RateResult
        ``rate`` is the posterior mean (count + prior_count) / (exposure + prior_exposure).

    Raises
    ------
    MetricError
        As in `episode_rate`; or if a prior is negative, or there are no events and none in the prior.

    References
    ----------
    .. [1] A. Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6.

    Examples
    --------
    >>> import adlkit as adl
    >>> posterior = adl.rates.gamma_poisson(3, 2.0, prior_count=5.0, prior_exposure=3.0, unit="year")
    >>> posterior.table[["rate", "low", "high"]].round(3).to_dict("records")
    [{'rate': 1.6, 'low': 0.691, 'high': 2.885}]
    """
    from scipy.stats import gamma

    n, time, index = _counted(count, exposure)
    shape = n + float(nonnegative("prior_count", prior_count))
    whole = time + float(nonnegative("prior_exposure", prior_exposure))
    if (shape == 0).any():
        raise MetricError("no events, and none in the prior: prior_count must be above zero, e.g. 0.5 (Jeffreys)")
    alpha = 1.0 - _level(level)
    values = {
        "rate": shape / whole,
        "low": gamma.ppf(alpha / 2, shape) / whole,
        "high": gamma.isf(alpha / 2, shape) / whole,
        "upper": gamma.isf(alpha, shape) / whole,
    }
    return _result(index, n, time, values, unit, level, f"gamma({prior_count:g}, {prior_exposure:g}) prior")


def censored_rate(
    seen: Amount, windows: Amount, *, seconds: float = 1.0, unit: str = "second", level: float = 0.95
) -> RateResult:
    """Rate of events behind a feed that shows at most one of them per window.

    Parameters
    ----------
    seen : int or Series
        Windows in which the feed showed an event, e.g. ``feed["time"].dt.floor("s").nunique()``.
    windows : int or Series
        All windows that were watched, those without an event included; on the index of `seen`.
    seconds : float, default 1
        Length of one window: 1 for the liquidation streams of Binance (since 2021-04) and Bybit (2021-09 to 2025-02),
        by symbol, and of OKX.
    unit : str, default "second"
        What `seconds` counts.
    level : float, default 0.95
        Within (0, 1).

    Returns
    -------
    RateResult
        ``count`` of windows with an event; ``exposure`` = windows x seconds; the rate -log(1 - seen/windows) / seconds,
        maximum likelihood under Poisson, and the limits of Clopper and Pearson for seen/windows brought to it; inf
        where every window has an event: such a feed bounds the rate from below only.

    Raises
    ------
    MetricError
        If a number is not whole, negative, above `windows`, or windows or `seconds` are not above zero.

    Notes
    -----
    **Only the number of events.** Amounts cannot be recovered: the feed shows the last (or the largest) liquidation of
    a window and nothing of the others, so a sum over the feed is a lower bound of unknown distance.

    Liquidations come in bursts. If the rate changes while one watches, the estimate is below the mean rate (Jensen):
    estimate minute by minute, and read what comes out as a floor.

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits, Biometrika 26 (1934).
    .. [2] R. A. Fisher, On the mathematical foundations of theoretical statistics (1922), the dilution series: the rate
       from the share of samples with none.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rates.censored_rate(45, 60).table[["rate", "low", "high"]].round(3).to_dict("records")
    [{'rate': 1.386, 'low': 0.971, 'high': 1.916}]
    """
    from scipy.stats import beta

    k, n, index = _counted(seen, windows, HIDDEN)
    _whole("windows", n, HIDDEN)
    if (k > n).any() or not 0 < seconds < np.inf:
        raise MetricError("seen must not be above windows, and seconds must be finite and above zero")
    alpha = 1.0 - _level(level)
    shares = {
        "rate": k / n,
        "low": np.where(k > 0, beta.ppf(alpha / 2, np.maximum(k, 1), n - k + 1), 0.0),
        "high": np.where(k < n, beta.isf(alpha / 2, k + 1, np.maximum(n - k, 1)), 1.0),
        "upper": np.where(k < n, beta.isf(alpha, k + 1, np.maximum(n - k, 1)), 1.0),
    }
    with np.errstate(divide="ignore"):
        values = {name: -np.log1p(-share) / seconds for name, share in shares.items()}
    return _result(index, k, n * seconds, values, unit, level, "one event seen per window")


def rate_ratio(count1: int, exposure1: float, count2: int, exposure2: float, *, level: float = 0.95) -> pd.Series:
    """How many times the first rate is the second, with the exact conditional interval and test.

    Parameters
    ----------
    count1, count2 : int
        Events seen, of independent records.
    exposure1, exposure2 : float
        In one unit, > 0.
    level : float, default 0.95
        Within (0, 1).

    Returns
    -------
    Series
        ``ratio`` (inf if only the second count is zero, NaN if both are), ``low``, ``high`` (inf without events in the
        second) and ``p_value`` of equal rates: twice the smaller tail, so that it is below 1 - level just when the
        interval leaves 1 out.

    Raises
    ------
    MetricError
        As in `episode_rate`.

    References
    ----------
    .. [1] Given their sum, the first count is binomial with odds ratio x exposure1 / exposure2: J. Przyborowski, H.
       Wilenski, Homogeneity of results in testing samples from Poisson series, Biometrika 31 (1940).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rates.rate_ratio(11, 800, 21, 3011).round(3).to_dict()
    {'ratio': 1.971, 'low': 0.858, 'high': 4.277, 'p_value': 0.112}
    """
    from scipy.stats import binom, binomtest

    one, time1, _ = _counted(count1, exposure1)
    two, time2, _ = _counted(count2, exposure2)
    if max(len(one), len(two)) > 1:
        raise MetricError("a ratio compares two counts; give one row each")
    first, both, scale = int(one[0]), int(one[0] + two[0]), float(time2[0] / time1[0])
    confidence = _level(level)
    if both == 0:
        return pd.Series({"ratio": np.nan, "low": 0.0, "high": np.inf, "p_value": 1.0})
    limits = binomtest(first, both).proportion_ci(confidence, method="exact")
    with np.errstate(divide="ignore"):
        ratio, low, high = (np.divide(p, 1.0 - p) * scale for p in (np.float64(first / both), limits.low, limits.high))
    share = 1.0 / (1.0 + scale)
    tail = min(binom.cdf(first, both, share), binom.sf(first - 1, both, share))
    return pd.Series({"ratio": ratio, "low": low, "high": high, "p_value": min(2.0 * tail, 1.0)})


def _counted(count: Amount, exposure: Amount, told: str | None = None) -> tuple[Floats, Floats, pd.Index]:
    """Counts, exposures and their labels; or one MetricError."""
    named = {"count": count, "exposure": exposure}
    series = {what: values for what, values in named.items() if isinstance(values, pd.Series)}
    index = next((values.index for values in series.values()), pd.RangeIndex(1))
    if any(not values.index.equals(index) for values in series.values()):
        raise MetricError("count and exposure must be on one index")
    n = np.broadcast_to(np.asarray(finite("count", count)), len(index))
    time = np.broadcast_to(np.asarray(finite("exposure", exposure)), len(index))
    _whole("counts", n, told or "{what} must be whole numbers of zero or more, got {found}")
    if not (time > 0).all():
        raise MetricError("exposure must be above zero: without it there is no rate")
    return n, time, index


def _whole(what: str, values: Floats, told: str) -> None:
    if len(odd := values[(values < 0) | (values != np.floor(values))]):
        raise MetricError(told.format(what=what, found=odd[:3].tolist()))


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise MetricError(f"level must be within (0, 1), got {level!r}")
    return level


def _result(
    index: pd.Index, n: Floats, time: Floats, values: dict[str, Floats], unit: str, level: float, method: str
) -> RateResult:
    """A result of one row per count."""
    table = pd.DataFrame({"count": n.astype(np.int64), "exposure": time} | values, index=index)
    return RateResult(table, unit=unit, level=level, method=method)
