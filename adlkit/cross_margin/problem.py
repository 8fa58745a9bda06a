"""Input in arrays, and arrays as a result.

Arrays are (needed assets, seats) and hold closed amounts, never negative; `sign` turns them into quantities. The seats
of an asset are the accounts that can give some of it, `who`; most accounts hold few of many assets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.cross_margin.result import INFEASIBLE, NOT_CONVERGED, OPTIMAL, CrossMarginResult
from adlkit.errors import AllocationError
from adlkit.groups import Codes
from adlkit.price_models import PriceModel

TOLERANCE = 1e-6
ROUNDING = 1e-12
"""Share of an amount, or of all equities, below which a difference is one of digits."""


class Problem(NamedTuple):
    """Labels and arrays of one allocation: of accounts, of assets, and, from `active` on, of the needed assets."""

    accounts: pd.Index
    assets: pd.Index
    quantity: Floats
    equity: Floats
    need: Floats
    active: Codes
    sign: Floats
    who: Codes
    room: Floats
    amount: Floats

    def quantities(self, closed: Floats) -> Floats:
        """Signed closed quantities, (accounts, assets)."""
        full = np.zeros(self.quantity.shape)
        full[self.who, self.active[:, None]] = self.sign[:, None] * closed + 0.0  # no minus zero
        return full

    def exposure(self, closed: Floats) -> Floats:
        """What accounts still hold, (accounts, assets)."""
        return self.quantity - self.quantities(closed)

    def gain(self, model: PriceModel, closed: Floats) -> Floats:
        """Expected shortfall that one more contract of each seat would save, (needed assets, seats)."""
        slope = model.gradient(self.exposure(closed), self.equity)
        return np.asarray(self.sign[:, None] * slope[self.who, self.active[:, None]])

    def evenly(self) -> Floats:
        """Each gives the same share of its room."""
        total = self.room.sum(axis=1)
        share = np.divide(self.amount, total, out=np.zeros_like(total), where=total > 0)
        return np.asarray(self.room * share[:, None])

    def certificate(self, gain: Floats, closed: Floats) -> tuple[Floats, float]:
        """Price of each asset, and the Frank-Wolfe gap: how much more the best vertex would gain than `closed`."""
        order = np.argsort(-gain, axis=1)
        reached = np.cumsum(np.take_along_axis(self.room, order, axis=1), axis=1)
        last = np.minimum((reached < self.amount[:, None] * (1 - ROUNDING)).sum(axis=1), gain.shape[1] - 1)
        rows = np.arange(len(gain))
        price = gain[rows, order[rows, last]]
        better = gain - price[:, None]
        return price, float(np.sum(np.where(better > 0, better * (self.room - closed), -better * closed)))

    def is_small(self, gap: float, shortfall: float, tolerance: float) -> bool:
        """Whether a gap is within tolerance of a shortfall, or nothing next to the equities."""
        return gap <= tolerance * shortfall + ROUNDING * float(np.abs(self.equity).sum())

    def expected_shortfall(self, model: PriceModel, closed: Floats) -> float:
        """Of all accounts together."""
        return float(model.expected_shortfall(self.exposure(closed), self.equity).sum())


class Solution(NamedTuple):
    """Amounts closed (needed assets, seats), the price of each asset, and the certificate."""

    closed: Floats
    price: Floats
    gap: float
    iterations: int
    is_optimal: bool
    level: Floats


def problem_of(quantity: pd.DataFrame, equity: pd.Series, need: pd.Series, model: PriceModel) -> Problem:
    """The arrays of checked input."""
    if not (quantity.index.is_unique and quantity.columns.is_unique):
        raise AllocationError("quantity must have one row per account and one column per asset")
    if not len(quantity):
        raise AllocationError("quantity has no accounts")
    if not equity.index.equals(quantity.index):
        raise AllocationError("equity must be a Series on the index of quantity")
    for what, index in (("need", need.index), ("the model", model.assets)):
        if len(index) != quantity.shape[1] or not index.isin(quantity.columns).all() or not index.is_unique:
            raise AllocationError(f"{what} must name the assets of quantity, {list(quantity.columns)}, each once")
    held, owned = quantity.to_numpy(dtype=float), equity.to_numpy(dtype=float)
    asked = need.reindex(quantity.columns).to_numpy(dtype=float)
    for what, values in (("quantity", held), ("equity", owned), ("need", asked)):
        if bad := int((~np.isfinite(values)).sum()):
            raise AllocationError(f"{what}: {bad} values are NaN or infinite")
    active = np.flatnonzero(asked)
    sign = np.sign(asked[active])
    who, room = _seats(np.maximum((held[:, active] * sign).T, 0.0))
    amount = np.minimum(np.abs(asked[active]), room.sum(axis=1))
    return Problem(quantity.index, quantity.columns, held, owned, asked, active, sign, who, room, amount)


def _seats(room: Floats) -> tuple[Codes, Floats]:
    """Accounts that can give some of each asset, side by side, and how much; shorter rows end in accounts of 0."""
    width = int((room > 0).sum(axis=1).max(initial=1))
    who = np.argsort(room <= 0, axis=1, kind="stable")[:, :width]
    return who, np.take_along_axis(room, who, axis=1)


def labelled(problem: Problem, model: PriceModel, found: Solution) -> CrossMarginResult:
    """A solution by account and asset."""
    closed = problem.quantities(found.closed)
    after = problem.quantity - closed
    residual = _residual(problem)
    owned = np.where(problem.equity > 0, problem.equity, np.nan)
    leverage = {"before": model.deviation(problem.quantity) / owned, "after": model.deviation(after) / owned}
    status = INFEASIBLE if residual.any() else OPTIMAL if found.is_optimal else NOT_CONVERGED
    return CrossMarginResult(
        closed=pd.DataFrame(closed, index=problem.accounts, columns=problem.assets),
        need=pd.Series(problem.need, index=problem.assets, name="need"),
        residual=pd.Series(residual, index=problem.assets, name="residual"),
        level=_by_asset("level", problem, found.level),
        shadow_price=_by_asset("shadow_price", problem, found.price),
        leverage=pd.DataFrame(leverage, index=problem.accounts),
        expected_shortfall=float(model.expected_shortfall(after, problem.equity).sum()),
        gap=found.gap,
        iterations=found.iterations,
        status=status,
    )


def _residual(problem: Problem) -> Floats:
    """What no account could give, signed, by asset."""
    wanted = np.abs(problem.need[problem.active])
    unmet = wanted - problem.amount
    residual = np.zeros(len(problem.need))
    residual[problem.active] = problem.sign * np.where(unmet > ROUNDING * wanted, unmet, 0.0) + 0.0  # no minus zero
    return residual


def _by_asset(name: str, problem: Problem, values: Floats) -> pd.Series:
    """Numbers of the needed assets, NaN for the others."""
    full = np.full(len(problem.assets), np.nan)
    full[problem.active] = values
    return pd.Series(full, index=problem.assets, name=name)
