"""The generalised Pareto distribution of excesses over a threshold, for many samples at once.

With shape s and scale b an excess y has the survival probability (1 + s y / b)^(-1/s), exp(-y / b) for s = 0; for
s < 0 it ends at -b / s. Samples are rows of one array, since a bootstrap refits hundreds of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from adlkit.contracts import Floats

Estimator = Callable[[Floats], tuple[Floats, Floats]]
"""Shapes and scales of samples of excesses, one a row."""

TINY = 1e-12
"""Stands for a shape of zero: formulas in log1p and expm1 are exact to that many digits."""
LEAST_SHAPE = -1.0
"""Below it the likelihood has no maximum."""
STARTS = np.concatenate([np.linspace(0.02, 1.5, 13), [2.0, 3.0, 4.0, 6.0, 9.0]])
"""Shapes above zero that the search of the likelihood looks at first."""
ENDS = np.array([0.999999, 0.9999, 0.99, 0.95, 0.85, 0.7, 0.5, 0.3, 0.1])
"""Parts of the largest excess over the end of the distribution that it looks at below zero."""


def hazard(excess: npt.ArrayLike, shape: npt.ArrayLike, scale: npt.ArrayLike) -> Floats:
    """Minus the log of the survival probability: inf beyond the end of the distribution."""
    curved = _curved(shape)
    with np.errstate(divide="ignore"):
        grown = np.maximum(curved * np.asarray(excess, dtype=float) / scale, -1.0)
        return np.asarray(np.log1p(grown) / curved)


def excess_at(hazard: npt.ArrayLike, shape: npt.ArrayLike, scale: npt.ArrayLike) -> Floats:
    """Excess with a given `hazard`: its inverse."""
    curved = _curved(shape)
    with np.errstate(over="ignore"):
        return np.asarray(np.expm1(curved * np.asarray(hazard, dtype=float)) / curved * scale)


def log_likelihood(excess: Floats, shape: npt.ArrayLike, scale: npt.ArrayLike) -> Floats:
    """Log likelihood, summed over the last axis: -inf where an excess lies beyond the end or a scale is not positive.

    A density at its end counts as zero: shapes at or below -1 have no likelihood.
    """
    shape, scale = np.asarray(shape, dtype=float)[..., None], np.asarray(scale, dtype=float)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        total = -(np.log(scale) + (1.0 + shape) * hazard(excess, shape, scale)).sum(axis=-1)
    return np.where((scale > 0).all(axis=-1) & (shape > LEAST_SHAPE).all(axis=-1), total, -np.inf)


def scale_given(excess: Floats, shape: Floats) -> Floats:
    """Scale of the greatest likelihood for each given shape above -1: the root of a monotone function."""
    from scipy.optimize.elementwise import find_root

    def beyond(log_scale: Floats, given: Floats) -> Floats:
        part = excess / np.exp(log_scale)[..., None]
        grown = 1.0 + given[..., None] * part
        share = np.where(grown > 0, part / np.where(grown > 0, grown, 1.0), np.inf)
        return np.asarray((1.0 + given) * share.mean(axis=-1) - 1.0)

    largest, least = float(excess.max()), float(excess.min())
    low = np.log(np.where(shape < 0, -shape * largest * (1.0 + TINY), 0.01 * least))
    high = np.full_like(shape, np.log(1.01 * (1.0 + np.maximum(shape, 0.0).max()) * largest))
    with np.errstate(invalid="ignore"):
        found = find_root(beyond, (low, high), args=(shape,))
    return np.asarray(np.exp(found.x))


def maximum_likelihood(excess: Floats) -> tuple[Floats, Floats]:
    """Shape and scale of the greatest likelihood, for each row.

    Parameters
    ----------
    excess : ndarray, shape (n_samples, n)
        Excesses over the threshold, > 0.

    Returns
    -------
    tuple of ndarray
        Shape [1] and scale [unit of the excesses], each of shape (n_samples,). Shapes below -1 are left out, since
        the likelihood is unbounded there: where the greatest one lies at that end, the shape is -1 and the scale the
        largest excess.

    Notes
    -----
    With t = shape / scale the best shape is the mean of log(1 + t y), which leaves a search in one dimension
    (Grimshaw): a ladder of values of t first, then the top between the neighbours of the best one.

    References
    ----------
    .. [1] S. D. Grimshaw, Computing maximum likelihood estimates for the generalized Pareto distribution,
       Technometrics 35 (1993).

    Examples
    --------
    >>> import numpy as np, adlkit as adl
    >>> excess = np.array([[0.01, 0.02, 0.03, 0.05, 0.08, 0.13, 0.21, 0.34]])
    >>> [float(found[0].round(4)) for found in adl.tails.maximum_likelihood(excess)]
    [-0.0295, 0.112]
    """
    from scipy.optimize.elementwise import find_minimum

    unit = np.exp(np.log(excess).mean(axis=-1))
    values = excess / unit[:, None]
    largest, rows = values.max(axis=-1), np.arange(len(values))

    def depth(tilt: Floats, row: npt.NDArray[np.intp]) -> Floats:
        return -_profile(tilt, values[row])

    ladder = np.stack([*(-ENDS / largest[:, None]).T, *np.outer(2.0**STARTS - 1.0, np.ones_like(largest))])
    deepest = np.stack([depth(tilt, rows) for tilt in ladder]).argmin(axis=0).clip(1, len(ladder) - 2)
    found = find_minimum(depth, tuple(ladder[deepest + step, rows] for step in (-1, 0, 1)), args=(rows,))
    tilt = np.where(found.success, found.x, ladder[deepest, rows])
    shape = np.log1p(tilt[:, None] * values).mean(axis=-1)
    is_inside = (_profile(tilt, values) > -np.log(largest)) & (shape > LEAST_SHAPE)
    return np.where(is_inside, shape, LEAST_SHAPE), np.where(is_inside, shape / tilt, largest) * unit


def probability_weighted_moments(excess: Floats) -> tuple[Floats, Floats]:
    """Shape and scale that have the sample's own mean of y and of y (1 - F(y)), for each row.

    Parameters
    ----------
    excess : ndarray, shape (n_samples, n)
        As in `maximum_likelihood`.

    Returns
    -------
    tuple of ndarray
        Shape [1] and scale [unit of the excesses], each of shape (n_samples,). The shape is always below 1, where the
        mean exists; a fitted distribution may end below the largest excess. NaN where all excesses are equal.

    References
    ----------
    .. [1] J. R. M. Hosking and J. R. Wallis, Parameter and quantile estimation for the generalized Pareto
       distribution, Technometrics 29 (1987); their k is minus the shape. Here with the unbiased moment.

    Examples
    --------
    >>> import numpy as np, adlkit as adl
    >>> shape, scale = adl.tails.probability_weighted_moments(np.array([[1.0, 2.0, 6.0]]))
    >>> float(shape[0].round(4)), float(scale[0].round(4))
    (0.2, 2.4)
    """
    n = excess.shape[-1]
    mean = excess.mean(axis=-1)
    moment = np.sort(excess, axis=-1) @ (np.arange(n - 1, -1, -1) / (n * (n - 1)))
    gap = np.where(mean > 2.0 * moment, mean - 2.0 * moment, np.nan)
    return 2.0 - mean / gap, 2.0 * mean * moment / gap


def _profile(tilt: Floats, values: Floats) -> Floats:
    """Mean log likelihood at the best shape, not below -1, for a ratio shape / scale."""
    shape = np.log1p(tilt[:, None] * values).mean(axis=-1)
    with np.errstate(invalid="ignore"):
        inside = -(np.log(shape / tilt) + shape + 1.0)
    return np.where(shape > LEAST_SHAPE, inside, np.log(np.abs(tilt)))


def _curved(shape: npt.ArrayLike) -> Floats:
    """The shape, or nearly zero for zero."""
    shape = np.asarray(shape, dtype=float)
    return np.where(np.abs(shape) < TINY, TINY, shape)
