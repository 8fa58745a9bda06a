"""The move of a common factor at which an event deleverages somebody."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from adlkit.book import OrderBook
from adlkit.contracts import Floats
from adlkit.curves import shortfall_curve
from adlkit.event import run_event
from adlkit.panel import mark_prices
from adlkit.reach import MOVES
from adlkit.venues import VenueRules

STEPS = 14
"""Halvings of the interval of the grid in which ADL begins."""


NEARLY = 1.0 - 1e-6
"""Part of the way to where the first mark would be zero that is looked at."""


def factor_reach(
    panel: pd.DataFrame,
    betas: pd.Series | Mapping[str, float],
    *,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None,
) -> Floats:
    """Nearest fall and rise of the factor [1] that deleverage somebody, shape (2,); inf where none looked at does.

    Events are looked at on the grid of moves that `adlkit.adl_reach` uses, and at halved steps before the first that
    does. Venues that fill at previous marks or oracles get the marks before and after the move.
    """
    before, beta = mark_prices(panel), pd.Series(dict(betas), dtype=float)
    low, high = shortfall_curve(panel, factor=betas).move_range
    deep = {name: book.relative() for name, book in (books or {}).items()}

    def deleverages(shock: float) -> bool:
        marks = before * (1.0 + shock * beta.reindex(before.index))
        event = run_event(panel, marks, venue=venue, books=deep, previous_marks=before, oracles=marks)
        return bool((event.positions["deleveraged"] > 0).any())

    found = []
    for sign, end in ((-1.0, -low), (1.0, high)):
        grid = [0.0, *(move for move in MOVES if move < end), *([NEARLY * end] if end < MOVES[-1] else [])]
        first = next((place for place, move in enumerate(grid) if deleverages(sign * move)), None)
        if first in (None, 0):
            found.append(np.inf if first is None else 0.0)
            continue
        near, far = grid[first - 1], grid[first]
        for _ in range(STEPS):
            middle = (near + far) / 2.0
            near, far = (near, middle) if deleverages(sign * middle) else (middle, far)
        found.append(far)
    return np.array(found)
