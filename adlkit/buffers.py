"""What stands between liquidated accounts and their winners: programmes, funds, vaults.

A buffer is offered the open positions of liquidated accounts (`Distress`) and answers with what it takes (`Taken`)
and what is left of it: its money is finite, and calling it changes nothing. Needs of one market (symbol and side) are
served in the order of their orders: strictest limit, then close-out price, then account; a buffer that cannot serve
all of them serves the same share of the contracts of every market.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import pandas as pd

from adlkit.contracts import Flags, Floats
from adlkit.distress import BOOK, ROUNDING, Distress, Taken
from adlkit.errors import VenueError
from adlkit.groups import Codes
from adlkit.matching import overlap
from adlkit.rules import queue


class Buffer(Protocol):
    """Anything that can be offered distressed positions: a name, money, and how they change."""

    @property
    def name(self) -> str:
        """Its name in results."""

    @property
    def money(self) -> float:
        """What it owns [ccy]; only changes of it count."""

    @property
    def budget(self) -> float:
        """Money [ccy] of it that one event may use to pay what accounts owe."""

    def remark(self, values: Mapping[str, float]) -> Buffer:
        """The buffer at other values of one contract, by symbol."""

    def take(self, distress: Distress) -> tuple[Taken, Buffer]:
        """What it takes, and what is left of it."""

    def receive(self, amount: float) -> Buffer:
        """The buffer with `amount` more [ccy], or less below zero."""


@dataclass(frozen=True)
class ProgrammaticLiquidity:
    """Standing offers to take liquidated positions at a discount to the mark, e.g. an assignment scheme.

    Parameters
    ----------
    capacity : float
        Notional [ccy] it takes in one event, over all symbols and both sides.
    discount : float
        Distance [1] from the mark at which it trades: longs are bought at mark x (1 - discount), shorts sold at
        mark x (1 + discount). It serves only orders whose limit allows that.
    money : float, default 0
        Gains [ccy] so far, against the marks of their events.
    name : str, default "programmatic liquidity"
        In results.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.ProgrammaticLiquidity(capacity=1e6, discount=0.005).discount
    0.005
    """

    capacity: float
    discount: float
    money: float = 0.0
    name: str = "programmatic liquidity"
    budget: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        _check_amount(self.name, "capacity", self.capacity)
        if not 0 <= self.discount < 1:
            raise VenueError(f"{self.name}: discount must be within [0, 1), got {self.discount!r}")

    def take(self, distress: Distress) -> tuple[Taken, Buffer]:
        """Serve the orders whose limit allows the discounted price."""
        linear = distress.mark > 0
        factor = 1.0 - distress.side * self.discount
        value = np.where(linear, distress.mark * factor, distress.mark / factor)
        allowed = distress.side * (value - distress.limit) >= -ROUNDING * np.abs(distress.limit)
        willing = np.where(allowed, distress.ordered, 0.0)
        wanted = distress.markets.total(willing * distress.unit)
        part = _affordable(self.capacity, wanted.sum())
        qty = queue(part * distress.markets.total(willing), willing, None, distress.market)
        used = float((qty * distress.unit).sum())
        gain = float((qty * distress.side * (distress.mark - value)).sum())
        left = replace(self, capacity=max(self.capacity - used, 0.0), money=self.money + gain)
        return Taken(qty, value, np.zeros(len(qty)), self.name), left

    def remark(self, values: Mapping[str, float]) -> ProgrammaticLiquidity:  # noqa: ARG002
        """The same: it is rid of what it took."""
        return self

    def receive(self, amount: float) -> ProgrammaticLiquidity:
        """The programme with `amount` more [ccy], or less below zero."""
        return replace(self, money=self.money + amount)


@dataclass(frozen=True)
class InsuranceFund:
    """A pot that closes orders in the book beyond their limit and pays the account up to its close-out price.

    Parameters
    ----------
    balance : float
        Money [ccy].
    max_use : float, default 1
        Share [1] of the balance that one event may use.
    name : str, default "insurance fund"
        In results.

    Notes
    -----
    It needs a book: without one it only pays money still owed at the end. If it cannot afford to close everything, it
    closes the largest share of every market's orders, the same in each, that its budget pays for.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.InsuranceFund(balance=1e6, max_use=0.5).budget
    500000.0
    """

    balance: float
    max_use: float = 1.0
    name: str = "insurance fund"

    def __post_init__(self) -> None:
        _check_amount(self.name, "balance", self.balance)
        if not 0 <= self.max_use <= 1:
            raise VenueError(f"{self.name}: max_use must be within [0, 1], got {self.max_use!r}")

    @property
    def money(self) -> float:
        """Its balance [ccy]."""
        return self.balance

    @property
    def budget(self) -> float:
        """Money that one event may use."""
        return self.balance * self.max_use

    def remark(self, values: Mapping[str, float]) -> InsuranceFund:  # noqa: ARG002
        """The same: it holds no positions."""
        return self

    def take(self, distress: Distress) -> tuple[Taken, Buffer]:
        """Sweep what is left of the book, strictest close-out first, as far as the budget pays for it."""
        lines = [_costly_line(distress, code) for code in range(len(distress.symbols))]
        wanted = distress.markets.total(distress.ordered)
        part = _part_paid(lines, wanted, self.budget)
        end = np.minimum(part * wanted, [line.depth[-1] for line in lines])
        qty = queue(end, distress.ordered, None, distress.market)
        value = distress.book_values(qty)
        paid = np.maximum(qty * distress.worse_than_close_out(value), 0.0)
        return Taken(qty, value, paid, BOOK), self.receive(-float(paid.sum()))

    def receive(self, amount: float) -> InsuranceFund:
        """The fund with `amount` more [ccy], or less below zero."""
        return replace(self, balance=max(self.balance + amount, 0.0))


def _no_inventory() -> pd.DataFrame:
    return pd.DataFrame({"qty": [], "value": []}, index=pd.Index([], name="symbol", dtype="str"), dtype=float)


@dataclass(frozen=True, eq=False)
class BackstopVault:
    """A participant that takes over liquidated positions, or whole accounts, as far as its equity carries them.

    Parameters
    ----------
    equity : float
        Money [ccy], profit on its inventory included.
    max_leverage : float, default 1
        Notional it may hold, per unit of equity.
    max_loss : float, default inf
        Loss against the mark [ccy] that it takes on in one event, never more than its equity. It stops where the
        limit is reached; what it earns on other positions does not widen it.
    threshold : float, default 1
        It serves accounts whose equity is below `threshold` x maintenance margin at the event's marks.
    takes_accounts : bool, default False
        Take whole accounts (all positions at mark, with the equity that is left) instead of ordered positions at
        close-out prices. Accounts are then taken largest -equity / margin first; one that does not fit into what is
        left is passed over for the next that does.
    is_netting : bool, default False
        Count the net notional of each symbol, not the gross notional of all that is taken. What offsets the other side
        or the inventory needs no room, and is taken even by a vault that is over its limit.
    inventory : DataFrame, optional
        Index ``symbol``; ``qty`` [contracts, signed] and ``value`` of one contract at the last mark [ccy].
    name : str, default "backstop vault"
        In results.

    Notes
    -----
    Capacity is that of the start of the event: what it earns at takeover does not enlarge it. Two cases break the
    rule that more capacity means less ADL in every market: netting (a richer buffer before it can take away the
    offsetting side) and whole accounts (a larger one may take the room of several small ones).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.BackstopVault(equity=1e6, max_leverage=5.0).room
    5000000.0
    """

    equity: float
    max_leverage: float = 1.0
    max_loss: float = np.inf
    threshold: float = 1.0
    takes_accounts: bool = False
    is_netting: bool = False
    inventory: pd.DataFrame = field(default_factory=_no_inventory)
    name: str = "backstop vault"
    budget: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.equity):
            raise VenueError(f"{self.name}: equity must be finite, got {self.equity!r}")
        _check_amount(self.name, "max_leverage", self.max_leverage)
        for name in ("max_loss", "threshold"):
            if not getattr(self, name) >= 0:
                raise VenueError(f"{self.name}: {name} must be 0 or more, got {getattr(self, name)!r}")
        if self.takes_accounts and self.is_netting:
            raise VenueError(
                f"{self.name}: whole accounts are counted gross; set is_netting or takes_accounts, not both"
            )
        self._check_inventory()

    def _check_inventory(self) -> None:
        if missing := [column for column in ("qty", "value") if column not in self.inventory]:
            raise VenueError(f"{self.name}: inventory misses columns {missing}")
        held = self.inventory[["qty", "value"]]
        if any(dtype.kind not in "iuf" for dtype in held.dtypes) or not np.isfinite(held.to_numpy(dtype=float)).all():
            raise VenueError(f"{self.name}: inventory must hold finite numbers in qty and value")
        if held.index.has_duplicates:
            raise VenueError(f"{self.name}: inventory has a symbol twice; add the rows up")

    @property
    def money(self) -> float:
        """Its equity [ccy]."""
        return self.equity

    @property
    def room(self) -> float:
        """Notional [ccy] that still fits, counted gross."""
        held = float((self.inventory["qty"] * self.inventory["value"]).abs().sum())
        return max(self.equity * self.max_leverage - held, 0.0)

    @property
    def bearable_loss(self) -> float:
        """Loss against the mark [ccy] that one event may bring: no vault pays more than it owns."""
        return min(self.max_loss, max(self.equity, 0.0))

    def remark(self, values: Mapping[str, float]) -> BackstopVault:
        """The vault with its inventory at other values of one contract, by symbol."""
        if missing := [symbol for symbol in self.inventory.index if symbol not in values]:
            raise VenueError(f"{self.name}: no mark for symbols {missing} of its inventory")
        value = np.array([values[symbol] for symbol in self.inventory.index], dtype=float)
        gain = float((self.inventory["qty"] * (value - self.inventory["value"])).sum())
        return replace(self, equity=self.equity + gain, inventory=self.inventory.assign(value=value))

    def take(self, distress: Distress) -> tuple[Taken, Buffer]:
        """Take over positions at close-out prices, or whole accounts."""
        served = distress.equity < self.threshold * distress.margin
        if self.takes_accounts:
            whole = self._fitting_accounts(distress, served)[distress.account]
            qty, paid = np.where(whole, distress.open, 0.0), np.where(whole, distress.gap, 0.0)
        else:
            qty = self._fitting_positions(distress, np.where(served[distress.account], distress.ordered, 0.0))
            paid = np.zeros(len(qty))
        return Taken(qty, distress.close_out, paid, self.name), self._holding(distress, qty, paid)

    def receive(self, amount: float) -> BackstopVault:
        """The vault with `amount` more [ccy], or less below zero."""
        return replace(self, equity=self.equity + amount)

    def _fitting_accounts(self, distress: Distress, served: Flags) -> Flags:
        accounts = distress.accounts
        size = accounts.total(distress.open * distress.unit)
        worth = accounts.total(-distress.open * distress.worse_than_close_out(distress.mark) - distress.gap)
        with np.errstate(divide="ignore", invalid="ignore"):
            urgency = np.where(distress.margin > 0, -distress.equity / distress.margin, np.inf)
        queue_ = np.lexsort((np.arange(len(size)), -urgency))
        candidates = queue_[(served & (size > 0))[queue_]]
        return _first_fit(candidates, size, np.maximum(-worth, 0.0), self.room, self.bearable_loss)

    def _fitting_positions(self, distress: Distress, willing: Floats) -> Floats:
        wanted = distress.markets.total(willing)
        if self.is_netting and self.equity >= 0:
            part = self._netted_part(distress, willing)
        else:
            part = np.full(len(wanted), _affordable(self.room, (willing * distress.unit).sum()))
        loss = willing * np.maximum(distress.worse_than_close_out(distress.mark), 0.0)
        lines = [Line.of(willing[rows], loss[rows]) for rows in distress.market_rows]
        end = part * wanted
        return queue(_part_paid(lines, end, self.bearable_loss) * end, willing, None, distress.market)

    def _netted_part(self, distress: Distress, willing: Floats) -> Floats:
        """Share of each market that fits when both sides of a symbol offset each other and the inventory."""
        signed = pd.Series(distress.markets.total(willing * distress.unit * distress.side), index=distress.symbols)
        net = signed.groupby(level=0).sum()
        held = (self.inventory["qty"] * self.inventory["value"].abs()).reindex(net.index, fill_value=0.0)
        own = (self.inventory["qty"] * self.inventory["value"]).abs().drop(net.index, errors="ignore").sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            turns = np.where(net != 0, -held / net, 0.0)
        steps = np.unique(np.r_[0.0, turns[(turns > 0) & (turns < 1)], 1.0])
        use = np.abs(held.to_numpy() + np.outer(steps, net)).sum(axis=1) + own
        excess = _last_reach(steps, use, max(self.equity * self.max_leverage, use.min()))
        lesser = (
            signed.abs().groupby(level=0).transform("min").where(signed.groupby(level=0).transform("size") > 1, 0.0)
        )
        size = signed.abs()
        taken = lesser + excess * (size - lesser)
        return (taken / size.where(size > 0, 1.0)).to_numpy()

    def _holding(self, distress: Distress, qty: Floats, paid: Floats) -> BackstopVault:
        """The vault after it has traded at close-out prices and paid what accounts owed."""
        gain = float((-qty * distress.worse_than_close_out(distress.mark)).sum() - paid.sum())
        bought = pd.Series(distress.markets.total(qty * distress.side), index=distress.symbols).groupby(level=0).sum()
        value = pd.Series(distress.mark, index=np.array(distress.symbols, dtype=object)[distress.market])
        value = value[~value.index.duplicated()]
        held = self.inventory["qty"].add(bought[bought != 0], fill_value=0.0)
        values = value.combine_first(self.inventory["value"]).reindex(held.index)
        return replace(
            self,
            equity=self.equity + gain,
            inventory=pd.DataFrame({"qty": held, "value": values}).rename_axis("symbol"),
        )


class Line(NamedTuple):
    """Cumulative contracts along a line of needs, and what serving them costs; both start with 0."""

    depth: Floats
    cost: Floats

    @classmethod
    def of(cls, qty: Floats, cost: Floats) -> Line:
        """Line of needs with the cost of each."""
        return cls(np.r_[0.0, np.cumsum(qty)], np.r_[0.0, np.cumsum(cost)])


def _part_paid(lines: list[Line], wanted: Floats, budget: float) -> float:
    """Largest share of the `wanted` contracts, the same in every line, that a budget pays for."""
    pairs = [(line, want) for line, want in zip(lines, wanted, strict=True) if want > 0]
    knots = np.unique(np.concatenate([np.minimum(line.depth / want, 1.0) for line, want in pairs] or [np.zeros(1)]))
    knots = np.union1d(knots, [0.0, 1.0])
    spent = sum((np.interp(knots * want, line.depth, line.cost) for line, want in pairs), np.zeros(len(knots)))
    return _last_reach(knots, spent, budget)


def _costly_line(distress: Distress, code: int) -> Line:
    """What closing a market's orders in what is left of its book costs beyond close-out, along their line."""
    rows, ladder = distress.market_rows[code], distress.ladders[code]
    left = np.diff(np.maximum(ladder.depth, distress.used[code]))
    pairs = overlap(distress.ordered[rows], left)
    own = rows[pairs.first]
    gap = distress.side[own] * distress.close_out[own] - ladder.merit[pairs.second]
    return Line.of(pairs.qty, pairs.qty * np.maximum(gap, 0.0))


