"""At which value of one contract a forced trade happens: limits of liquidation orders, and fills of ADL.

A price rule takes `TradePrices` of the liquidated positions and returns one value per position. Rules differ by venue
and are part of `VenueRules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adlkit.contracts import Floats
from adlkit.errors import VenueError


@dataclass(frozen=True, eq=False)
class TradePrices:
    """Values of one contract of each liquidated position: what a price rule may look at."""

    side: Floats
    close_out: Floats
    mark: Floats
    previous_mark: Floats | None
    oracle: Floats | None


PriceRule = Callable[[TradePrices], Floats]


def at_close_out(prices: TradePrices) -> Floats:
    """The price at which closing the whole account leaves nothing: the bankruptcy price of one position."""
    return prices.close_out


def at_mark(prices: TradePrices) -> Floats:
    """The event's mark."""
    return prices.mark


def at_previous_mark(prices: TradePrices) -> Floats:
    """The mark before the event."""
    if prices.previous_mark is None:
        raise VenueError("this venue fills at previous marks: pass previous_marks")
    return prices.previous_mark


def at_capped_previous_mark(prices: TradePrices) -> Floats:
    """The mark before the event, but never better for the liquidated account than its close-out price.

    For paths whose steps are longer than those of the venue's marks: within a long step the account could not have been
    closed at the mark before it, only at one where it was bankrupt already.
    """
    return prices.side * np.minimum(prices.side * at_previous_mark(prices), prices.side * prices.close_out)


def at_oracle(prices: TradePrices) -> Floats:
    """The oracle price."""
    if prices.oracle is None:
        raise VenueError("this venue fills at oracle prices: pass oracles")
    return prices.oracle


def at_capped_oracle(prices: TradePrices) -> Floats:
    """The oracle price, but never better for the liquidated account than its close-out price."""
    return prices.side * np.minimum(prices.side * at_oracle(prices), prices.side * prices.close_out)


def without_limit(prices: TradePrices) -> Floats:
    """Any price: a market order."""
    return np.where(prices.side > 0, -np.inf, np.inf)
