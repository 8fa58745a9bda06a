"""Accounts along a line: where each has nothing left, sorted, and what all owe beyond.

The line is the coordinate x of a curve (value of one symbol's contract, or a common shock), along which equities are
linear. Longs are looked at in a mirror (z = -x): on both sides an account is bankrupt where z is strictly above its
kink, and what it owes is a sum of positive terms that cancels nowhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Flags, Floats
from adlkit.groups import Codes, Groups, level_codes
from adlkit.lines import Motion, Rows
from adlkit.margin import unrealized_pnl

UP, DOWN = 1.0, -1.0
"""Signs of the mirror z = sign * x: a move up bankrupts shorts, a move down longs."""
FAR = 1e100
"""A kink beyond it is none: a contract so small changes nothing."""


class Accounts(NamedTuple):
    """Accounts that a curve counts: what each owns, how it moves with x, and the x at which it has nothing left."""

    rows: Rows  # of the panel
    groups: Groups  # of these rows: an account (at a time)
    time: Codes | None  # of each account
    equity: Floats
    exposure: Floats
    kink: Floats  # NaN: equity does not depend on x

    def per_curve(self, values: Floats, chosen: Flags, n_curves: int) -> Floats:
        """Sum of `values` over chosen accounts, for each curve."""
        if self.time is None:
            return np.array([values[chosen].sum()])
        return Groups(self.time[chosen], n_curves).total(values[chosen])

    def is_fixed(self) -> Flags:
        """Bankrupt wherever x is."""
        return np.isnan(self.kink) & (self.equity < 0)


class Questions(NamedTuple):
    """Points sorted by (curve and) x, and the way back to the order in which they were asked."""

    x: Floats
    time: Codes | None
    order: Codes
    shape: tuple[int, ...]

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Value of its curve at each point, a new array."""
        return np.full(len(self.x), values[0]) if self.time is None else values[self.time]

    def back(self, values: npt.NDArray[Any]) -> Any:
        """Answers in the order and shape of the questions; a Python number for one number."""
        answers = np.empty_like(values)
        answers[self.order] = values
        return answers.reshape(self.shape) if self.shape else answers.item()


class Found(NamedTuple):
    """Questions beyond the first kink of a side, and the last kink that is strictly below each."""

    where: Any  # slice or integers
    z: Floats
    last: Codes


class Side(NamedTuple):
    """Longs or shorts, sorted by (curve and) the z beyond which each is bankrupt."""

    sign: float
    account: Codes
    time: Codes | None
    kink: Floats
    weight: Floats  # sum of abs(exposure) up to each kink, itself included
    owed: Floats  # shortfall of the side at each kink
    keys: npt.NDArray[Any]  # kinks as they are searched
    start: Codes  # place of the first kink of each curve, and the end

    def find(self, asked: Questions) -> Found:
        """The questions that this side has an answer to, and where."""
        where = self._beyond(asked)
        z = self.sign * asked.x[where]
        keys = search_keys(None if asked.time is None else asked.time[where], z)
        last = np.searchsorted(self.keys, keys, side="left")
        last -= 1
        return Found(where, z, last)

    def _beyond(self, asked: Questions) -> Any:
        """Where z is above the first kink: a contiguous part of the sorted points, if there is one curve."""
        if asked.time is not None:
            first = np.full(len(self.start) - 1, np.inf)
            used = np.flatnonzero(np.diff(self.start))
            first[used] = self.kink[self.start[used]]
            return np.flatnonzero(self.sign * asked.x > first[asked.time])
        if not len(self.kink):
            return slice(0, 0)
        edge = np.searchsorted(asked.x, self.sign * self.kink[0], side="right" if self.sign > 0 else "left")
        return slice(edge, None) if self.sign > 0 else slice(0, edge)

    def total_weight(self) -> Floats:
        """Sum of abs(exposure) of each curve."""
        last = self.start[1:] - 1
        return np.where(np.diff(self.start) > 0, np.append(self.weight, 0.0)[last], 0.0)


class Outward(NamedTuple):
    """The mark and the kinks on one side of it, nearest first, curve by curve, with the shortfall at each."""

    x: Floats
    shortfall: Floats
    keys: npt.NDArray[Any]  # largest shortfall so far, as it is searched
    start: Codes
    slope: Floats  # beyond the last kink of each curve