def _affordable(budget: float, cost: float) -> float:
    """Share of a cost that a budget covers."""
    return 1.0 if cost <= budget else budget / cost


def _last_reach(depth: Floats, cost: Floats, budget: float) -> float:
    """Largest depth whose piecewise linear cost is within the budget; the first depth if none is."""
    within = np.flatnonzero(cost <= budget)
    if len(within) == 0:
        return float(depth[0])
    last = within[-1]
    if last == len(cost) - 1:
        return float(depth[-1])
    share = (budget - cost[last]) / (cost[last + 1] - cost[last])
    return float(depth[last] + share * (depth[last + 1] - depth[last]))


def _first_fit(candidates: Codes, size: Floats, loss: Floats, room: float, max_loss: float) -> Flags:
    """Take candidates in order, passing over those that no longer fit; each pass takes a whole run of them."""
    taken = np.zeros(len(size), dtype=bool)
    while len(candidates):
        candidates = candidates[(size[candidates] <= room) & (loss[candidates] <= max_loss)]
        fits = (np.cumsum(size[candidates]) <= room) & (np.cumsum(loss[candidates]) <= max_loss)
        run = len(candidates) if fits.all() else int(np.argmin(fits))
        taken[candidates[:run]] = True
        room -= size[candidates[:run]].sum()
        max_loss -= loss[candidates[:run]].sum()
        candidates = candidates[run + 1 :]
    return taken


def _check_amount(buffer: str, what: str, amount: float) -> None:
    if not 0 <= amount < np.inf:
        raise VenueError(f"{buffer}: {what} must be finite and 0 or more, got {amount!r}")
