"""Running account of one event: contracts closed, cash moved, and who gave it.

Money is counted against the event's marks: a trade of q contracts at value v moves side x q x (v - V(mark)) to the
position's account from whoever trades with it, so every entry has two sides that cancel.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.distress import BOOK, ROUNDING, Distress, Taken
from adlkit.groups import Codes, Groups
from adlkit.matching import Pairs
from adlkit.standing import Standing

LIQUIDATED, WINNERS, RESIDUAL = "liquidated accounts", "winners", "residual"
ADL, OPEN, SETTLEMENT = "adl", "open", "settlement"


class Stages(NamedTuple):
    """Per market (row) and stage (column): contracts, their value as traded, what the stage's party gave [ccy]."""

    names: list[str]
    qty: Floats
    worth: Floats
    absorbed: Floats


class Tally:
    """Books every trade and transfer of an event; gives its tables at the end."""

    def __init__(self, standing: Standing) -> None:
        n_rows = len(standing.qty)
        self.standing = standing
        self.closed: dict[str, Floats] = {}
        self.worth: dict[str, Floats] = {}
        self.paid: dict[str, Floats] = {}
        self.given: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(n_rows))
        self.ledger: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.realized, self.transfers, self.deleveraged, self.haircut = np.zeros((4, n_rows))

    def take(self, stage: str, distress: Distress, taken: Taken) -> None:
        """Book what a stage closes of positions in liquidation, and what it pays to their accounts."""
        self.closed[stage] = self._over_rows(distress.row, taken.qty)
        self.worth[stage] = self._over_rows(distress.row, taken.qty * taken.value)
        self.paid[stage] = self._over_rows(distress.row, taken.paid)
        self.realized += self._over_rows(
            distress.row, taken.qty * distress.side * (taken.value - self.standing.entry[distress.row])
        )
        moved = taken.qty * distress.side * (taken.value - distress.mark)
        self._enter(stage, distress.row, moved, giver=taken.trader)
        self.transfer(stage, distress.row, taken.paid, giver=stage)

    def deleverage(self, distress: Distress, taken: Taken, pairs: Pairs) -> None:
        """Book both sides of ADL, the winners' piece by piece."""
        self.take(ADL, distress, taken)
        rows, value, qty, side = pairs.second, taken.value[pairs.first], pairs.qty, self.standing.side[pairs.second]
        self.deleveraged += self._over_rows(rows, qty)
        self.haircut += self._over_rows(rows, qty * side * (self.standing.mark[rows] - value))
        self.realized += self._over_rows(rows, qty * side * (value - self.standing.entry[rows]))

    def transfer(self, stage: str, rows: Codes, amounts: Floats, *, giver: str) -> None:
        """Book money that moves without contracts, to accounts (from them, below zero)."""
        self.transfers += self._over_rows(rows, amounts)
        self._enter(stage, rows, amounts, giver=giver)

    def new_holes(self) -> Floats:
        """Money that unprotected winners owe after their fills, over the rows that gave it up."""
        accounts, owned = self.standing.accounts, self.standing.owned
        hole = np.where(owned >= 0, np.maximum(accounts.total(self.haircut) - owned, 0.0), 0.0)
        hole[hole <= ROUNDING * self.standing.gross] = 0.0
        given = np.maximum(self.haircut, 0.0)
        total = accounts.total(given)
        per_given = np.divide(hole, total, out=np.zeros(len(hole)), where=total > 0)
        return np.asarray(given * per_given[accounts.codes])

    def pay_debts(self, rows: Codes, owed: Floats, holes: Floats, *, giver: str) -> None:
        """Book what is paid for liquidated accounts (over their rows) and for winners (over all rows)."""
        self.transfer(SETTLEMENT, rows, owed, giver=giver)
        self.transfers += holes
        self._enter(SETTLEMENT, np.arange(len(holes)), holes, giver=giver, to=WINNERS)

    def after(self) -> Standing:
        """Where the accounts stand with positions reduced and cash moved; what rounding leaves of one is flat."""
        size = self.standing.qty
        gone = self.deleveraged + sum(self.closed.values(), np.zeros(len(size)))
        return self.standing.reduced(
            np.where(size - gone <= ROUNDING * size, 0.0, size - gone), self.realized + self.transfers
        )

    def positions(self, distress: Distress, index: pd.Index) -> pd.DataFrame:
        """What happened to each position."""
        is_liquidated, is_bankrupt = np.zeros((2, len(index)), dtype=bool)
        is_liquidated[distress.row] = True
        is_bankrupt[distress.row] = distress.is_bankrupt
        columns = {
            "qty": self.standing.side * self.standing.qty,
            "is_liquidated": is_liquidated,
            "is_bankrupt": is_bankrupt,
            **self.closed,
            "deleveraged": self.deleveraged,
            "realized_pnl": self.realized,
            "haircut": self.haircut,
        }
        return pd.DataFrame(columns, index=index)

    def stages(self, distress: Distress) -> Stages:
        """Who closed how much of each market's need, and at what cost."""
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
        return Stages(names, qty, worths, absorbed)

    def ledger_table(self, stages: list[str], buffers: list[str]) -> pd.DataFrame:
        """Change of money by stage and party."""
        parties = [LIQUIDATED, WINNERS, BOOK, *buffers, RESIDUAL]
        rows = [[self.ledger[stage][party] for party in parties] for stage in stages]
        return pd.DataFrame(rows, index=pd.Index(stages, name="stage"), columns=parties)

    def _given_by_market(self, giver: str, distress: Distress) -> Floats:
        """What a party gave in each market; what it gave to a winner belongs to the market that the winner served."""
        given = self.given[giver]
        rows = np.flatnonzero(given)
        is_own = np.zeros(len(given), dtype=bool)
        is_own[distress.row] = True
        present = self.standing.market[distress.row[distress.first_rows]]
        served = np.where(is_own[rows], self.standing.market[rows], self.standing.market[rows] ^ 1)
        return Groups(np.searchsorted(present, served), len(present)).total(given[rows])

    def _over_rows(self, rows: Codes, amounts: Floats) -> Floats:
        return Groups(rows, len(self.standing.qty)).total(amounts)

    def _enter(self, stage: str, rows: Codes, amounts: Floats, *, giver: str, to: str = LIQUIDATED) -> None:
        self.given[giver] += self._over_rows(rows, amounts)
        self.ledger[stage][to] += float(amounts.sum())
        self.ledger[stage][giver] -= float(amounts.sum())
