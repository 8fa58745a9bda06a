"""Who is liquidated, what is ordered, and what the book fills of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from adlkit.book import NO_LADDER, Ladder, OrderBook
from adlkit.contracts import Floats, is_inverse, notional_of
from adlkit.distress import BOOK, ROUNDING, Distress, Taken
from adlkit.errors import BookError
from adlkit.fill_prices import TradePrices
from adlkit.groups import account_groups, level_keys, market_codes
from adlkit.margin import equity, maintenance_margin
from adlkit.matching import swept
from adlkit.ranking import account_order
from adlkit.venues import PartialLiquidation, VenueRules


def liquidate(marked: pd.DataFrame, venue: VenueRules, prices: TradePrices, books: Mapping[str, OrderBook]) -> Distress:
    """Positions of accounts with equity below maintenance margin, with their orders; rounding is no equity.

    Within a market they stand strictest limit first, then strictest close-out price, then by account.
    """
    accounts, owned = account_groups(marked), equity(marked).to_numpy()
    owned = np.where(np.abs(owned) <= ROUNDING * accounts.spread(notional_of(marked)), 0.0, owned)
    margin = accounts.spread(maintenance_margin(marked).to_numpy())
    qty = np.abs(marked["qty"].to_numpy())
    rows = np.flatnonzero((owned < margin) & (qty > 0))
    code = market_codes(marked.index, prices.side)
    place, side, limit = account_order(marked), prices.side, venue.limit(prices)
    order = np.lexsort((place[rows], -side[rows] * prices.close_out[rows], -side[rows] * limit[rows], code[rows]))
    rows = rows[order]
    _, start, market = np.unique(code[rows], return_index=True, return_inverse=True)
    _, first, account = np.unique(place[rows], return_index=True, return_inverse=True)
    symbols = list(level_keys(marked.index[rows[start]], ["symbol"]))
    return Distress(
        row=rows,
        market=market,
        account=account,
        side=side[rows],
        close_out=prices.close_out[rows],
        mark=prices.mark[rows],
        limit=limit[rows],
        open=qty[rows],
        ordered=_ordered(qty[rows], qty[rows] * np.abs(prices.mark[rows]), venue.partial),
        gap=np.zeros(len(rows)),
        equity=owned[rows[first]],
        margin=margin[rows[first]],
        symbols=symbols,
        ladders=[
            _ladder(books.get(symbol), symbol, marked.iloc[[row]], side[row])
            for symbol, row in zip(symbols, rows[start], strict=True)
        ],
        used=np.zeros(len(symbols)),
    )


def sweep(distress: Distress) -> Taken:
    """All orders against the book, each at or better than its limit, in one shared sweep per market."""
    qty = np.zeros(len(distress.row))
    for ladder, rows in zip(distress.ladders, distress.market_rows, strict=True):
        limit = distress.limit[rows]
        depth = ladder.depth_at(distress.side[rows] * limit - ROUNDING * np.abs(limit))
        filled = np.diff(swept(depth, distress.ordered[rows]), prepend=0.0)
        qty[rows] = np.clip(filled, 0.0, distress.ordered[rows])
    return Taken(qty, distress.book_values(qty), np.zeros(len(qty)), BOOK)


def _ordered(qty: Floats, size: Floats, partial: PartialLiquidation | None) -> Floats:
    """Contracts sent for liquidation: all, or the first step of a large position."""
    if partial is None:
        return qty.copy()
    return np.where(size > partial.above, partial.fraction * qty, qty)


def _ladder(book: OrderBook | None, symbol: str, position: pd.DataFrame, side: float) -> Ladder:
    """Side of the book that a position of this market trades against, at its mark."""
    if book is None:
        return NO_LADDER
    try:
        present = book.at(float(position["mark_price"].iloc[0]))
    except BookError as error:
        raise BookError(f"{symbol}: {error}") from error
    return present.ladder(side, is_inverse=is_inverse(position) is not None)
