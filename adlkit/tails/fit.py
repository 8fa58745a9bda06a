"""Peaks over threshold: how often moves beat a size, also one that the record has never seen."""

from __future__ import annotations

import html
import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Floats
from adlkit.errors import TailError, TailWarning
from adlkit.tails.asked import check_count, check_level, check_moves, check_times, periods, sizes
from adlkit.tails.bootstrap import TailSample
from adlkit.tails.goodness import bootstrap_test, statistics
from adlkit.tails.moves import cluster_peaks
from adlkit.tails.pareto import LEAST_SHAPE, Estimator, excess_at, hazard, maximum_likelihood
from adlkit.tails.posterior import draw_posterior
from adlkit.tails.profile import level_interval, shape_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

YEARS = (1.0, 5.0, 20.0)
"""Return periods that summaries report [years]."""
LEAST_CLUSTERS = 10
"""Fewer do not make a tail."""
FEW_CLUSTERS = 30
"""Fewer get a warning: intervals are then wide and their coverage is not known."""
FAR = 10.0
"""A return period so many times longer than the record gets a warning."""
POOR_FIT = 1.4
"""Anderson-Darling statistic above which a fit is called poor: beyond it 1% of fits to exponential excesses, and fewer
where the tail is heavier."""


@dataclass(frozen=True, eq=False, repr=False)
class TailFit(SummaryRepr):
    """A tail of moves: a generalised Pareto distribution above the threshold, the record itself below it.

    Parameters
    ----------
    moves : Series
        Worst move of each period on one side [1], >= 0.
    threshold : float
        Where the fitted tail starts [1].
    gap : int
        Exceedances at most so many periods apart are one cluster, which counts as one event.
    periods_per_year : float
        Periods of the record that make a year.
    estimator : callable
        What gave shape and scale.
    peaks : Series
        Largest move of each cluster [1].
    shape, scale : float
        Of the excesses of the peaks over the threshold: [1], and in the unit of the moves.
    cautions : tuple of str
        What the data cannot support, in sentences.

    Notes
    -----
    The expected number of events a year in which a move x is beaten is extremal index x probability x periods per
    year. The extremal index (clusters per exceedance) is that at the threshold for all x, so that the curve falls
    everywhere and has no step at the threshold.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> fit = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> fit.exceedance([0.05, 0.10]).round(2).tolist()
    [2.82, 0.33]
    """

    moves: pd.Series
    threshold: float
    gap: int
    periods_per_year: float
    estimator: Estimator
    peaks: pd.Series
    shape: float
    scale: float
    cautions: tuple[str, ...]

    @property
    def years(self) -> float:
        """Length of the record [years]."""
        return len(self.moves) / self.periods_per_year

    @property
    def n_clusters(self) -> int:
        """Events above the threshold."""
        return len(self.peaks)

    @property
    def n_exceedances(self) -> int:
        """Periods above the threshold."""
        return int((self._sorted > self.threshold).sum())

    @property
    def rate(self) -> float:
        """Events above the threshold a year."""
        return self.n_clusters / self.years

    @property
    def extremal_index(self) -> float:
        """Events per exceedance [1]: 1 where exceedances come alone."""
        return self.n_clusters / self.n_exceedances

    @property
    def excess(self) -> Floats:
        """How far the peaks lie above the threshold, shape (n_clusters,)."""
        return self.peaks.to_numpy(dtype=float) - self.threshold

    @cached_property
    def _sorted(self) -> Floats:
        return np.sort(self.moves.to_numpy(dtype=float))

    def probability(self, move: npt.ArrayLike) -> Any:
        """Probability that the worst move of a period beats a size.

        Parameters
        ----------
        move : number or array
            Sizes of a move [1], >= 0; inf is beaten by none.

        Returns
        -------
        float or ndarray
            [1], in the shape of what is asked: the share of the record's periods up to the threshold; above it that
            at the threshold times the survival of a distribution fitted to all excesses, clusters included.

        Raises
        ------
        TailError
            If a move is NaN or below zero.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
        >>> round(adl.fit_tail(moves, threshold=0.02, gap=1).probability(0.10), 6)
        0.000902
        """
        chance = self._share(sizes(move), *self._of_all)
        return chance if chance.ndim else float(chance)

    @cached_property
    def _of_all(self) -> tuple[float, float]:
        """Shape and scale of all excesses, not of the largest of each cluster; those of the peaks without a maximum."""
        if self.n_clusters == self.n_exceedances:
            return self.shape, self.scale
        every = self._sorted[self._sorted > self.threshold] - self.threshold
        shape, scale = (float(found[0]) for found in self.estimator(every[None]))
        return (shape, scale) if np.isfinite(shape) and shape > -1.0 else (self.shape, self.scale)

    def _share(self, asked: Floats, shape: float, scale: float) -> Floats:
        """Share of periods up to the threshold, and above it that at the threshold times a fitted survival."""
        recorded = len(self.moves) - np.searchsorted(self._sorted, np.minimum(asked, self.threshold), side="right")
        beyond = np.maximum(asked - self.threshold, 0.0)
        return np.asarray(recorded / len(self.moves) * np.exp(-hazard(beyond, shape, scale)))

    def exceedance(self, move: npt.ArrayLike) -> Any:
        """Expected number of events a year whose move beats a size.

        Parameters
        ----------
        move : number or array
            As in `probability`.

        Returns
        -------
        float or ndarray
            [events a year]; a cluster is one event. With Poisson events, a year has one with probability
            1 - exp(-exceedance). Below the threshold its extremal index is used, although smaller moves cluster more:
            on daily BTC with a threshold of 6% that gives 1.1 times the clusters above 4%, 2.3 times those above 1%.

        Raises
        ------
        TailError
            As in `probability`.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
        >>> round(adl.fit_tail(moves, threshold=0.02, gap=1).exceedance(0.10), 2)
        0.33
        """
        events = self.extremal_index * self.periods_per_year * self._share(sizes(move), self.shape, self.scale)
        return events if events.ndim else float(events)

    def return_period(self, move: npt.ArrayLike) -> Any:
        """Years between events whose move beats a size, on average: 1 / exceedance.

        Parameters
        ----------
        move : number or array
            As in `probability`.

        Returns
        -------
        float or ndarray
            [years]; inf beyond the end of a fitted distribution that has one.

        Raises
        ------
        TailError
            As in `probability`.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
        >>> round(adl.fit_tail(moves, threshold=0.02, gap=1).return_period(0.10), 2)
        3.06
        """
        with np.errstate(divide="ignore"):
            period = 1.0 / np.asarray(self.exceedance(move))
        return period if period.ndim else float(period)

    def return_level(self, years: npt.ArrayLike) -> Any:
        """Smallest move that is beaten no more than once in so many years, on average.

        Parameters
        ----------
        years : number or array
            Return periods [years], > 0.

        Returns
        -------
        float or ndarray
            [1]. Falls of a price end at 1, fitted tails need not: a level above 1 says that the tail of falls is too
            heavy for this question.

        Raises
        ------
        TailError
            If a return period is not finite and above zero.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
        >>> adl.fit_tail(moves, threshold=0.02, gap=1).return_level([1.0, 20.0]).round(4).tolist()
        [0.071, 0.1695]
        """
        asked = periods(years)
        expected = np.maximum(self.rate * asked, 1.0)
        level = self.threshold + excess_at(np.log(expected), self.shape, self.scale)
        level = np.where(self.rate * asked >= 1.0, level, self._recorded_level(asked))
        return level if level.ndim else float(level)

    def _recorded_level(self, years: Floats) -> Floats:
        """Return level below the threshold: 0 where moves of any size are rarer than that."""
        n = len(self.moves)
        count = n / (self.extremal_index * self.periods_per_year * years)
        place = n - 1 - np.floor(np.minimum(count, n) * (1.0 + 1e-12)).astype(np.int64)
        return np.where(place >= 0, self._sorted[np.maximum(place, 0)], 0.0)

    def shape_interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the shape by profile likelihood.

        Parameters
        ----------
        level : float, default 0.95
            Confidence, in (0, 1).

        Returns
        -------
        tuple of float
            Ends [1]; the lower one is -1 where the likelihood does not reject shapes down to there.

        Raises
        ------
        TailError
            If the estimator is not `maximum_likelihood`, or the level not within (0, 1).

        References
        ----------
        .. [1] S. Coles, An Introduction to Statistical Modeling of Extreme Values (2001), 2.6.6 and 4.3.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
        >>> low, high = adl.fit_tail(moves, threshold=0.02, gap=1).shape_interval()
        >>> round(low, 3), round(high, 3)
        (0.093, 0.412)
        """
        self._check_profile(level)
        return shape_interval(self.excess, self.shape, self.scale, level=level)

    def return_levels(self, years: npt.ArrayLike = YEARS, *, level: float = 0.95) -> pd.DataFrame:
        """Return levels with confidence intervals by profile likelihood.

        Parameters
        ----------
        years : array
            Return periods [years], > 0.
        level : float, default 0.95
            Confidence, in (0, 1).

        Returns
        -------
        DataFrame, index ``years``
            ``estimate``, ``low``, ``high`` [1]: what a likelihood ratio test does not reject, number of events (as
            Poisson) and excesses taken together. The lower end is the threshold where it supports all down to there,
            the upper one inf where nothing ends it. NaN for levels that do not lie above the threshold.

        Raises
        ------
        TailError
            As in `return_level` and `shape_interval`.

        Warns
        -----
        TailWarning
            If a return period is more than ten times the record: the fitted form alone, no data, answers it.

        References
        ----------
        .. [1] S. Coles, An Introduction to Statistical Modeling of Extreme Values (2001), 4.3.3, which holds the rate
           fixed; here it varies too, which makes the intervals a little wider.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
        >>> adl.fit_tail(moves, threshold=0.02, gap=1).return_levels([20.0]).round(3).loc[20.0].tolist()
        [0.17, 0.12, 0.298]
        """
        self._check_profile(level)
        asked = np.atleast_1d(periods(years))
        if asked.max() > FAR * self.years:
            text = f"return periods up to {asked.max():.4g} years from a record of {self.years:.3g} years"
            warnings.warn(f"{text}: no data speak to that", TailWarning, stacklevel=2)
        start = self.shape, self.scale
        ends = [
            level_interval(self.excess, start, periods=float(period), years=self.years, level=level)
            if self.rate * period > 1.0
            else (math.nan, math.nan)
            for period in asked
        ]
        low, high = self.threshold + np.array(ends).T
        table = {"estimate": self.return_level(asked), "low": low, "high": high}
        return pd.DataFrame(table, index=pd.Index(asked, name="years"))

    def _check_profile(self, level: float) -> None:
        if self.estimator is not maximum_likelihood:
            raise TailError("profile likelihood needs a fit by maximum likelihood; use resample(...) or simulate(...)")
        check_level(level)

    def resample(self, n: int, *, rng: np.random.Generator) -> TailSample:
        """Refit `n` samples of the peaks drawn with replacement (nonparametric bootstrap).

        Parameters
        ----------
        n : int
            Number of samples.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        TailSample
            Shapes, scales and rates. The number of events is drawn as Gamma(n_clusters + 1/2), the Jeffreys posterior
            of a Poisson mean; excesses independently of it. Percentile intervals are too short with few events: prefer
            `posterior`.

        Raises
        ------
        TailError
            If `n` is below one.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> rng = np.random.default_rng(7)
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * rng.pareto(4.0, len(days)), days)
        >>> adl.fit_tail(moves, threshold=0.02, gap=1).resample(200, rng=rng).exceedance([0.05, 0.10]).shape
        (200, 2)
        """
        return self._refitted(rng.choice(self.excess, (check_count(n), self.n_clusters)), rng)

    def simulate(self, n: int, *, rng: np.random.Generator) -> TailSample:
        """Refit `n` samples of peaks drawn from the fitted distribution (parametric bootstrap).

        Parameters
        ----------
        n, rng
            As in `resample`.

        Returns
        -------
        TailSample
            As in `resample`.

        Raises
        ------
        TailError
            If `n` is below one.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> rng = np.random.default_rng(7)
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * rng.pareto(4.0, len(days)), days)
        >>> adl.fit_tail(moves, threshold=0.02, gap=1).simulate(200, rng=rng).shape.shape
        (200,)
        """
        drawn = excess_at(rng.standard_exponential((check_count(n), self.n_clusters)), self.shape, self.scale)
        return self._refitted(drawn, rng)

    def posterior(self, n: int, *, rng: np.random.Generator) -> TailSample:
        """Draw shapes, scales and rates that the record leaves possible (Bayesian posterior).

        Parameters
        ----------
        n, rng
            As in `resample`.

        Returns
        -------
        TailSample
            Shape and scale under the maximal data information prior, exp(-shape) / scale for shapes above -1, drawn
            from a fine grid; rates as in `resample`. The way to carry uncertainty on: unlike those of a bootstrap its
            percentile intervals hold what they promise with few events (`benchmarks/tail_coverage.py`).

        Raises
        ------
        TailError
            If `n` is below one, or the estimator not `maximum_likelihood`.

        References
        ----------
        .. [1] P. J. Northrop and N. Attalides, Posterior propriety in Bayesian extreme value analyses using reference
           priors, Statistica Sinica 26 (2016): this prior gives a proper posterior.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> rng = np.random.default_rng(7)
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * rng.pareto(4.0, len(days)), days)
        >>> sample = adl.fit_tail(moves, threshold=0.02, gap=1).posterior(1000, rng=rng)
        >>> sample.return_levels([20.0]).round(2).loc[20.0].tolist()
        [0.17, 0.12, 0.29]
        """
        self._check_profile(0.95)
        shape, scale = draw_posterior(self.excess, self.shape, check_count(n), rng)
        return TailSample(self, shape, scale, self._rates(n, rng))

    def _rates(self, n: int, rng: np.random.Generator) -> Floats:
        return rng.gamma(self.n_clusters + 0.5, 1.0 / self.years, n)

    def _refitted(self, drawn: Floats, rng: np.random.Generator) -> TailSample:
        shape, scale = self.estimator(drawn)
        return TailSample(self, shape, scale, self._rates(len(drawn), rng))

    def goodness(self, n: int = 499, *, rng: np.random.Generator) -> pd.DataFrame:
        """Anderson-Darling and Cramer-von Mises tests of the fitted distribution.

        Parameters
        ----------
        n : int, default 499
            Samples of the parametric bootstrap: each is drawn from the fit and refitted, since tabulated p-values do
            not hold for estimated parameters.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        DataFrame, index ``anderson_darling`` and ``cramer_von_mises``
            ``statistic`` and ``p_value`` [1], at least 1 / (n + 1).

        Raises
        ------
        TailError
            If `n` is below one.

        References
        ----------
        .. [1] V. Choulakian and M. A. Stephens, Goodness-of-fit tests for the generalized Pareto distribution,
           Technometrics 43 (2001).

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> rng = np.random.default_rng(7)
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * rng.pareto(4.0, len(days)), days)
        >>> bool((adl.fit_tail(moves, threshold=0.02, gap=1).goodness(99, rng=rng)["p_value"] > 0.05).all())
        True
        """
        drawn = excess_at(rng.standard_exponential((check_count(n), self.n_clusters)), self.shape, self.scale)
        return bootstrap_test(self.excess, drawn, self.estimator)

    def peaks_table(self) -> pd.DataFrame:
        """Peaks with the return period that their place in the record suggests, and the move that the fit puts there.

        Returns
        -------
        DataFrame, index of `peaks`, largest first
            ``move`` [1], ``return_period`` (n + 1) / (rank x rate) [years], and ``expected``, the fitted move of that
            return period [1].

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
        >>> adl.fit_tail(moves, threshold=0.02, gap=1).peaks_table().iloc[0].round(3).tolist()
        [0.185, 10.036, 0.14]
        """
        ordered = self.peaks.sort_values(ascending=False, kind="stable").rename("move")
        period = (self.n_clusters + 1.0) / (np.arange(1, self.n_clusters + 1) * self.rate)
        return ordered.to_frame().assign(return_period=period, expected=self.return_level(period))

    def summary(self) -> pd.Series:
        """Facts of the fit and return levels.

        Returns
        -------
        Series
            Threshold, length of the record, counts, parameters, Anderson-Darling statistic, return levels [1] of 1, 5
            and 20 years. `cautions` are shown beneath it.

        Examples
        --------
        >>> import numpy as np, pandas as pd, adlkit as adl
        >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
        >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
        >>> adl.fit_tail(moves, threshold=0.02, gap=1)
        TailFit
        threshold              0.02
        years               9.99316
        n_exceedances           248
        n_clusters              235
        extremal_index     0.947581
        rate                23.5161
        shape              0.232339
        scale             0.0109339
        anderson_darling   0.314184
        return_level_1y    0.070951
        return_level_5y    0.115394
        return_level_20y   0.169527
        """
        names = ["threshold", "years", "n_exceedances", "n_clusters", "extremal_index", "rate", "shape", "scale"]
        values = {name: float(getattr(self, name)) for name in names}
        levels = {f"return_level_{period:g}y": self.return_level(period) for period in YEARS}
        distance = {"anderson_darling": float(statistics(self.excess[None], self.shape, self.scale)[0, 0])}
        return pd.Series(values | distance | levels)

    def __repr__(self) -> str:
        return "\n".join([super().__repr__(), *(f"caution: {caution}" for caution in self.cautions)])

    def _repr_html_(self) -> str:
        return super()._repr_html_() + "".join(f"<p>caution: {html.escape(caution)}</p>" for caution in self.cautions)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw return levels against return periods, with what was observed."""
        from adlkit.plotting.tails import plot_return_levels

        return plot_return_levels(self, ax=ax)