def accounts_along(panel: pd.DataFrame, motion: Motion) -> Accounts:
    """Sum rows up to accounts, by integer codes alone."""
    rows, time = motion.rows, motion.time
    if time is not None:
        rows = (time >= 0) if isinstance(rows, slice) else rows & (time >= 0)
        time = time[rows]
    money = panel["collateral"].to_numpy() + unrealized_pnl(panel).to_numpy()
    groups = unordered_accounts(level_codes(panel.index, "account")[rows], time)
    equity, exposure = groups.total(money[rows]), groups.total(motion.exposure[rows])
    time = None if time is None else groups.first(time)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kink = equity / exposure
        np.subtract(motion.line.start[0 if time is None else time], kink, out=kink)
    kink[~(np.abs(kink) < FAR)] = np.nan
    return Accounts(rows, groups, time, equity, exposure, kink)


def unordered_accounts(codes: Codes, time: Codes | None) -> Groups:
    """Groups of rows that share an account (and time); unlike `adlkit.groups.account_groups` in no order."""
    size = int(codes.max()) + 1
    if time is None and size <= 4 * len(codes) + 1024:
        return Groups(codes, size)
    codes, uniques = pd.factorize(codes if time is None else time * size + codes)
    return Groups(codes, len(uniques))


def side_of(accounts: Accounts, sign: float, n_curves: int) -> Side:
    """Sort the accounts of one side by their kinks."""
    account = np.flatnonzero((accounts.exposure * sign < 0) & ~np.isnan(accounts.kink))
    kink = sign * accounts.kink[account]
    time = None if accounts.time is None else accounts.time[account]
    order = np.argsort(kink) if time is None else np.lexsort((kink, time))
    account, kink, time = account[order], kink[order], None if time is None else time[order]
    start = np.array([0, len(kink)]) if time is None else np.searchsorted(time, np.arange(n_curves + 1))
    weight = running(np.abs(accounts.exposure[account]), time, n_curves)
    grown = np.zeros(len(kink))
    np.subtract(kink[1:], kink[:-1], out=grown[1:])
    grown[1:] *= weight[:-1]
    grown[start[:-1][start[:-1] < len(kink)]] = 0.0
    return Side(sign, account, time, kink, weight, running(grown, time, n_curves), search_keys(time, kink), start)


def running(values: Floats, time: Codes | None, n_curves: int) -> Floats:
    """Cumulative sum that starts anew at each time."""
    return np.cumsum(values) if time is None else Groups(time, n_curves).running(values)


def search_keys(time: Codes | None, values: Floats) -> npt.NDArray[Any]:
    """What is searched: the values, or (time, value) as complex numbers, which NumPy orders by real part first."""
    if time is None:
        return values
    keys = np.empty(len(values), dtype=np.complex128)
    keys.real, keys.imag = time, values
    return keys


def sorted_questions(x: Floats, time: Codes | None, shape: tuple[int, ...]) -> Questions:
    """Sorted points are searched several times as fast as points in any order."""
    order = np.argsort(x) if time is None else np.lexsort((x, time))
    return Questions(x[order], None if time is None else time[order], order, shape)


def crossing(path: Outward, amount: Floats, time: Codes | None, sign: float) -> Floats:
    """The x up to which the shortfall stays within each amount; the mark where it is above from the start."""
    curve = 0 if time is None else time
    after = np.searchsorted(path.keys, search_keys(time, amount), side="right")
    is_above, is_beyond = after == path.start[curve], after == path.start[np.add(curve, 1)]
    before = np.where(is_above, after, after - 1)
    after = np.minimum(after, len(path.x) - 1)
    gap, slope = amount - path.shortfall[before], path.slope[curve]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = gap / (path.shortfall[after] - path.shortfall[before])
        within = path.x[before] + (path.x[after] - path.x[before]) * share
        beyond = np.where(slope > 0, path.x[before] + sign * gap / slope, sign * np.inf)
    return np.where(is_above, path.x[before], np.where(is_beyond, beyond, within))
