"""A whole price path through the waterfall of a venue."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from adlkit.book import OrderBook
from adlkit.buffers import BackstopVault
from adlkit.errors import PanelError, PathError, VenueError
from adlkit.event import check_event
from adlkit.exits import Hold
from adlkit.groups import used_levels
from adlkit.panel import mark_to
from adlkit.simulation.conditions import Conditions
from adlkit.simulation.liquidity import Liquidity
from adlkit.simulation.result import SimulationResult
from adlkit.simulation.run import Run
from adlkit.standing import Standing
from adlkit.venues import VenueRules


def simulate(
    panel: pd.DataFrame,
    path: pd.DataFrame,
    *,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None = None,
    funding: pd.DataFrame | None = None,
    volumes: pd.DataFrame | None = None,
    refill: float = 600.0,
    impact: float = 0.0,
) -> SimulationResult:
    """Run a whole price path through the waterfall of a venue.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment, in one settlement currency.
    path : DataFrame, time x symbol
        Price of every symbol at each step [quote/base]; times rise, at any spacing.
    venue : VenueRules
        With its buffers; a `BackstopVault` unwinds its inventory by its own exit rule.
    books : mapping of symbol to OrderBook, optional
        Depth by distance from the price (a book with real levels keeps their distances in percent).
    funding : DataFrame, some times of the path x symbol, optional
        What longs pay shorts at that step, per unit of notional [1].
    volumes : DataFrame, times of the path x symbol, optional
        Contracts that the market traded since the step before; needed by exit rules that follow volume.
    refill : float, default 600
        Seconds in which half of what has traded in a book comes back; 0: all, before the next step; inf: nothing.
    impact : float, default 0
        How far forced trades move the mark, from 0 (not at all) to 1 (to the last level that has traded and is not
        back). With 1, no refill and market orders, marks come to rest where `cascade_curve` has them.

    Returns
    -------
    SimulationResult

    Raises
    ------
    PanelError, PathError, BookError, VenueError
        If an input is faulty, or a rule misses one.

    Notes
    -----
    In each step:

    1. Books refill; the mark is the path's price, displaced by what is missing in the book (`impact`).
    2. Funding, if due: longs pay shorts on notional at the mark. What accounts and vaults hold on balance, those who
       trade in the book hold on the other side, so that payments add up to nothing.
    3. Quotes of vaults that the mark has reached are filled.
    4. One event, as `run_event` has it, with the marks of the step before as previous marks and the path as oracle
       prices. Orders meet what is left of the books; buffers are what earlier steps have left of them. What stays open
       is tried again in the next step.
    5. A vault whose means are below zero is relieved, if it has that right: its inventory is closed against winners by
       the venue's policy and at its fill price, as that of a bankrupt account.
    6. Vaults unwind in what is left of the books.

    What a venue states per event holds per step here: the share of a fund (`max_use`), the loss limit of a vault, the
    first part of a large position (no waiting between parts). The capacity of a programme is for the whole path. A
    venue that fills at previous marks (Hyperliquid) gives the bankrupt the mark one step before: choose steps as long
    as the venue's own (seconds), or the price rule ``venues.at_capped_previous_mark``; in one long step winners would
    pay a whole fall. With `impact`, what the exits of a vault do to the mark is drift of its inventory, not impact, in
    `vault_pnl`. A vault's equity below zero is its parent's loss up to the backing, and beyond it a debt.

    Nothing is drawn at random: randomness is in the path (`crash_paths`). Accounts do not trade, deposit or withdraw on
    their own. A step that reaches no liquidation price and meets no vault that unwinds costs no work on accounts. One
    that does reads their alarms, O(n) on bare arrays, and runs an event over the accounts that are liquidated; where
    winners are needed it orders them all, O(n log n). Accounts that nobody can close are tried again at each step.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10 21:00", periods=3, freq="min", tz="UTC")
    >>> path = pd.DataFrame({"BTC": [90.0, 70.0, 85.0]}, index=times)
    >>> vault = adl.BackstopVault(equity=1000.0, exit_rule=adl.exits.Hold())
    >>> venue = adl.venues.hyperliquid.with_buffers(vault)
    >>> result = adl.simulate(adl.load_dataset("four_accounts"), path, venue=venue)
    >>> result.vaults["equity"].tolist()
    [1000.0, 980.0, 1010.0]
    """
    check_event(panel, venue, books or {})
    panel = panel.set_axis(used_levels(panel.index))
    symbols = sorted(map(str, panel.index.unique("symbol")))
    standing = Standing.of(panel)
    inverse = np.zeros(len(symbols), dtype=bool)
    if standing.inverse is not None:
        inverse[standing.market // 2] = standing.inverse
    conditions = Conditions.of(path, symbols, inverse, funding, volumes)
    _check(panel, conditions, venue, impact=impact, has_volumes=volumes is not None, has_books=books is not None)
    liquidity = Liquidity(books or {}, symbols, refill=refill, impact=impact)
    return Run(panel, conditions, venue, liquidity).finish()


def _check(
    panel: pd.DataFrame,
    conditions: Conditions,
    venue: VenueRules,
    *,
    impact: float,
    has_volumes: bool,
    has_books: bool,
) -> None:
    """Raise an error for what would only fail on the way."""
    for buffer in venue.buffers:
        if isinstance(buffer, BackstopVault):
            if buffer.exit_rule.needs_volume and not has_volumes:
                raise PathError(f"{buffer.name}: its exit rule {buffer.exit_rule!r} follows volume; pass volumes")
            if buffer.name in panel.index.unique("account"):
                raise VenueError(f"an account has the name of the vault, {buffer.name!r}; rename one of them")
            if buffer.exit_rule != Hold() and buffer.exit_rule.spread is None and not has_books:
                raise VenueError(f"{buffer.name}: its exit rule {buffer.exit_rule!r} trades in books; pass books")
            if missing := sorted(set(buffer.inventory) - set(conditions.symbols)):
                raise PanelError([f"{buffer.name} holds {missing}, which the panel does not; simulate them together"])
    if venue.tiers is None:
        values = np.abs(conditions.values(conditions.price))
        least = conditions.price[np.argmin(values, axis=0), np.arange(values.shape[1])]
        mark_to(panel, dict(zip(conditions.symbols, least.tolist(), strict=True)))
        if impact > 0 and (panel["maintenance_deduction"] > 0).any():
            raise PanelError(["maintenance_deduction: impact moves marks beyond the path; pass tiers to the venue"])
    else:
        mark_to(panel, dict(zip(conditions.symbols, conditions.price[0].tolist(), strict=True)), tiers=venue.tiers)
