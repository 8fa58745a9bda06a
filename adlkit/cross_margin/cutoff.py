"""Where the mean of a tail stops to tell who should give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from adlkit.errors import AllocationError


class CvarCutoff(NamedTuple):
    """Leverage beyond which an account is short in the whole tail, and whether the level stays above it."""

    leverage: float
    is_level_above: bool


def cvar_cutoff(level: float, *, mark_price: float, quantile_price: float) -> CvarCutoff:
    r"""Leverage above which an account is short in the whole tail, so that the tail mean cannot tell who gives.

    Parameters
    ----------
    level : float
        Leverage level of a water-filling of one symbol, isolated margin [1]; its sign is that of the side.
    mark_price : float
        Price now [quote/base], > 0.
    quantile_price : float
        Where the tail begins: the price that moves against the side with probability alpha beyond it, > 0.

    Returns
    -------
    CvarCutoff
        ``leverage`` = mark / abs(quantile - mark). ``is_level_above``: the level is at or above it; then every
        allocation that takes only from accounts above the cutoff, and brings none below it, has the same, smallest,
        expected shortfall in the tail. Otherwise the water-filling is the only best one.

    Raises
    ------
    AllocationError
        If a price is not above zero, or the two are equal: there is no move.

    Notes
    -----
    Above :math:`l_c = p / |p_\alpha - p|` an account of leverage l is short in the whole tail, so that its part of the
    tail mean is linear in what it closes. This is our reading of the cutoff announced in [1]_, whose theorem we have
    not seen.

    References
    ----------
    .. [1] arXiv 2603.15963 v1, abstract: leverage cutoff under CVaR.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.cvar_cutoff(8.0, mark_price=100.0, quantile_price=80.0)
    CvarCutoff(leverage=5.0, is_level_above=True)
    """
    if not (0 < mark_price < np.inf and 0 < quantile_price < np.inf) or mark_price == quantile_price:
        raise AllocationError("mark_price and quantile_price must be above zero, finite, and not the same")
    if not np.isfinite(level):
        raise AllocationError("level must be finite")
    cutoff = mark_price / abs(quantile_price - mark_price)
    return CvarCutoff(cutoff, abs(level) >= cutoff)
