"""Running account of one event: contracts closed, cash moved, and who gave it.

Money is counted against the event's marks: a trade of q contracts at value v moves side x q x (v - V(mark)) to the
position's account from whoever trades with it, so every entry has two sides that cancel.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from adlkit.contracts import Floats, is_inverse, notional_of, price_of, value_of
from adlkit.distress import BOOK, ROUNDING, Distress, Taken
from adlkit.groups import Codes, Groups, account_groups, level_keys, market_codes
from adlkit.margin import equity
from adlkit.matching import Pairs
from adlkit.panel import with_tiers
from adlkit.ranking import side_names

LIQUIDATED, WINNERS, RESIDUAL = "liquidated accounts", "winners", "residual"
ADL, OPEN, SETTLEMENT = "adl", "open", "settlement"


class Tally:
    """Books every trade and transfer of an event; gives its tables at the end."""

    def __init__(self, marked: pd.DataFrame) -> None:
        self.marked = marked
        self.inverse = is_inverse(marked)
        self.qty = marked["qty"].to_numpy()
        self.side = np.sign(self.qty)
        self.mark = value_of(marked["mark_price"].to_numpy(), self.inverse)
        self.entry = value_of(marked["entry_price"].to_numpy(), self.inverse)
        self.closed: dict[str, Floats] = {}
        self.worth: dict[str, Floats] = {}
        self.given: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(len(marked)))
        self.ledger: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.realized, self.transfers, self.deleveraged, self.haircut = np.zeros((4, len(marked)))

    def take(self, stage: str, distress: Distress, taken: Taken) -> None:
        """Book what a stage closes of positions in liquidation, and what it pays to their accounts."""
        self.closed[stage] = self._over_rows(distress.row, taken.qty)
        self.worth[stage] = self._over_rows(distress.row, taken.qty * taken.value)
        self.realized += self._over_rows(
            distress.row, taken.qty * distress.side * (taken.value - self.entry[distress.row])
        )
        moved = taken.qty * distress.side * (taken.value - distress.mark)
        self._enter(stage, distress.row, moved, giver=taken.trader)
        self.transfer(stage, distress.row, taken.paid, giver=stage)

    def deleverage(self, distress: Distress, taken: Taken, pairs: Pairs) -> pd.DataFrame:
        """Book both sides of ADL, the winners' piece by piece; returns the fills."""
        self.take(ADL, distress, taken)
        index, bankrupt, rows = self.marked.index, distress.row[pairs.first], pairs.second
        value, qty, side = taken.value[pairs.first], pairs.qty, self.side[pairs.second]
        forgone, realized = qty * side * (self.mark[rows] - value), qty * side * (value - self.entry[rows])
        self.deleveraged += self._over_rows(rows, qty)
        self.haircut += self._over_rows(rows, forgone)
        self.realized += self._over_rows(rows, realized)
        return pd.DataFrame(
            {
                "symbol": level_keys(index[bankrupt], ["symbol"]),
                "side": side_names(self.qty[bankrupt]),
                "bankrupt": level_keys(index[bankrupt], ["account"]),
                "winner": level_keys(index[rows], ["account"]),
                "qty": qty,
                "price": price_of(value, None if self.inverse is None else self.inverse[rows]),
                "realized_pnl": realized,
                "forgone": forgone,
            }
        )

    def transfer(self, stage: str, rows: Codes, amounts: Floats, *, giver: str) -> None:
        """Book money that moves without contracts, to accounts (from them, below zero)."""
        self.transfers += self._over_rows(rows, amounts)
        self._enter(stage, rows, amounts, giver=giver)

    def new_holes(self) -> Floats:
        """Money that unprotected winners owe after their fills, over the rows that gave it up."""
        accounts = account_groups(self.marked)
        owned = equity(self.marked).to_numpy()
        hole = np.where(owned >= 0, np.maximum(accounts.spread(self.haircut) - owned, 0.0), 0.0)
        hole[hole <= ROUNDING * accounts.spread(notional_of(self.marked))] = 0.0
        given = np.maximum(self.haircut, 0.0)
        total = accounts.spread(given)
        return np.asarray(np.divide(hole * given, total, out=np.zeros(len(hole)), where=total > 0))

    def pay_debts(self, rows: Codes, owed: Floats, holes: Floats, *, giver: str) -> None:
        """Book what is paid for liquidated accounts (over their rows) and for winners (over all rows)."""
        self.transfer(SETTLEMENT, rows, owed, giver=giver)
        self.transfers += holes
        self._enter(SETTLEMENT, np.arange(len(holes)), holes, giver=giver, to=WINNERS)

    def panel_after(self, tiers: pd.DataFrame | None) -> pd.DataFrame:
        """The panel with positions reduced and cash moved; what rounding leaves of a position is flat."""
        size = np.abs(self.qty)
        gone = self.deleveraged + sum(self.closed.values(), np.zeros(len(size)))
        left = np.where(size - gone <= ROUNDING * size, 0.0, size - gone)
        kept = np.divide(left, size, out=np.ones(len(size)), where=size > 0)
        panel = self.marked.assign(
            qty=np.where(left > 0, self.side * left, 0.0),
            collateral=self.marked["collateral"].to_numpy() + self.realized + self.transfers,
            maintenance_deduction=self.marked["maintenance_deduction"].to_numpy() * kept,
        )
        return panel if tiers is None else with_tiers(panel, tiers)

    def positions(self, distress: Distress) -> pd.DataFrame:
        """What happened to each position."""
        is_liquidated, is_bankrupt = np.zeros((2, len(self.qty)), dtype=bool)
        is_liquidated[distress.row] = True
        is_bankrupt[distress.row] = distress.is_bankrupt
        columns = {
            "qty": self.qty,
            "is_liquidated": is_liquidated,
            "is_bankrupt": is_bankrupt,
            **self.closed,
            "deleveraged": self.deleveraged,
            "realized_pnl": self.realized,
            "haircut": self.haircut,
        }
        return pd.DataFrame(columns, index=self.marked.index)

    def stages(self, distress: Distress) -> pd.DataFrame:
        """Who closed how much of each market's need, and at what cost; see `EventResult`."""
        rows, markets, names = distress.row, distress.markets, [*self.closed, OPEN, RESIDUAL]
        nowhere = np.full(len(rows), np.nan)
        left = {
            OPEN: np.where(distress.is_bankrupt, 0.0, distress.ordered),
            RESIDUAL: np.where(distress.is_bankrupt, distress.open, 0.0),
        }
        closed = [self.closed[name][rows] if name in self.closed else left[name] for name in names]
        worth = [self.worth[name][rows] if name in self.closed else nowhere for name in names]
        qty, worths = (np.array([markets.total(part) for part in parts]).T for parts in (closed, worth))
        absorbed = np.array([self._given_by_market(WINNERS if name == ADL else name, distress) for name in names]).T
        first = np.array([place[0] for place in distress.market_rows], dtype=np.intp)
        inverse = None if self.inverse is None else self.inverse[rows[first]][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            average = np.where(qty > 0, price_of(worths / qty, inverse), np.nan)
            share = qty / qty.sum(axis=1, keepdims=True)
        table = {
            "qty": qty,
            "notional": qty * distress.unit[first][:, None],
            "average_price": average,
            "absorbed": absorbed,
            "share": share,
        }
        keys = [np.repeat(labels, len(names)) for labels in (distress.symbols, side_names(distress.side[first]))]
        index = pd.MultiIndex.from_arrays([*keys, names * markets.size], names=["symbol", "side", "stage"])
        return pd.DataFrame({name: values.ravel() for name, values in table.items()}, index=index)

    def ledger_table(self, stages: list[str], buffers: list[str]) -> pd.DataFrame:
        """Change of money by stage and party."""
        parties = [LIQUIDATED, WINNERS, BOOK, *buffers, RESIDUAL]
        rows = [[self.ledger[stage][party] for party in parties] for stage in stages]
        return pd.DataFrame(rows, index=pd.Index(stages, name="stage"), columns=parties)

    def _given_by_market(self, giver: str, distress: Distress) -> Floats:
        """What a party gave in each market; what it gave to a winner belongs to the market that the winner served."""
        own, other = market_codes(self.marked.index, self.side), market_codes(self.marked.index, -self.side)
        is_own = np.zeros(len(own), dtype=bool)
        is_own[distress.row] = True
        present = own[distress.row[np.array([place[0] for place in distress.market_rows], dtype=np.intp)]]
        where = np.searchsorted(present, np.where(is_own, own, other))
        rows = np.flatnonzero(self.given[giver])
        return Groups(where[rows], len(present)).total(self.given[giver][rows])

    def _over_rows(self, rows: Codes, amounts: Floats) -> Floats:
        return Groups(rows, len(self.qty)).total(amounts)

    def _enter(self, stage: str, rows: Codes, amounts: Floats, *, giver: str, to: str = LIQUIDATED) -> None:
        self.given[giver] += self._over_rows(rows, amounts)
        self.ledger[stage][to] += float(amounts.sum())
        self.ledger[stage][giver] -= float(amounts.sum())
