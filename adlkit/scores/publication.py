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


@dataclass(frozen=True)
class Publication:
    """Who states which score, and since when it holds; `score` is None where there is no function."""

    venue: str
    family: str
    formula: str
    source: str
    valid_from: str = ""
    valid_to: str = ""
    status: str = "venue"
    reason: str = ""
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
    reason: str = "",
) -> Callable[[Made], Made]:
    """Enter a score into the catalogue; `status` is "venue", "secondary" (a third party's word) or "literature"."""

    def enter(score: Made) -> Made:
        PUBLISHED.append(Publication(venue, family, formula, source, valid_from, valid_to, status, reason, score))
        return score

    return enter
