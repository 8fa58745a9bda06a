"""Where a score is published: every formula of a venue enters itself here, with its dates and its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

Score = Callable[[pd.DataFrame], pd.Series]
Made = TypeVar("Made", bound=Callable[..., Any])

RETURN_TIMES_LEVERAGE = "return x leverage"
WALLET_PROFIT = "wallet profit x margin ratio"
EQUITY_RATIO = "return by equity ratio"
MAINTENANCE_RATIO = "return by maintenance ratio"
PRICE_RATIO = "price ratio x leverage"
RETURN_ONLY = "return"
VALUE_RATIO = "value ratio x leverage at opening"
SELECTED_LEVERAGE = "profit x selected leverage"
KEYS_IN_TURN = "keys in turn"
RAW_LEVERAGE = "leverage on cash"
NO_RANKING = "no ranking"
PANEL = "panel"
"""What a score needs: a panel alone."""


@dataclass(frozen=True)
class Publication:
    """Who states which score, in an edition of which date; `score` is None where there is no function."""

    venue: str
    family: str
    formula: str
    source: str
    valid_from: str = ""
    valid_to: str = ""
    status: str = "venue"
    note: str = ""
    needs: str = PANEL
    score: Callable[..., Any] | None = None


PUBLISHED: list[Publication] = []


def published(
    venue: str,
    family: str,
    formula: str,
    source: str,
    *,
    valid_from: str = "",
    valid_to: str = "",
    status: str = "venue",
    note: str = "",
    needs: str = PANEL,
) -> Callable[[Made], Made]:
    """Enter a score into the catalogue; `status` is "venue", "secondary" (a third party's word) or "literature"."""

    def enter(score: Made) -> Made:
        PUBLISHED.append(Publication(venue, family, formula, source, valid_from, valid_to, status, note, needs, score))
        return score

    return enter


def published_scores() -> dict[str, Score]:
    """All published scores that need a panel alone, by name.

    Returns
    -------
    dict, name -> score
        In the order of the catalogue's names; without those that need the selected leverage too, and without venues
        that publish none.

    Examples
    --------
    >>> import adlkit as adl
    >>> len(adl.scores.published_scores()), "bitmex" in adl.scores.published_scores()
    (30, True)
    """
    found = {entry.score.__name__: entry.score for entry in PUBLISHED if entry.score and entry.needs == PANEL}
    return dict(sorted(found.items()))
