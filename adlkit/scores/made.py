"""Scores to be made: a blend with free exponents, a walk from a random start, an order that no price changes."""

from __future__ import annotations

from functools import wraps
from typing import Any, cast

import numpy as np
import pandas as pd

from adlkit.margin import notional
from adlkit.scores.factors import branch, named, position_leverage, return_on_entry
from adlkit.scores.publication import Score


def fixed_order(score: Score) -> Score:
    """Mark a score by which no move of a market's price changes the order of its longs, or of its shorts.

    Parameters
    ----------
    score : callable, panel -> Series
        A score of your own; `adlkit.adl_price` then sorts the queue once instead of at every price.

    Returns
    -------
    callable
        A score that returns the same, and says so (``is_fixed``).

    Examples
    --------
    >>> import adlkit as adl
    >>> largest = adl.scores.fixed_order(lambda panel: panel["qty"].abs())
    >>> adl.rank(adl.load_dataset("four_accounts"), score=largest).tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    @wraps(score)
    def ordered(panel: pd.DataFrame) -> pd.Series:
        return score(panel)

    cast(Any, ordered).is_fixed = True
    return ordered


def blend(*, profit: float = 1.0, leverage: float = 1.0, size: float = 1.0) -> Score:
    """Make a score of the three factors of the explainer literature: profit, leverage and size.

    Parameters
    ----------
    profit, leverage, size : float
        Exponents [1], not negative; 0 switches a factor off.

    Returns
    -------
    callable, panel -> Series
        sign(r) x abs(r)**profit x f for a profit and the same / f for a loss, with r the return on entry value and
        f = (N/E)**leverage x N**size. NaN where ``qty`` is 0 or equity <= 0.

    Raises
    ------
    ValueError
        If an exponent is negative or not finite.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.scores.blend(size=0)(panel).equals(adl.scores.bitmex(panel))
    True
    """
    for name, exponent in {"profit": profit, "leverage": leverage, "size": size}.items():
        if not 0 <= exponent < np.inf:
            raise ValueError(f"{name} must be a finite exponent of 0 or more, got {exponent!r}")

    def blended(panel: pd.DataFrame) -> pd.Series:
        gain = return_on_entry(panel)
        levered = position_leverage(panel)
        weight = levered**leverage * np.where(np.isnan(levered), np.nan, notional(panel).to_numpy() ** size)
        return named("blend", panel, branch(np.sign(gain) * np.abs(gain) ** profit, weight))

    return blended


def random_start(seed: int) -> Score:
    """Make dYdX v4's order: accounts in index order from a pseudo-random start, wrapping around.

    Parameters
    ----------
    seed : int
        Of `numpy.random.default_rng`; the same seed gives the same start for the same panel.

    Returns
    -------
    callable, panel -> Series
        Minus the distance from the start; no profit or leverage test. NaN where ``qty`` is 0.

    References
    ----------
    .. [1] dydxprotocol/v4-chain, protocol/x/clob/keeper/deleveraging.go.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.random_start(7)(adl.load_dataset("four_accounts")).tolist()
    [-1.0, -2.0, -3.0, 0.0]
    """

    @fixed_order
    def walk(panel: pd.DataFrame) -> pd.Series:
        accounts = panel.index.get_level_values("account")
        place, names = pd.factorize(accounts, sort=True)
        start = np.random.default_rng(seed).integers(max(len(names), 1))
        return named("random_start", panel, (-((place - start) % len(names))).astype(float))

    return walk
