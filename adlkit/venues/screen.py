"""What the traders of a venue see of their place in its ADL queue."""

from __future__ import annotations

import pandas as pd

from adlkit.errors import VenueError
from adlkit.panel import mark_prices, mark_to
from adlkit.standing import Standing
from adlkit.venues.rules import VenueRules


def indicator(panel: pd.DataFrame, *, venue: VenueRules) -> pd.Series:
    """What a trader of a venue sees of each position's place in its ADL queue.

    Parameters
    ----------
    panel : DataFrame
        Checked positions, the whole market as far as it is known: the queue is made of them.
    venue : VenueRules
        Its score makes the queues of each symbol and side (at each time), its `Indicator` says what is shown.

    Returns
    -------
    Series, index of `panel`
        In the venue's numbers, e.g. 0 .. 4 (Binance), 5 .. 1 (Gate: 1 is the first) or a share in (0, 1] (BitMEX).
        What the venue shows without a position, or NaN, where ``qty`` is 0, where there is no score, and for accounts
        below their maintenance margin: they are in liquidation and stand in no queue.

    Raises
    ------
    VenueError
        If `venue` is no `VenueRules`.
    ScoreError
        If the score does not return one number per row of the panel.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.indicator(panel, venue=adl.venues.binance).tolist()
    [nan, 0.0, 2.0, 0.0]
    >>> adl.indicator(panel, venue=adl.venues.gate).tolist()
    [6.0, 5.0, 3.0, 5.0]
    """
    if not isinstance(venue, VenueRules):
        raise VenueError(f"venue must be VenueRules, e.g. adl.venues.by_name('binance'), got {venue!r}")
    if venue.tiers is not None:
        panel = mark_to(panel, mark_prices(panel), tiers=venue.tiers)
    score = venue.policy.score(panel).mask(Standing.of(panel).is_liquidated)
    return venue.indicator.shown(panel, score=lambda _: score)
