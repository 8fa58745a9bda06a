"""What leverage, depth and the fund do to the frequency of ADL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from adlkit.book import OrderBook
from adlkit.buffers import InsuranceFund
from adlkit.errors import CurveError, VenueError
from adlkit.frequency.estimate import BOTH, adl_frequency
from adlkit.frequency.factor import MarketFactor, Tails
from adlkit.stress import scale_leverage
from adlkit.venues import VenueRules


def frequency_sensitivity(
    panel: pd.DataFrame,
    *,
    fund: Sequence[float],
    leverage: Sequence[float] = (1.0,),
    depth: Sequence[float] = (1.0,),
    tails: Mapping[str, Tails] | None = None,
    factor: MarketFactor | None = None,
    venue: VenueRules | None = None,
    books: Mapping[str, OrderBook] | None = None,
) -> pd.DataFrame:
    """Expected events a year over a grid of leverage, depth and funds.

    Parameters
    ----------
    panel, tails, factor
        As in `adl_frequency`.
    fund : sequence of float
        Money of the fund [ccy], >= 0: the buffer, or with a `venue` the balance of its one `InsuranceFund`.
    leverage : sequence of float
        Factors by which the leverage of every account is scaled; see `scale_leverage`.
    depth : sequence of float
        Factors by which the depth of `books` is scaled; with a `venue` only.
    venue, books
        As in `adl_frequency`.

    Returns
    -------
    DataFrame
        One row per symbol (``venue``: the factor) and point of the grid: ``symbol``, ``leverage``, ``depth``,
        ``fund``, ``per_year`` (falls and rises) and ``return_period`` [years]. Estimates only.

    Raises
    ------
    CurveError
        If `depth` is given without books, if a factor of it is not above zero and finite, or as in `adl_frequency`.
    VenueError
        If the venue has not exactly one insurance fund.
    PanelError, TailError, BookError
        As in `adl_frequency` and `scale_leverage`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> table = adl.frequency_sensitivity(panel, tails={"BTC": (tail, tail)}, fund=[10.0], leverage=[1.0, 2.0])
    >>> table.set_index("leverage")["per_year"].round(3).to_dict()
    {1.0: 0.017, 2.0: 0.132}
    """
    if not books and list(depth) != [1.0]:
        raise CurveError("depth scales books: give venue= and books=")
    if not all(0 < scale < np.inf for scale in depth):
        raise CurveError(f"depth must be finite and above zero, got {depth!r}")
    parts = []
    for stretch, scale, money in product(leverage, depth, fund):
        place = {"buffer": money} if venue is None else {"venue": _with_fund(venue, money)}
        deep = None if books is None else {name: deeper(book, scale) for name, book in books.items()}
        found = adl_frequency(
            scale_leverage(panel, stretch), tails=tails, factor=factor, books=deep, n_resamples=1, n_panels=0, rng=0,
            **place,
        )  # fmt: skip
        rows = found.table.xs(BOTH, level="side")[["per_year", "return_period"]].reset_index()
        parts.append(rows.assign(leverage=float(stretch), depth=float(scale), fund=float(money)))
    columns = ["symbol", "leverage", "depth", "fund", "per_year", "return_period"]
    return pd.concat(parts, ignore_index=True)[columns]


def deeper(book: OrderBook, scale: float) -> OrderBook:
    """A book with `scale` times the contracts at every level."""
    bids, asks = (levels.assign(qty=levels["qty"] * scale) for levels in (book.bids, book.asks))
    return replace(book, bids=bids, asks=asks)


def _with_fund(venue: VenueRules, balance: float) -> VenueRules:
    """The venue with another balance of its fund."""
    funds = [buffer for buffer in venue.buffers if isinstance(buffer, InsuranceFund)]
    if len(funds) != 1:
        raise VenueError(f"{venue.name}: fund= needs a venue with one insurance fund, found {len(funds)}")
    changed = [replace(buffer, balance=balance) if buffer is funds[0] else buffer for buffer in venue.buffers]
    return venue.with_buffers(*changed)
