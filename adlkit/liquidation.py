"""Who is liquidated, what is ordered, and what the book fills of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adlkit.book import NO_LADDER, Depth, Ladder
from adlkit.buffers import Buffer
from adlkit.contracts import Floats
from adlkit.distress import BOOK, ROUNDING, Distress, Taken
from adlkit.errors import BookError
from adlkit.groups import Codes, occurring, sorted_within
from adlkit.matching import swept
from adlkit.standing import Standing
from adlkit.venues import PartialLiquidation, VenueRules


def liquidate(standing: Standing, venue: VenueRules, books: Mapping[str, Depth], rows: Codes | None = None) -> Distress:
    """Positions of accounts with equity below maintenance margin, with their orders; rounding is no equity.

    Within a market they stand strictest limit first, then strictest close-out price, then by account. `rows` are
    positions of some of these accounts, which alone are liquidated.
    """
    if rows is None:
        rows = np.flatnonzero(standing.is_liquidated)
    prices = standing.prices(rows, standing.close_out(rows))
    limit, place, code = venue.limit(prices), standing.accounts.codes[rows], standing.market[rows]
    order = sorted_within(code, -prices.side * limit, lambda: (-prices.side * prices.close_out, place))
    rows, limit, place, code = rows[order], limit[order], place[order], code[order]
    (markets, market), (accounts, account) = occurring(code), occurring(place)
    start = np.searchsorted(code, markets)
    names = [standing.symbols[code // 2] for code in markets]
    qty = standing.qty[rows]
    return Distress(
        row=rows,
        market=market,
        account=account,
        side=standing.side[rows],
        close_out=prices.close_out[order],
        mark=standing.mark[rows],
        limit=limit,
        open=qty,
        ordered=_ordered(qty, standing.size[rows], venue.partial),
        gap=np.zeros(len(rows)),
        equity=standing.equity[accounts],
        margin=standing.required[accounts],
        symbols=names,
        ladders=[_ladder(books.get(name), name, standing, row) for name, row in zip(names, rows[start], strict=True)],
        used=np.zeros(len(names)),
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


def absorb(
    distress: Distress,
    buffers: Sequence[Buffer],
    note: Callable[[str, Distress, Taken], None] = lambda *_: None,
) -> tuple[Distress, list[Buffer]]:
    """What is left after the book and, in turn, the buffers; and what is left of them. Each step is `note`d."""
    taken, left = sweep(distress), list(buffers)
    note(BOOK, distress, taken)
    distress = distress.after(taken)
    for place, buffer in enumerate(buffers):
        taken, left[place] = buffer.take(distress)
        note(buffer.name, distress, taken)
        distress = distress.after(taken)
    return distress, left


def _ordered(qty: Floats, size: Floats, partial: PartialLiquidation | None) -> Floats:
    """Contracts sent for liquidation: all, or the first step of a large position."""
    if partial is None:
        return qty.copy()
    return np.where(size > partial.above, partial.fraction * qty, qty)


def _ladder(book: Depth | None, symbol: str, standing: Standing, row: int) -> Ladder:
    """Side of the book that a position of this market trades against, at its mark."""
    if book is None:
        return NO_LADDER
    is_inverse = standing.inverse is not None and bool(standing.inverse[row])
    try:
        return book.ladder_at(float(standing.mark_price[row]), float(standing.side[row]), is_inverse=is_inverse)
    except BookError as error:
        raise BookError(f"{symbol}: {error}") from error
