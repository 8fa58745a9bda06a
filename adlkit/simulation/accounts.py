"""The accounts of a simulation, and the marks at which they have to be looked at again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from adlkit.checks import FACTS
from adlkit.contracts import Floats
from adlkit.groups import Codes, Groups
from adlkit.simulation.conditions import Prices
from adlkit.standing import Standing
from adlkit.tiers import TierLines

FAR = 1e300
"""Share of the mark that no mark can move."""
EARLY = 1e-11
"""Share of the mark by which an account is looked at before it must be: rounding is no reason to be late."""


class Accounts:
    """What all accounts hold, and an alarm for each position.

    While no mark has reached the alarm of one of its positions, an account is not below its maintenance margin. The
    equity above that margin is shared out over the positions in proportion to their notional, so the alarm of an
    account with one position is its liquidation price, and others are looked at too early, never too late. Nothing is
    computed of accounts whose alarms are not reached.
    """

    def __init__(self, panel: pd.DataFrame, lines: TierLines | None) -> None:
        standing = Standing.of(panel)
        self.frame = panel
        self.rows = np.arange(len(panel))
        self.constant = {name: panel[name] for name in panel.columns if name not in FACTS}
        self.constant["entry_price"] = panel["entry_price"]
        self.lines = lines
        self.symbols = standing.symbols
        self.base = standing
        self.least_rate, self.largest_rate = _rate_bounds(standing, lines)
        self.alarm = np.full(len(panel), np.nan)
        markets = Groups(standing.market, 2 * len(self.symbols))
        order = np.argsort(standing.market, kind="stable")
        edges = np.searchsorted(standing.market[order], np.arange(markets.size + 1))
        self.rows_of = [order[edges[code] : edges[code + 1]] for code in range(markets.size)]
        self.nearest = np.full((2, len(self.symbols)), -np.inf) * np.array([[1.0], [-1.0]])
        """Highest alarm of longs and lowest alarm of shorts, by symbol [value of one contract]."""

    def at(self, prices: Prices, rows: Codes | None = None) -> Standing:
        """Where all accounts stand at a step, or those of some rows, which must be whole accounts."""
        base = self.base if rows is None else self.base.part(rows)
        return base.at(prices.mark, prices.previous, prices.oracle, self.lines)

    def panel(self, standing: Standing) -> pd.DataFrame:
        """All accounts, as they stand, as a panel."""
        columns = {
            **self.constant,
            "qty": standing.side * standing.qty,
            "mark_price": standing.mark_price,
            "collateral": standing.collateral.copy(),
            "maintenance_rate": standing.rate.copy(),
            "maintenance_deduction": standing.deduction.copy(),
        }
        return pd.DataFrame({name: columns[name] for name in self.frame.columns}, index=self.frame.index, copy=False)

    def are_quiet(self, values: Floats) -> bool:
        """Whether no mark has reached an alarm; values of one contract by symbol."""
        return not ((values <= self.nearest[0]) | (values >= self.nearest[1])).any()

    def reached(self, values: Floats) -> Codes:
        """All positions of the accounts that have an alarm which its mark has reached."""
        found = [np.zeros(0, dtype=np.intp)]
        for place, side in ((0, 1.0), (1, -1.0)):
            near = side * values <= side * self.nearest[place]
            for symbol in np.flatnonzero(near):
                rows = self.rows_of[2 * symbol + place]
                found.append(rows[side * values[symbol] <= side * self.alarm[rows]])
        return self.whole_accounts(np.concatenate(found))

    def store(self, rows: Codes, standing: Standing, places: Codes) -> None:
        """Take over what some positions are now: those at `places` of `standing`, which are `rows` here."""
        changed = {}
        for name in ("side", "qty", "collateral", "deduction"):
            changed[name] = getattr(self.base, name).copy()
            changed[name][rows] = getattr(standing, name)[places]
        self.base = replace(self.base, **changed)

    def pay(self, rate: Floats) -> None:
        """Take from longs and give to shorts an amount of money per contract, by symbol."""
        paid = self.base.side * self.base.qty * rate[self.base.market // 2]
        self.base = replace(self.base, collateral=self.base.collateral - paid)

    def holds(self, symbol: int, side: float) -> bool:
        """Whether anybody holds contracts of a symbol on a side (+1 long)."""
        return bool((self.base.qty[self.rows_of[2 * symbol + (side < 0)]] > 0).any())

    def whole_accounts(self, rows: Codes) -> Codes:
        """All positions of the accounts that hold some of them."""
        is_meant = np.zeros(self.base.accounts.size, dtype=bool)
        is_meant[self.base.accounts.codes[rows]] = True
        return np.flatnonzero(is_meant[self.base.accounts.codes])

    def set_alarms(self, standing: Standing, rows: Codes) -> None:
        """Set the alarms of whole accounts from where they stand; those below their margin stay on alarm."""
        room = np.maximum(standing.owned - standing.required, 0.0)
        grows = standing.side * standing.mark < 0
        rate = np.where(grows, self.largest_rate[rows], -self.least_rate[rows])
        weight = standing.size * (1.0 + rate)
        total = standing.accounts.total(weight)
        share = np.divide(room, total, out=np.full(len(total), np.inf), where=total > 0) - EARLY
        move = standing.side * np.abs(standing.mark) * np.minimum(share, FAR)[standing.accounts.codes]
        always = np.where(standing.side > 0, np.inf, -np.inf)
        alarm = np.where(standing.is_liquidated, always, standing.mark - move)
        self.alarm[rows] = np.where(standing.qty > 0, alarm, np.nan)
        for market in np.unique(standing.market):
            place, symbol = market % 2, market // 2
            alarms = self.alarm[self.rows_of[market]]
            alarms = alarms[~np.isnan(alarms)]
            edge = np.inf if place else -np.inf
            self.nearest[place, symbol] = alarms.min(initial=edge) if place else alarms.max(initial=edge)


def _rate_bounds(standing: Standing, lines: TierLines | None) -> tuple[Floats, Floats]:
    """Least and largest margin rate that each position may come to have."""
    if lines is None:
        return standing.rate, standing.rate
    symbol = standing.market // 2
    return lines.rate[symbol, 0], lines.rate.max(axis=1)[symbol]