def fit_tail(
    moves: pd.Series,
    *,
    threshold: float,
    gap: int = 1,
    estimator: Estimator = maximum_likelihood,
    periods_per_year: float = 365.25,
) -> TailFit:
    """Fit a generalised Pareto distribution to the peaks of moves over a threshold.

    Parameters
    ----------
    moves : Series, index of increasing times
        Worst move of each period on one side [1], >= 0: a column of `worst_moves`.
    threshold : float
        Moves above it make up the tail [1]; see `adlkit.tails.mean_excess` and `adlkit.tails.threshold_stability`.
    gap : int, default 1
        Exceedances at most so many periods apart are one cluster, whose largest move counts (runs declustering); 0
        takes each for itself.
    estimator : callable, default `adlkit.tails.maximum_likelihood`
        Or `adlkit.tails.probability_weighted_moments`, or any function of samples (rows) of excesses that returns
        shapes and scales.
    periods_per_year : float, default 365.25
        365.25 for days, 8,766 for hours.

    Returns
    -------
    TailFit
        Exceedance, return levels and periods, intervals, resamples.

    Raises
    ------
    TailError
        If times do not increase or lie more than twice as far apart or close together, in the median, as
        `periods_per_year` says; if a move is NaN, infinite or below zero; if fewer than 10 clusters lie above the
        threshold; if the likelihood has no maximum with a shape above -1; if an option is out of its range.

    Warns
    -----
    TailWarning
        If there are fewer than 30 clusters, or the fitted tail has no mean (shape >= 1). These sentences are in
        `TailFit.cautions` too, as is that on a poor fit (Anderson-Darling).

    References
    ----------
    .. [1] A. C. Davison and R. L. Smith, Models for exceedances over high thresholds, JRSS B 52 (1990).
    .. [2] A. J. McNeil, R. Frey, P. Embrechts, Quantitative Risk Management (2015), 5.2.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> fit = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> fit.n_clusters, round(fit.shape, 3), round(fit.scale, 4)
    (235, 0.232, 0.0109)
    """
    check_moves(moves)
    _check_options(moves, threshold, gap, periods_per_year)
    peaks = cluster_peaks(moves, threshold=threshold, gap=gap)
    if len(peaks) < LEAST_CLUSTERS:
        raise TailError(f"{len(peaks)} clusters above {threshold:g}, need {LEAST_CLUSTERS}; lower the threshold")
    excess = peaks.to_numpy(dtype=float) - threshold
    shape, scale = (float(found[0]) for found in estimator(excess[None]))
    if not shape > LEAST_SHAPE or not scale > 0:
        raise TailError(f"no tail above {threshold:g}: excesses rise up to their end; choose another threshold")
    is_few, is_endless = len(peaks) < FEW_CLUSTERS, shape >= 1.0
    distance = float(statistics(excess[None], shape, scale)[0, 0])
    hard = [f"only {len(peaks)} events above the threshold"] * is_few
    hard += [f"shape {shape:.3g}: a tail without a mean, return levels are not to be relied on"] * is_endless
    poor = [f"poor fit: Anderson-Darling {distance:.3g}; see goodness()"] * (distance > POOR_FIT)
    for text in hard:
        warnings.warn(text, TailWarning, stacklevel=2)
    return TailFit(moves.copy(), threshold, gap, periods_per_year, estimator, peaks, shape, scale, (*hard, *poor))


def _check_options(moves: pd.Series, threshold: float, gap: int, periods_per_year: float) -> None:
    if not 0 <= threshold < math.inf:
        raise TailError(f"threshold must be finite and not below zero, got {threshold!r}")
    if gap < 0 or gap != int(gap):
        raise TailError(f"gap must be a whole number of periods, not below zero, got {gap!r}")
    if not 0 < periods_per_year < math.inf:
        raise TailError(f"periods_per_year must be finite and above zero, got {periods_per_year!r}")
    times = check_times(moves.index, "moves")
    step = pd.Timedelta(np.median(np.diff(times.asi8)), unit=times.unit) if len(times) > 1 else None
    if step is not None and not 0.6 <= (spaced := step / pd.Timedelta(days=365.25) * periods_per_year) <= 1.6:
        raise TailError(f"moves are {step} apart, {spaced:.3g} times what periods_per_year={periods_per_year:g} says")
