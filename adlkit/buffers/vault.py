"""A participant with finite capacity that takes liquidated positions into inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd

from adlkit.buffers.capacity import Line, affordable, check_amount, discounted, first_fit, last_reach, part_paid
from adlkit.buffers.protocol import Buffer
from adlkit.contracts import Flags, Floats
from adlkit.distress import ROUNDING, Distress, Taken
from adlkit.errors import VenueError
from adlkit.exits import ExitRule, Hold
from adlkit.rules import queue


class Holding(NamedTuple):
    """Contracts held of one symbol, signed, and the value of one at the last mark [ccy].

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.Holding(qty=-2.0, value=100.0).notional
    200.0
    """

    qty: float
    value: float

    @property
    def notional(self) -> float:
        """Size at the last mark [ccy], never negative."""
        return abs(self.qty * self.value)


@dataclass(frozen=True, eq=False)
class BackstopVault:
    """A participant that takes over liquidated positions, or whole accounts, as far as its equity carries them.

    Parameters
    ----------
    equity : float
        Money [ccy], profit on its inventory included.
    max_leverage : float, default 1
        Notional it may hold, per unit of its means (equity and backing).
    max_notional : float, default inf
        Notional [ccy] it may hold, whatever its means.
    symbol_caps : mapping of str to float, optional
        Notional [ccy] it may hold of single symbols; symbols that are not named have no cap of their own.
    max_loss : float, default inf
        Loss against the mark [ccy] that it takes on in one event, never more than its means. It stops where the
        limit is reached; what it earns on other positions does not widen it.
    threshold : float, default 1
        It serves accounts whose equity is below `threshold` x maintenance margin at the event's marks.
    takes_accounts : bool, default False
        Take whole accounts (all positions at mark, with the equity that is left) instead of ordered positions at
        close-out prices. Accounts are then taken largest -equity / margin first; one that does not fit into what is
        left is passed over for the next that does.
    discount : float, optional
        Take ordered positions at this distance [1] from the mark (longs below, shorts above) instead of close-out
        prices, as far as the limit of the order allows that.
    is_netting : bool, default False
        Count the net notional of each symbol, not the gross notional of all that is taken. What offsets the other side
        or the inventory needs no room, and is taken even by a vault that is over its limit.
    backing : float, default 0
        Money [ccy] of a parent that stands behind it: collateral shared with other vaults. It counts for capacity and
        solvency and is never spent here; with 0 the vault's collateral is isolated.
    exit_rule : exit rule, default `exits.Hold()`
        How `simulate` trades the inventory away; one event does not.
    fee_rate : float, default 0
        What it pays for its own trades outside events [1, of notional]; `simulate` only.
    is_relieved : bool, default False
        Whether `simulate` deleverages winners against its inventory once its means are below zero.
    inventory : mapping of str to Holding, optional
        By symbol.
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
    max_notional: float = np.inf
    symbol_caps: Mapping[str, float] = field(default_factory=dict)
    max_loss: float = np.inf
    threshold: float = 1.0
    takes_accounts: bool = False
    discount: float | None = None
    is_netting: bool = False
    backing: float = 0.0
    exit_rule: ExitRule = field(default_factory=Hold)
    fee_rate: float = 0.0
    is_relieved: bool = False
    inventory: Mapping[str, Holding] = field(default_factory=dict)
    name: str = "backstop vault"
    budget: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.equity):
            raise VenueError(f"{self.name}: equity must be finite, got {self.equity!r}")
        for name in ("max_leverage", "backing"):
            check_amount(self.name, name, getattr(self, name))
        for symbol, cap in self.symbol_caps.items():
            check_amount(self.name, f"the cap of {symbol}", cap)
        for name in ("max_notional", "max_loss", "threshold"):
            if not getattr(self, name) >= 0:
                raise VenueError(f"{self.name}: {name} must be 0 or more, got {getattr(self, name)!r}")
        for name in ("discount", "fee_rate"):
            if not 0 <= (getattr(self, name) or 0.0) < 1:
                raise VenueError(f"{self.name}: {name} must be within [0, 1), got {getattr(self, name)!r}")
        for clash, reason in self._clashes():
            if clash:
                raise VenueError(f"{self.name}: {reason}")
        self._check_inventory()

    def _clashes(self) -> list[tuple[bool, str]]:
        return [
            (
                self.takes_accounts and self.is_netting,
                "whole accounts are counted gross; set is_netting or takes_accounts, not both",
            ),
            (
                self.takes_accounts and self.discount is not None,
                "whole accounts are taken at mark with their equity; set discount or takes_accounts, not both",
            ),
            (
                self.is_netting and bool(self.symbol_caps),
                "caps count gross notional; set is_netting or symbol_caps, not both",
            ),
        ]

    def _check_inventory(self) -> None:
        wrong = {
            symbol: held
            for symbol, held in self.inventory.items()
            if not (isinstance(held, Holding) and np.isfinite(held.qty) and np.isfinite(held.value))
        }
        if wrong:
            raise VenueError(
                f"{self.name}: inventory maps symbols to adl.Holding(qty, value) of finite numbers; got {wrong}"
            )

    @property
    def money(self) -> float:
        """Its equity [ccy]."""
        return self.equity

    @property
    def means(self) -> float:
        """Money [ccy] that carries its inventory: equity and backing."""
        return self.equity + self.backing

    @property
    def notional(self) -> float:
        """Size of the inventory at the last marks [ccy]."""
        return sum(held.notional for held in self.inventory.values())

    @property
    def limit(self) -> float:
        """Notional [ccy] that it may hold."""
        return max(min(self.means * self.max_leverage, self.max_notional), 0.0)

    @property
    def room(self) -> float:
        """Notional [ccy] that still fits, counted gross."""
        return max(self.limit - self.notional, 0.0)

    @property
    def bearable_loss(self) -> float:
        """Loss against the mark [ccy] that one event may bring: no vault pays more than it owns."""
        return min(self.max_loss, max(self.means, 0.0))

    def remark(self, values: Mapping[str, float]) -> BackstopVault:
        """The vault with its inventory at other values of one contract, by symbol."""
        if missing := [symbol for symbol in self.inventory if symbol not in values]:
            raise VenueError(f"{self.name}: no mark for symbols {missing} of its inventory")
        gain = sum(held.qty * (values[symbol] - held.value) for symbol, held in self.inventory.items())
        inventory = {symbol: Holding(held.qty, float(values[symbol])) for symbol, held in self.inventory.items()}
        return replace(self, equity=self.equity + gain, inventory=inventory)

    def take(self, distress: Distress) -> tuple[Taken, Buffer]:
        """Take over positions at close-out prices or at a discount to the mark, or whole accounts."""
        served = distress.equity < self.threshold * distress.margin
        value, paid = distress.close_out, np.zeros(len(distress.row))
        if self.takes_accounts:
            whole = self._fitting_accounts(distress, served)[distress.account]
            qty, paid = np.where(whole, distress.open, 0.0), np.where(whole, distress.gap, 0.0)
        else:
            willing = np.where(served[distress.account], distress.ordered, 0.0)
            if self.discount is not None:
                value, allowed = discounted(distress, self.discount)
                willing = np.where(allowed, willing, 0.0)
            qty = self._fitting_positions(distress, willing, value)
        return Taken(qty, value, paid, self.name), self._holding(distress, qty, value, paid)

    def receive(self, amount: float) -> BackstopVault:
        """The vault with `amount` more [ccy], or less below zero."""
        return replace(self, equity=self.equity + amount)

    def trade(self, symbol: str, qty: float, value: float, mark: float) -> BackstopVault:
        """The vault after it has bought `qty` contracts (sold, below zero) at `value`; `mark` is what one is worth."""
        inventory = with_holding(self.inventory, symbol, qty, mark)
        return replace(self, equity=self.equity + qty * (mark - value), inventory=inventory)

    def _fitting_accounts(self, distress: Distress, served: Flags) -> Flags:
        accounts = distress.accounts
        size = distress.open * distress.unit
        worth = accounts.total(-distress.open * distress.worse_than_close_out(distress.mark) - distress.gap)
        with np.errstate(divide="ignore", invalid="ignore"):
            urgency = np.where(distress.margin > 0, -distress.equity / distress.margin, np.inf)
        total = accounts.total(size)
        queue_ = np.lexsort((np.arange(len(total)), -urgency))
        candidates = queue_[(served & (total > 0))[queue_]]
        symbols = np.array(distress.symbols)[distress.market]
        capped = [accounts.total(np.where(symbols == symbol, size, 0.0)) for symbol in self.symbol_caps]
        uses = np.column_stack([total, np.maximum(-worth, 0.0), *capped])
        return first_fit(candidates, uses, np.array([self.room, self.bearable_loss, *self._symbol_room().values()]))

    def _fitting_positions(self, distress: Distress, willing: Floats, value: Floats) -> Floats:
        wanted = distress.markets.total(willing)
        if self.is_netting and self.means >= 0:
            part = self._netted_part(distress, willing)
        else:
            size = distress.markets.total(willing * distress.unit)
            part = self._capped_part(distress.symbols, size)
            part = part * affordable(self.room, float((part * size).sum()))
        loss = willing * np.maximum(distress.side * (value - distress.mark), 0.0)
        lines = [Line.of(willing[rows], loss[rows]) for rows in distress.market_rows]
        end = part * wanted
        end = part_paid(lines, end, self.bearable_loss) * end
        return queue(np.where(end <= ROUNDING * wanted, 0.0, end), willing, None, distress.market)

    def _symbol_room(self) -> dict[str, float]:
        """Notional [ccy] that still fits under each cap."""
        none = Holding(0.0, 0.0)
        return {
            symbol: max(cap - self.inventory.get(symbol, none).notional, 0.0)
            for symbol, cap in self.symbol_caps.items()
        }

    def _capped_part(self, symbols: list[str], size: Floats) -> Floats:
        """Share of each market that fits under the cap of its symbol; both sides of a symbol get the same."""
        part = np.ones(len(symbols))
        for symbol, room in self._symbol_room().items():
            own = np.array([name == symbol for name in symbols], dtype=bool)
            part[own] = affordable(room, float(size[own].sum()))
        return part

    def _netted_part(self, distress: Distress, willing: Floats) -> Floats:
        """Share of each market that fits when both sides of a symbol offset each other and the inventory."""
        signed = pd.Series(distress.markets.total(willing * distress.unit * distress.side), index=distress.symbols)
        net = signed.groupby(level=0).sum()
        stock = {symbol: holding.qty * abs(holding.value) for symbol, holding in self.inventory.items()}
        held = np.array([stock.get(symbol, 0.0) for symbol in net.index])
        own = sum(abs(size) for symbol, size in stock.items() if symbol not in net.index)
        with np.errstate(divide="ignore", invalid="ignore"):
            turns = np.where(net != 0, -held / net, 0.0)
        steps = np.unique(np.r_[0.0, turns[(turns > 0) & (turns < 1)], 1.0])
        use = np.abs(held + np.outer(steps, net)).sum(axis=1) + own
        excess = last_reach(steps, use, max(self.limit, use.min()))
        lesser = (
            signed.abs().groupby(level=0).transform("min").where(signed.groupby(level=0).transform("size") > 1, 0.0)
        )
        size = signed.abs()
        taken = lesser + excess * (size - lesser)
        return (taken / size.where(size > 0, 1.0)).to_numpy()

    def _holding(self, distress: Distress, qty: Floats, value: Floats, paid: Floats) -> BackstopVault:
        """The vault after it has traded and paid what accounts owed."""
        gain = float((qty * distress.side * (distress.mark - value)).sum() - paid.sum())
        bought = distress.markets.total(qty * distress.side)
        inventory = self.inventory
        for symbol, rows, amount in zip(distress.symbols, distress.market_rows, bought.tolist(), strict=True):
            if amount:
                inventory = with_holding(inventory, symbol, amount, float(distress.mark[rows[0]]))
        return replace(self, equity=self.equity + gain, inventory=inventory)


def with_holding(inventory: Mapping[str, Holding], symbol: str, qty: float, value: float) -> dict[str, Holding]:
    """An inventory with contracts more (or less, below zero); what rounding leaves of a symbol is gone."""
    held = inventory[symbol].qty if symbol in inventory else 0.0
    kept = {name: holding for name, holding in inventory.items() if name != symbol}
    if abs(held + qty) > ROUNDING * max(abs(held), abs(qty)):
        kept[symbol] = Holding(held + qty, value)
    return dict(sorted(kept.items()))
