"""Risk weights of leverage, for pro rata that takes more from the more levered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adlkit.contracts import Floats
from adlkit.errors import AllocationError

Kernel = Callable[[Floats], Floats]
TINY = 1e-100
"""Leverage below which a normal move never bankrupts."""


def power_kernel(exponent: float) -> Kernel:
    """Make the risk weight leverage**(1 + exponent): 0 levered pro rata, 1 the source's "linear", 2 its "power".

    Parameters
    ----------
    exponent : float
        Of the kernel g(l) = l**exponent, >= 0.

    Returns
    -------
    callable, leverage -> weight
        l x g(l).

    Raises
    ------
    AllocationError
        If the exponent is out of its range.

    References
    ----------
    .. [1] arXiv 2512.01112, section 7. What it calls linear has g(l) = l, so the weight is the square.

    Examples
    --------
    >>> import numpy as np, adlkit as adl
    >>> adl.policies.power_kernel(1.0)(np.array([2.0, 6.0])).tolist()
    [4.0, 36.0]
    """
    if not 0 <= exponent < np.inf:
        raise AllocationError(f"exponent must be finite and 0 or more, got {exponent!r}")
    return lambda leverage: np.asarray(leverage ** (1.0 + exponent))


def tail_kernel(threshold: float) -> Kernel:
    """Make the risk weight l x (l - threshold)+: only accounts above a leverage give.

    Parameters
    ----------
    threshold : float
        Leverage up to which nothing is taken.

    Returns
    -------
    callable, leverage -> weight

    Raises
    ------
    AllocationError
        If the threshold is out of its range.

    References
    ----------
    .. [1] arXiv 2512.01112, section 7.

    Examples
    --------
    >>> import numpy as np, adlkit as adl
    >>> adl.policies.tail_kernel(2.0)(np.array([1.0, 3.0])).tolist()
    [0.0, 3.0]
    """
    if not 0 <= threshold < np.inf:
        raise AllocationError(f"threshold must be finite and 0 or more, got {threshold!r}")
    return lambda leverage: np.asarray(leverage * np.maximum(leverage - threshold, 0.0))


def normal_kernel(volatility: float) -> Kernel:
    """Make the risk weight that is an account's expected shortfall per equity for a normal move.

    Parameters
    ----------
    volatility : float
        Standard deviation of the return over the horizon [1], > 0.

    Returns
    -------
    callable, leverage -> weight
        l x E[(1/l + Z)-], Z normal: the source's "optimal" kernel.

    Raises
    ------
    AllocationError
        If the volatility is out of its range.

    Notes
    -----
    The source claims that pro rata by it minimises the deficit of the next step among all haircuts. The objective is
    linear in the haircuts, so a greedy fill by weight does better: the claim is false as stated [1]_.

    References
    ----------
    .. [1] arXiv 2512.01112, section 7.

    Examples
    --------
    >>> import numpy as np, adlkit as adl
    >>> adl.policies.normal_kernel(0.1)(np.array([1.0, 10.0])).round(4).tolist()
    [0.0, 0.0833]
    """
    from scipy.special import ndtr  # loaded when first asked for: scipy takes longer than all of adlkit

    if not 0 < volatility < np.inf:
        raise AllocationError(f"volatility must be finite and above zero, got {volatility!r}")

    def expected(leverage: Floats) -> Floats:
        buffer = 1.0 / (volatility * np.maximum(leverage, TINY))
        density = np.exp(-0.5 * buffer**2) / np.sqrt(2.0 * np.pi)
        return np.asarray(leverage * volatility * (density - buffer * ndtr(-buffer)))

    return expected
