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
        Tails of the factor's worst falls and rises within a period: of the symbol that moves most, whose beta is 1.

    Raises
    ------
    TailError
        If `down` or `up` is no TailFit, they are of different periods, or a beta is beyond 1.

    Notes
    -----
    A symbol does nothing here that the factor does not do: moves of single symbols are left out, so the frequency of
    the venue is one of market-wide crashes. No beta is beyond 1, so that the factor can fall as far as a price can.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> adl.MarketFactor({"BTC": 0.75, "ETH": 1.0}, down=tail, up=tail).betas["BTC"]
    0.75
    """

    betas: pd.Series | Mapping[str, float]
    down: TailFit
    up: TailFit

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", dict(self.betas))
        checked_tails(self.tails, "the factor")
        largest = max(map(abs, dict(self.betas).values()), default=0.0)
        if largest > 1:
            raise TailError(
                f"betas go up to {largest:g}: the factor would end at a fall of {1 / largest:.0%}, where one symbol "
                "is worth nothing and others are not; give the tails of the symbol that moves most, with a beta of 1"
            )

    @property
    def tails(self) -> Tails:
        """Of falls, and of rises."""
        return self.down, self.up


def checked_tails(pair: Tails, what: str) -> Tails:
    """A pair of tails, or one TailError."""
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(tail, TailFit) for tail in pair)):
        raise TailError(f"tails of {what}: give (of falls, of rises), two results of adl.fit_tail")
    lengths = [tail.periods_per_year for tail in pair]
    if lengths[0] != lengths[1]:
        raise TailError(f"tails of {what}: {lengths[0]:g} and {lengths[1]:g} periods a year; take one length")
    return pair
