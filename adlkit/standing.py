"""Where every account stands at one set of marks: values, equity and margin as arrays, and how one mark moves them.

Events, and searches over prices, read a panel through this: what the marks do not change is looked up once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Flags, Floats, is_inverse, value_of
from adlkit.distress import ROUNDING
from adlkit.fill_prices import TradePrices
from adlkit.groups import Codes, Groups, account_groups, market_codes, occurring, sorted_labels, sorted_within
from adlkit.margin import close_out_of
from adlkit.panel import with_tiers
from adlkit.tiers import TierLines, tier_terms


@dataclass(frozen=True, eq=False)
class Standing:
    """Positions of one moment, and their accounts.

    Parameters
    ----------
    accounts : Groups
        Account of each position, coded in sorted order.
    symbols : list of str
        All symbols, sorted.
    market : array of int
        Code of each position's symbol and side: twice the place of its symbol, plus 1 for a short.
    inverse : array of bool, or None
        Which positions are inverse contracts.
    side, qty, entry, collateral : array
        +1 long, -1 short, 0 none; contracts, never negative; value of one contract at entry, and cash [ccy].
    mark_price, rate, deduction : array
        Mark [quote/base]; terms of the maintenance margin there.
    previous_mark, oracle : array, optional
        Other values of one contract at which a venue may fill [ccy].
    """

    accounts: Groups
    symbols: list[str]
    market: Codes
    inverse: Flags | None
    side: Floats
    qty: Floats
    entry: Floats
    collateral: Floats
    mark_price: Floats
    rate: Floats
    deduction: Floats
    previous_mark: Floats | None = None
    oracle: Floats | None = None

    @classmethod
    def of(cls, marked: pd.DataFrame, *, previous_mark: Floats | None = None, oracle: Floats | None = None) -> Standing:
        """Where the accounts of a panel of one moment stand at its marks."""
        inverse, signed = is_inverse(marked), marked["qty"].to_numpy()
        side = np.sign(signed)
        return cls(
            accounts=account_groups(marked),
            symbols=sorted_labels(marked.index, "symbol"),
            market=market_codes(marked.index, side),
            inverse=inverse,
            side=side,
            qty=np.abs(signed),
            entry=value_of(marked["entry_price"].to_numpy(), inverse),
            collateral=marked["collateral"].to_numpy(),
            mark_price=marked["mark_price"].to_numpy(),
            rate=marked["maintenance_rate"].to_numpy(),
            deduction=marked["maintenance_deduction"].to_numpy(),
            previous_mark=previous_mark,
            oracle=oracle,
        )

    def moved(self, rows: Codes, price: float, lines: TierLines | None) -> Standing:
        """The same accounts after the mark of one symbol, whose positions are `rows`, has come to `price`.

        `lines` are the symbol's margin tiers; without them the positions keep their terms. The price is reached in
        small steps: a venue that fills at previous marks or oracle prices fills at the mark.
        """
        at_price = replace(self, mark_price=_with(self.mark_price, rows, price))
        moved = replace(at_price, previous_mark=at_price.mark, oracle=at_price.mark)
        if lines is None:
            return moved
        rate, deduction = tier_terms(lines, np.zeros(len(rows), dtype=np.intp), moved.size[rows])
        return replace(moved, rate=_with(self.rate, rows, rate), deduction=_with(self.deduction, rows, deduction))

    def part(self, rows: Codes) -> Standing:
        """Some of the positions, which must be all those of their accounts."""
        codes, account = occurring(self.accounts.codes[rows])
        chosen: dict[str, Any] = {name: _taken(getattr(self, name), rows) for name in PER_ROW}
        return replace(self, accounts=Groups(account, len(codes)), previous_mark=None, oracle=None, **chosen)

    def at(self, prices: Floats, previous: Floats, oracle: Floats, lines: TierLines | None) -> Standing:
        """The same accounts at other marks, after `previous` ones, with oracle prices; all by symbol [quote/base].

        `lines` are the margin tiers of the symbols; without them the positions keep their terms.
        """
        symbol = self.market // 2
        moved = replace(
            self,
            mark_price=prices[symbol],
            previous_mark=value_of(previous[symbol], self.inverse),
            oracle=value_of(oracle[symbol], self.inverse),
        )
        if lines is None:
            return moved
        rate, deduction = tier_terms(lines, symbol, moved.size)
        return replace(moved, rate=rate, deduction=deduction)

    def reduced(self, left: Floats, cash: Floats) -> Standing:
        """The same accounts with `left` contracts of each position, and `cash` [ccy] more in them.

        A position closed in part keeps its rate, and its deduction in proportion.
        """
        kept = np.divide(left, self.qty, out=np.ones(len(left)), where=self.qty > 0)
        return replace(
            self,
            side=np.where(left > 0, self.side, 0.0),
            qty=left,
            collateral=self.collateral + cash,
            deduction=self.deduction * kept,
        )

    def panel(self, marked: pd.DataFrame, tiers: pd.DataFrame | None) -> pd.DataFrame:
        """A panel of the same positions, marked alike, as these accounts hold them now; `tiers` give its margins."""
        panel = marked.assign(
            qty=self.side * self.qty, collateral=self.collateral, maintenance_deduction=self.deduction
        )
        return panel if tiers is None else with_tiers(panel, tiers)

    @cached_property
    def mark(self) -> Floats:
        """Value of one contract at the mark [ccy]."""
        return value_of(self.mark_price, self.inverse)

    @cached_property
    def size(self) -> Floats:
        """Notional of each position [ccy]."""
        return np.asarray(self.qty * np.abs(self.mark))

    @cached_property
    def margin(self) -> Floats:
        """Maintenance margin of each position [ccy]."""
        return np.asarray(self.size * self.rate - self.deduction)

    @cached_property
    def gross(self) -> Floats:
        """Notional of each account [ccy]."""
        return self.accounts.total(self.size)

    @cached_property
    def required(self) -> Floats:
        """Maintenance margin of each account [ccy]."""
        return self.accounts.total(self.margin)

    @cached_property
    def owned(self) -> Floats:
        """Collateral and unrealised profit of each account [ccy], as summed."""
        return self.accounts.total(self.collateral + self.side * self.qty * (self.mark - self.entry))

    @cached_property
    def equity(self) -> Floats:
        """Equity of each account [ccy]; what is only rounding of its notional is zero."""
        return np.where(np.abs(self.owned) <= ROUNDING * self.gross, 0.0, self.owned)

    @cached_property
    def is_liquidated(self) -> Flags:
        """Positions of accounts with equity below their maintenance margin."""
        return np.asarray((self.equity < self.required)[self.accounts.codes] & (self.qty > 0))

    def values(self) -> dict[str, float]:
        """Value of one contract of each symbol that the panel holds [ccy]."""
        symbols = Groups(self.market // 2, len(self.symbols))
        first = self.mark[symbols.first(np.arange(len(self.market)))]
        is_held = np.bincount(symbols.codes, minlength=symbols.size) > 0
        return {self.symbols[code]: float(first[code]) for code in np.flatnonzero(is_held)}

    def queue(self, score: Floats, rows: Codes) -> Codes:
        """Those of some positions that have a score, by market, front of the queue first.

        Ties go to the larger notional, then to the account that comes first, as in `adlkit.rank`.
        """
        rows = rows[~np.isnan(score[rows]) & (self.qty[rows] > 0)]
        ties = -self.size[rows], self.accounts.codes[rows]
        return rows[sorted_within(self.market[rows], -score[rows], lambda: ties)]

    def close_out(self, rows: Codes) -> Floats:
        """Value of one contract at the close-out price of some positions; see `adlkit.close_out_price`."""
        account = self.accounts.codes[rows]
        return close_out_of(
            mark=self.mark[rows],
            qty=self.side[rows] * self.qty[rows],
            equity=self.owned[account],
            margin=(self.margin[rows], self.required[account]),
            size=(self.size[rows], self.gross[account]),
        )

    def prices(self, rows: Codes, close_out: Floats) -> TradePrices:
        """What a price rule may look at, for some positions, whose `close_out` values are known."""
        return TradePrices(
            side=self.side[rows],
            close_out=close_out,
            mark=self.mark[rows],
            previous_mark=None if self.previous_mark is None else self.previous_mark[rows],
            oracle=None if self.oracle is None else self.oracle[rows],
        )


PER_ROW = ("market", "inverse", "side", "qty", "entry", "collateral", "mark_price", "rate", "deduction")
"""What `Standing` holds of each position, apart from other values that a venue may fill at."""


def _taken(values: npt.NDArray[Any] | None, rows: Codes) -> npt.NDArray[Any] | None:
    return None if values is None else values[rows]


def _with(values: Floats, rows: Codes, new: Floats | float) -> Floats:
    changed = values.copy()
    changed[rows] = new
    return changed
