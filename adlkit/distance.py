"""How far a market is from ADL, in money or in contracts, and where a single position stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from adlkit.book import OrderBook
from adlkit.contracts import Floats
from adlkit.curves import shortfall_curve
from adlkit.errors import CurveError, PanelError
from adlkit.groups import level_keys
from adlkit.lines import numbers
from adlkit.margin import bankruptcy_price, effective_leverage, liquidation_price, notional, unrealized_pnl
from adlkit.panel import check_panel, currencies, mark_prices, mark_to
from adlkit.ranking import adl_queue
from adlkit.reach import MOVES, adl_reach
from adlkit.standing import Standing
from adlkit.venues import VenueRules

FALL, RISE = "long", "short"
"""Which side a move bankrupts: a fall longs, a rise shorts."""


def distance_to_adl(
    panel: pd.DataFrame,
    *,
    buffer: float | pd.Series | None = None,
    venue: VenueRules | None = None,
    books: Mapping[str, OrderBook] | None = None,
    sigma: float | pd.Series | None = None,
    moves: Sequence[float] = MOVES,
) -> pd.DataFrame:
    """Smallest move of each symbol that exhausts a buffer, or that makes an event deleverage somebody.

    Parameters
    ----------
    panel : DataFrame
        Checked positions; with a `venue` of one moment.
    buffer : float or Series
        Money distance: what the venue can pay [ccy], e.g. its insurance fund, in full for each symbol. A Series has
        one or more of the levels time and symbol in its index; panels of several settlement currencies need one by
        symbol. Not together with `venue`.
    venue : VenueRules
        Contract distance: rules and buffers of an event, with all their capacities. Not together with `buffer`.
    books : mapping of symbol to OrderBook, optional
        With `venue` only; see `adl_reach`.
    sigma : float or Series, optional
        Standard deviation of the log return over the horizon of interest [1], for all symbols or by symbol.
    moves : sequence of float
        With `venue` only: the grid of moves that `adl_reach` looks at.

    Returns
    -------
    DataFrame, index (symbol, side) or (time, symbol, side)
        ``side`` is that of the accounts which the move bankrupts: ``long`` for a fall. ``mark_price``, ``price``
        where the distance ends [quote/base], ``width`` [1] (how much nearer the mark it may be: 0 in money, that of
        `adl_reach` in contracts; NaN where it is infinite), ``percent`` (move in % of the mark, never negative) and
        ``sigmas`` (abs(log move) / sigma; NaN without `sigma`). 0 when there is a need already; inf, with price 0 or
        inf, when no price (in contracts: none that `adl_reach` looks at) gets there.

        Money: the move of this symbol alone at which the shortfall of all accounts of its currency exceeds the
        buffer. Contracts: the nearest ADL price of any position on the other side (`adl_reach`, whose notes say at
        which prices it looks), in either direction. The second can be far smaller: a vault can run out of notional
        long before it runs out of money.

    Raises
    ------
    CurveError
        If not exactly one of buffer and venue is given, if a number is missing, not finite, negative, or no number
        (sigma: or zero), or if one buffer meets several currencies.
    PanelError, BookError, VenueError
        As in `adl_reach`.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> adl.distance_to_adl(panel, buffer=10.0)["percent"].round(4).to_dict()
    {('BTC', 'long'): 25.0, ('BTC', 'short'): 30.0}
    """
    check_panel(panel)
    if (buffer is None) == (venue is None):
        raise CurveError("give either buffer=, for the distance in money, or venue=, for the distance in contracts")
    if buffer is not None and books is not None:
        raise CurveError("books belong to a distance in contracts; give venue= instead of buffer=")
    if venue is not None:
        table = _contract_distance(panel, adl_reach(panel, venue=venue, books=books, moves=moves))
    elif buffer is not None:
        table = _money_distance(panel, buffer)
    deviation = np.nan if sigma is None else _by_row(table.index, sigma, "sigma")
    if np.any(np.equal(deviation, 0.0)):
        raise CurveError(f"sigma must be above zero, got {sigma!r}")
    ratio = (table["price"] / table["mark_price"]).to_numpy()
    with np.errstate(divide="ignore"):
        percent = np.where(ratio > 0, 100.0 * np.abs(ratio - 1.0), np.inf)
        return table.assign(percent=percent, sigmas=np.abs(np.log(ratio)) / deviation)


def my_position(
    panel: pd.DataFrame,
    key: tuple[str, str],
    *,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None = None,
) -> pd.Series:
    """What the holder of a position wants to see: where it is liquidated, bankrupt, and reached by the ADL queue.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment, the whole market as far as it is known: the queue is made of them.
    key : tuple of str
        Account and symbol of the position.
    venue, books
        As in `adl_reach`.

    Returns
    -------
    Series
        ``qty`` [contracts], ``entry_price``, ``mark_price`` [quote/base], ``notional``, ``unrealized_pnl`` [ccy],
        ``effective_leverage`` [1]; ``liquidation_price``, ``bankruptcy_price``, ``adl_price``, ``closed_price``
        [quote/base] (0, inf and NaN as in the measures of these names and in `adl_reach`); ``is_released`` (1 or 0);
        at the present marks ``rank``, ``lights`` of the venue's ``n_lights`` and ``contracts_ahead``, NaN where the
        position stands in no queue, and ``contracts_in_queue`` of its side (accounts in liquidation stand in none);
        ``profit_at_risk``: its profit at the ADL price [ccy], which ends there; NaN where the queue never reaches it.

    Raises
    ------
    PanelError
        If the panel holds no such position.
    BookError, VenueError
        As in `adl_reach`.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> mine = adl.my_position(panel, ("bob", "BTC"), venue=adl.venues.bitmex)
    >>> mine[["liquidation_price", "adl_price", "contracts_ahead", "profit_at_risk"]].round(2).to_dict()
    {'liquidation_price': 123.81, 'adl_price': 84.21, 'contracts_ahead': 0.0, 'profit_at_risk': 31.58}
    """
    check_panel(panel)
    if not isinstance(key, tuple) or len(key) != 2 or key not in panel.index or panel.at[key, "qty"] == 0:
        raise PanelError([f"no position {key!r} in the panel; give (account, symbol) of one"])
    if venue.tiers is not None:
        panel = mark_to(panel, mark_prices(panel), tiers=venue.tiers)
    position, reach = panel.loc[[key]], adl_reach(panel, venue=venue, books=books, symbol=key[1])
    account = panel.loc[[key[0]]]
    measured = {
        "notional": notional(account),
        "unrealized_pnl": unrealized_pnl(account),
        "effective_leverage": effective_leverage(account),
        "liquidation_price": liquidation_price(account, tiers=venue.tiers),
        "bankruptcy_price": bankruptcy_price(account),
    }
    facts = {name: position[name].iloc[0] for name in ("qty", "entry_price", "mark_price")}
    found = {name: reach.at[key, name] for name in ("adl_price", "closed_price", "is_released")}
    values = facts | {name: measure.at[key] for name, measure in measured.items()} | found
    at_risk = {"profit_at_risk": _profit_at(position, float(reach["adl_price"][key]))}
    return pd.Series(values | _place(panel, key, venue) | at_risk, dtype=float, name=" ".join(key))


def _place(panel: pd.DataFrame, key: tuple[str, str], venue: VenueRules) -> dict[str, float]:
    """Where a position stands in its queue at the present marks; accounts in liquidation stand in none."""
    account, symbol = key
    side = "long" if panel["qty"][key] > 0 else "short"
    panel = panel[~Standing.of(panel).is_liquidated]
    weight = panel["qty"].abs() if venue.is_contract_weighted else None
    queues = adl_queue(panel, score=venue.policy.score, weight=weight, n_lights=venue.n_lights).reset_index()
    queue = queues[(queues["symbol"] == symbol) & (queues["side"] == side)]
    own, size = queue[queue["account"] == account], queue["qty"].abs()
    is_queued = len(own) > 0
    rank = float(own["rank"].iloc[0]) if is_queued else np.nan
    return {
        "rank": rank,
        "lights": float(own["lights"].iloc[0]) if is_queued else np.nan,
        "contracts_ahead": float(size[queue["rank"] < rank].sum()) if is_queued else np.nan,
        "contracts_in_queue": float(size.sum()),
    }


def _profit_at(position: pd.DataFrame, price: float) -> float:
    """Profit of one position at another mark [ccy]; NaN without a price."""
    if np.isnan(price):
        return np.nan
    return float(unrealized_pnl(position.assign(mark_price=price)).iloc[0])


def _money_distance(panel: pd.DataFrame, buffer: float | pd.Series) -> pd.DataFrame:
    """Marks of each symbol, down and up, beyond which the shortfall exceeds the buffer."""
    if not isinstance(buffer, pd.Series) and len(coins := currencies(panel)) > 1:
        raise CurveError(f"one buffer cannot pay in several currencies, found {coins}; give a Series by symbol")
    marks = mark_prices(panel)
    amount = _by_row(marks.index, buffer, "buffer")
    price = {side: np.empty(len(marks)) for side in (FALL, RISE)}
    symbols = marks.index.get_level_values("symbol")
    for symbol in symbols.unique():
        curve, rows = shortfall_curve(panel, symbol=symbol), np.flatnonzero(symbols == symbol)
        price[FALL][rows] = curve.price_at(amount[rows], side="down")
        price[RISE][rows] = curve.price_at(amount[rows], side="up")
    table = _sided(marks, price)
    return table.assign(width=np.where((table["price"] > 0) & (table["price"] < np.inf), 0.0, np.nan))


def _contract_distance(panel: pd.DataFrame, reach: pd.DataFrame) -> pd.DataFrame:
    """Marks of each symbol nearest to the present ones at which longs, or shorts, need winners to close them."""
    move = (reach["adl_price"] / panel["mark_price"] - 1.0).abs()
    needy = np.where(panel["qty"] > 0, RISE, FALL)
    nearest = reach[["adl_price", "width"]].assign(move=move, side=needy).sort_values("move", kind="stable").dropna()
    first = nearest.groupby(["symbol", "side"], observed=True)[["adl_price", "width"]].first()
    marks = mark_prices(panel)
    table = _sided(marks, {FALL: np.zeros(len(marks)), RISE: np.full(len(marks), np.inf)})
    found = first.reindex(table.index)
    return table.assign(price=found["adl_price"].fillna(table["price"]), width=found["width"])


def _sided(marks: pd.Series, price: Mapping[str, Floats]) -> pd.DataFrame:
    """One row per mark and side."""
    tables = [marks.to_frame().assign(side=side, price=price[side]) for side in (FALL, RISE)]
    return pd.concat(tables).set_index("side", append=True).sort_index()


def _by_row(index: pd.Index, given: float | pd.Series, what: str) -> Floats:
    """A number per row, from one for all or from a Series by some of the index levels; or one CurveError."""
    if isinstance(given, pd.Series):
        names = [str(name) for name in given.index.names]
        if given.index.has_duplicates or not set(names) <= set(index.names) - {"side"}:
            raise CurveError(f"{what}: index levels are {names}, need each once of {list(index.names)}")
        keys = level_keys(index, names)
        if not keys.isin(given.index).all():
            raise CurveError(f"{what}: nothing given for {list(map(str, keys[~keys.isin(given.index)].unique()[:5]))}")
        values = numbers(given.reindex(keys).to_numpy(), what)
    else:
        values = np.broadcast_to(numbers(given, what), len(index))
    if not (np.isfinite(values) & (values >= 0)).all():
        raise CurveError(f"{what} must be finite and not below zero, got {given!r}")
    return values
