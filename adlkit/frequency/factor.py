"""A shock that all symbols share, and the tails of moves in general."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from adlkit.errors import TailError
from adlkit.tails import TailFit

Tails = tuple[TailFit, TailFit]
"""Of falls, and of rises."""


@dataclass(frozen=True, eq=False)
class MarketFactor:
    """A shock that moves all symbols at once, each by its beta, and how often it is large.

    Parameters
    ----------
    betas : Series or mapping of symbol to number
        Move of each symbol per move of the factor [1]; as `shortfall_curve` takes them.
    down, up : TailFit
        Tails of the factor's worst falls and rises within a period, e.g. of an index, or of the leading symbol, whose
        beta is then 1.

    Raises
    ------
    TailError
        If `down` or `up` is no TailFit.

    Notes
    -----
    A symbol does nothing here that the factor does not do: moves of single symbols are left out, so the frequency of
    the venue is one of market-wide crashes. What the panel owes beyond the largest fall of the factor that leaves
    every mark above zero is not counted.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> adl.MarketFactor({"BTC": 1.0, "ETH": 1.3}, down=tail, up=tail).betas["ETH"]
    1.3
    """

    betas: pd.Series | Mapping[str, float]
    down: TailFit
    up: TailFit

    def __post_init__(self) -> None:
        checked_tails(self.tails, "the factor")

    @property
    def tails(self) -> Tails:
        """Of falls, and of rises."""
        return self.down, self.up


def checked_tails(pair: Tails, what: str) -> Tails:
    """A pair of tails, or one TailError."""
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(tail, TailFit) for tail in pair)):
        raise TailError(f"tails of {what}: give (of falls, of rises), two results of adl.fit_tail")
    return pair
