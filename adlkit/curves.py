"""The shortfall of a panel along one price, or along a shock common to all: sort once, then ask anything.

With x = V(price) of one symbol (or x = the shock) the equity of each account is linear in x, so it is bankrupt on one
side of one point, its kink, and the shortfall S(x) = sum of max(0, -equity) is convex and piecewise linear. Longs are
looked at in a mirror (z = -x): on both sides an account is then bankrupt where z is strictly above its kink, and S is
a sum of positive terms that cancels nowhere. O(n log n) to build, O(log n) a question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Floats, notional_of
from adlkit.errors import CurveError
from adlkit.groups import Codes, account_levels, level_keys
from adlkit.kinks import (
    DOWN,
    UP,
    Accounts,
    Outward,
    Questions,
    Side,
    accounts_along,
    crossing,
    running,
    search_keys,
    side_of,
    sorted_questions,
)
from adlkit.lines import Line, beta_of, factor_motion, numbers, symbol_motion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOVES = (-0.10, -0.20, 0.10, 0.20)
"""Moves of the mark [1] that the summary reports."""


@dataclass(frozen=True, eq=False, repr=False)
class ShortfallCurve(SummaryRepr):
    """What accounts owe beyond what they have, at every price of a symbol or every shock common to all symbols.

    A panel with `times` has one curve per time. Prices are then broadcast against the times along the last axis: a
    number gives one answer per time, shape (k, 1) gives (k, n_times). Without times answers have the shape of what is
    asked, and a Python number answers a number. "Price" stands for the shock [1] of a factor curve.

    Parameters
    ----------
    panel : DataFrame
        The positions that it was made of.
    symbol : str or None
        Whose price moves; None for a factor curve.
    factor : Series or None
        Beta [1] of each symbol of a factor curve.
    times : DatetimeIndex or None
        Times at which the symbol is held, in order.
    currency : str
        Settlement currency of all money here; "ccy" where the panel names none.

    Examples
    --------
    >>> import adlkit as adl
    >>> curve = adl.shortfall_curve(adl.load_dataset("four_accounts"))
    >>> curve.shortfall([60.0, 70.0, 140.0]).tolist()
    [40.0, 20.0, 40.0]
    >>> curve.price_at(30.0, side="down")
    65.0
    """

    panel: pd.DataFrame
    symbol: str | None
    factor: pd.Series | None
    times: pd.DatetimeIndex | None
    currency: str
    _line: Line
    _accounts: Accounts
    _sides: tuple[Side, Side]

    def shortfall(self, price: npt.ArrayLike) -> Any:
        """Sum of max(0, -equity) of all accounts.

        Parameters
        ----------
        price : number or array
            [quote/base] > 0, or shocks [1].

        Returns
        -------
        float or ndarray
            [ccy], see the class for its shape.

        Raises
        ------
        CurveError
            If a price is NaN, infinite, or not above zero; if a shock leaves a mark that is not above zero.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.shortfall_curve(adl.load_dataset("four_accounts")).shortfall(70.0)
        20.0
        """
        asked = self._ask(price)
        return asked.back(self._shortfall(asked))

    def slope(self, price: npt.ArrayLike) -> Any:
        """Change of the shortfall per unit of price (or of shock); accounts with exactly no equity do not count.

        Parameters
        ----------
        price : number or array
            As in `shortfall`.

        Returns
        -------
        float or ndarray
            [ccy per quote/base], or [ccy] for shocks; below zero where bankrupt longs outweigh bankrupt shorts.

        Raises
        ------
        CurveError
            As in `shortfall`.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.shortfall_curve(adl.load_dataset("four_accounts")).slope([60.0, 100.0, 140.0]).tolist()
        [-2.0, 0.0, 3.0]
        """
        asked = self._ask(price)
        total = np.zeros(len(asked.x))
        for side in self._sides:
            found = side.find(asked)
            total[found.where] += side.sign * side.weight[found.last]
        # dV / dp of an inverse contract is 1 / p^2 = V^2
        return asked.back(total if self._line.inverse is None else total * asked.x**2)

    def bankrupt_qty(self, price: npt.ArrayLike) -> Any:
        """Contracts of this symbol that bankrupt accounts hold, longs and shorts added up.

        Parameters
        ----------
        price : number or array
            As in `shortfall`.

        Returns
        -------
        float or ndarray
            [contracts], never negative.

        Raises
        ------
        CurveError
            As in `shortfall`; always for a factor curve, whose contracts do not add.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.shortfall_curve(adl.load_dataset("four_accounts")).bankrupt_qty([80.0, 79.0, 140.0]).tolist()
        [0.0, 2.0, 3.0]
        """
        if self.factor is not None:
            raise CurveError("contracts of different symbols do not add; use bankrupt_notional along a factor")
        asked = self._ask(price)
        return asked.back(self._bankrupt_qty(asked))

    def bankrupt_notional(self, price: npt.ArrayLike) -> Any:
        """Notional that bankrupt accounts hold: in this symbol, at the price; along a factor, of all their positions.

        Parameters
        ----------
        price : number or array
            As in `shortfall`.

        Returns
        -------
        float or ndarray
            [ccy], never negative. Along a factor abs(qty) x shocked mark, summed over the positions.

        Raises
        ------
        CurveError
            As in `shortfall`.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.shortfall_curve(adl.load_dataset("four_accounts")).bankrupt_notional(75.0)
        150.0
        """
        asked = self._ask(price)
        if self.factor is None:
            return asked.back(self._bankrupt_qty(asked) * np.abs(asked.x))
        (still, moving), *sides = self._sizes
        total = asked.spread(still) + asked.spread(moving) * asked.x
        for side, (still, moving) in zip(self._sides, sides, strict=True):
            found = side.find(asked)
            total[found.where] += still[found.last] + moving[found.last] * asked.x[found.where]
        return asked.back(total)

    def n_bankrupt(self, price: npt.ArrayLike) -> Any:
        """Number of accounts with equity below zero.

        Parameters
        ----------
        price : number or array
            As in `shortfall`.

        Returns
        -------
        int or ndarray of int
            Accounts without an exposure to the symbol included, where they are bankrupt.

        Raises
        ------
        CurveError
            As in `shortfall`.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.shortfall_curve(adl.load_dataset("four_accounts")).n_bankrupt([80.0, 79.0, 140.0]).tolist()
        [0, 1, 2]
        """
        asked = self._ask(price)
        count = asked.spread(self._fixed[0].astype(np.int64))
        for side in self._sides:
            found = side.find(asked)
            first = 0 if asked.time is None else side.start[asked.time[found.where]]
            count[found.where] += found.last + 1 - first
        return asked.back(count)

    def price_at(self, shortfall: npt.ArrayLike, *, side: Literal["down", "up"]) -> Any:
        """Furthest price, going outward from the mark, up to which the shortfall stays within an amount.

        Parameters
        ----------
        shortfall : number or array
            [ccy] >= 0; with times, broadcast like prices.
        side : {"down", "up"}
            Where to go from the mark.

        Returns
        -------
        float or ndarray
            [quote/base], or a shock [1]. The shortfall there is the amount, with two exceptions: the mark where it
            is above the amount already; the end (0 or inf; the ends of the range of shocks) if it never exceeds it.

        Raises
        ------
        CurveError
            If an amount is NaN, infinite or below zero, or if `side` is neither.

        Examples
        --------
        >>> import adlkit as adl
        >>> curve = adl.shortfall_curve(adl.load_dataset("four_accounts"))
        >>> curve.price_at([10.0, 20.0, 100.0], side="up").tolist()
        [70.0, 133.33333333333334, 160.0]
        """
        if side not in ("down", "up"):
            raise CurveError(f"side is {side!r}, need 'down' or 'up'")
        amount = numbers(shortfall, "shortfalls")
        is_usable = (amount >= 0) & (amount < np.inf)
        if not is_usable.all():
            raise CurveError(f"shortfalls must be finite and not below zero, found {amount[~is_usable][0]}")
        path = self._down if side == "down" else self._up
        amount, time = self._spread(amount)
        curve = 0 if time is None else time
        x = crossing(path, amount.ravel(), time, UP if side == "up" else DOWN)
        price = self._line.price(x, curve)
        return price.reshape(amount.shape) if amount.shape else price.item()

    @property
    def kinks(self) -> pd.DataFrame:
        """Where each account goes bankrupt, one row per account with an exposure.

        Returns
        -------
        DataFrame, index (account,) or (time, account), sorted
            ``side``: "long" is bankrupt below its price, "short" above it. ``price`` [quote/base], or ``shock`` [1]
            of a factor curve, as `adlkit.bankruptcy_price` has it: one that cannot be reached is the end (0 or inf;
            an end of the range of shocks) where it would lie. ``qty`` [contracts, signed], or ``exposure`` [ccy per
            unit of shock].

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.shortfall_curve(adl.load_dataset("four_accounts")).kinks["price"].to_dict()
        {'ann': 80.0, 'bob': 130.0, 'cat': 120.0, 'dee': 0.0}
        """
        held = np.flatnonzero(self._accounts.exposure)
        exposure, kink = self._accounts.exposure[held], self._accounts.kink[held]
        towards = np.sign(self._accounts.equity[held]) * np.sign(-exposure)
        kink = np.where(np.isnan(kink), np.copysign(np.inf, towards), kink)
        first = self._accounts.groups.first(np.arange(len(self._accounts.groups.codes)))[held]
        keys = level_keys(self.panel.index[self._accounts.rows][first], account_levels(self.panel))
        curve = 0 if self._accounts.time is None else self._accounts.time[held]
        names = ("price", "qty") if self.factor is None else ("shock", "exposure")
        table = {
            "side": np.where(exposure > 0, "long", "short"),
            names[0]: self._line.price(kink, curve),
            names[1]: exposure,
        }
        return pd.DataFrame(table, index=keys).astype({"side": "str"}).sort_index()

    def summary(self) -> pd.Series:
        """Headline numbers: accounts and shortfall [ccy] now and after moves, nearest bankruptcies [% of the mark].

        A curve with times reports its last time, and says so. NaN: nobody goes bankrupt in that direction, or a shock
        that is out of range.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.shortfall_curve(adl.load_dataset("four_accounts")).summary().tail(2).to_dict()
        {'shortfall after +10%': 6.0, 'shortfall after +20%': 0.0}
        """
        if self.times is not None:
            return self.latest.summary().add_suffix(", last time")
        prices = self.moved(np.array([0.0, *MOVES]))
        owed = np.full(len(prices), np.nan)
        is_known = [self.move_range[0] < move < self.move_range[1] for move in (0.0, *MOVES)]
        owed[is_known] = self.shortfall(prices[is_known])
        after = {f"shortfall after {move:+.0%}": owed[place] for place, move in enumerate(MOVES, start=1)}
        headline = {
            "accounts": len(np.unique(self._accounts.groups.codes)),
            "bankrupt now": self.n_bankrupt(prices[0]),
            "shortfall now": owed[0],
            "nearest bankruptcy down [%]": 100 * self._nearest(self._sides[0]),
            "nearest bankruptcy up [%]": 100 * self._nearest(self._sides[1]),
        }
        return pd.Series(headline | after, dtype=float)

    @property
    def latest(self) -> ShortfallCurve:
        """The curve of the last time alone; the curve itself without times.

        Examples
        --------
        >>> import adlkit as adl
        >>> curve = adl.shortfall_curve(adl.load_dataset("four_accounts"))
        >>> curve.latest is curve
        True
        """
        if self.times is None:
            return self
        panel = pd.DataFrame(self.panel.xs(self.times[-1], level="time"))
        if self.factor is None:
            return shortfall_curve(panel, symbol=self.symbol)
        return shortfall_curve(panel, factor=self.factor[panel.index.unique("symbol")])

    @property
    def move_range(self) -> tuple[float, float]:
        """Open range of moves [1] that can be asked for, at all times: above -1, or what a factor allows.

        Examples
        --------
        >>> import adlkit as adl
        >>> panel = adl.load_dataset("four_accounts")
        >>> adl.shortfall_curve(panel).move_range, adl.shortfall_curve(panel, factor={"BTC": 2.0}).move_range
        ((-1.0, inf), (-0.5, inf))
        """
        if self.factor is None:
            return -1.0, np.inf
        return float(self._line.low.max()), float(self._line.high.min())

    def moved(self, move: npt.ArrayLike) -> Any:
        """Price after a move of the mark; along a factor the move is the shock itself.

        Parameters
        ----------
        move : number or array
            [1], e.g. -0.2; with times, broadcast like prices.

        Returns
        -------
        float or ndarray
            [quote/base] mark x (1 + move), or the shock [1]. Not checked against the range of the curve.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.shortfall_curve(adl.load_dataset("four_accounts")).moved(-0.2)
        56.0
        """
        moves, time = self._spread(numbers(move, "moves"))
        if self.factor is None:
            moves = self._line.mark[0 if time is None else time.reshape(moves.shape)] * (1 + moves)
        return moves if moves.shape else moves.item()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the shortfall against the move from the mark; see `adlkit.plotting.plot_shortfall_curve`."""
        from adlkit.plotting import plot_shortfall_curve

        return plot_shortfall_curve(self, ax=ax)

    @property
    def _n_curves(self) -> int:
        return len(self._line.start)

    @cached_property
    def _fixed(self) -> tuple[Floats, Floats]:
        """Number of accounts that are bankrupt everywhere, and what they owe, for each curve."""
        is_fixed = self._accounts.is_fixed()
        count = self._accounts.per_curve(np.ones(len(is_fixed)), is_fixed, self._n_curves)
        return count, self._accounts.per_curve(-self._accounts.equity, is_fixed, self._n_curves)

    @cached_property
    def _sizes(self) -> list[tuple[Floats, Floats]]:
        """Notional of bankrupt accounts, at the marks and per unit of shock: fixed ones, then up to each kink."""
        accounts, rows = self._accounts, self._accounts.rows
        size = notional_of(self.panel)
        totals = [accounts.groups.total(values[rows]) for values in (size, size * beta_of(self.panel, self.factor))]
        fixed = [accounts.per_curve(total, accounts.is_fixed(), self._n_curves) for total in totals]
        sides = [[running(total[s.account], s.time, self._n_curves) for total in totals] for s in self._sides]
        return [(still, moving) for still, moving in (fixed, *sides)]

    @cached_property
    def _down(self) -> Outward:
        return self._outward(DOWN)

    @cached_property
    def _up(self) -> Outward:
        return self._outward(UP)

    def _outward(self, sign: float) -> Outward:
        """What `price_at` searches, in the direction of `sign`."""
        places, curves = [self._line.start], [np.arange(self._n_curves)]
        for side in self._sides:
            curve = np.zeros(len(side.kink), dtype=np.intp) if side.time is None else side.time
            is_ahead = sign * side.sign * side.kink > sign * self._line.start[curve]
            places.append(side.sign * side.kink[is_ahead])
            curves.append(curve[is_ahead])
        x, curve = np.concatenate(places), np.concatenate(curves)
        order = np.lexsort((sign * x, curve))
        x, curve = x[order], curve[order]
        time = None if self.times is None else curve
        asked = sorted_questions(x, time, x.shape)
        owed = asked.back(self._shortfall(asked))
        last = self._sides[0] if sign == DOWN else self._sides[1]
        starts = np.searchsorted(curve, np.arange(self._n_curves + 1))
        return Outward(x, owed, np.maximum.accumulate(search_keys(time, owed)), starts, last.total_weight())

    def _nearest(self, side: Side) -> float:
        """Move [1] from the mark to the next kink of a side; NaN where no price gets there. Of one curve."""
        line = self._line
        ahead = side.kink[np.searchsorted(side.kink, side.sign * line.start[0], side="left") :][:1]
        price = line.price(side.sign * ahead, 0)
        price = price[(price > line.low) & (price < line.high)]
        if not len(price):
            return np.nan
        return float(price[0] / line.mark[0] - 1 if self.factor is None else price[0])

    def _ask(self, price: npt.ArrayLike) -> Questions:
        """Prices as points to look up, or one CurveError."""
        line = self._line
        prices, time = self._spread(numbers(price, "prices" if self.factor is None else "shocks"))
        is_inside = (prices > line.low) & (prices < line.high)
        if not is_inside.all():
            found = np.broadcast_to(prices, is_inside.shape)[~is_inside][0]
            if self.factor is None:
                raise CurveError(f"prices must be finite and above zero, found {found}")
            raise CurveError(
                f"shocks must lie above {line.low.max():g} and below {line.high.min():g}, so that every mark with a "
                f"position stays above zero; found {found}"
            )
        return sorted_questions(line.coordinate(prices.ravel()), time, prices.shape)

    def _spread(self, values: Floats) -> tuple[Floats, Codes | None]:
        """Values broadcast against the times, and the time code of each (flat), if there are times."""
        if self.times is None:
            return values, None
        n = len(self.times)
        try:
            shape = np.broadcast_shapes(values.shape, (n,))
        except ValueError:
            raise CurveError(
                f"shape {values.shape} does not fit {n} times along its last axis; give one number, shape ({n},), or "
                f"shape (k, 1) for k prices at every time"
            ) from None
        return np.broadcast_to(values, shape), np.broadcast_to(np.arange(n), shape).ravel()

    def _shortfall(self, asked: Questions) -> Floats:
        total = asked.spread(self._fixed[1])
        for side in self._sides:
            found = side.find(asked)
            owed = found.z
            owed -= side.kink[found.last]
            owed *= side.weight[found.last]
            owed += side.owed[found.last]
            total[found.where] += owed
        return total

    def _bankrupt_qty(self, asked: Questions) -> Floats:
        total = np.zeros(len(asked.x))
        for side in self._sides:
            found = side.find(asked)
            total[found.where] += side.weight[found.last]
        return total


def shortfall_curve(
    panel: pd.DataFrame, *, symbol: str | None = None, factor: pd.Series | Mapping[str, float] | None = None
) -> ShortfallCurve:
    r"""Shortfall of a panel at any price of one symbol, or at any shock common to all.

    Parameters
    ----------
    panel : DataFrame
        Checked positions. With ``time``, one curve for each time at which the symbol is held.
    symbol : str, optional
        Whose price moves, all others held; may be left out where the panel has one symbol. Accounts that settle in
        another currency than the symbol are not counted: coins are never added.
    factor : Series or mapping of symbol to beta, optional
        Finite betas [1], of either sign, of every symbol of a linear panel of one settlement currency: a shock f
        moves each mark to mark x (1 + beta f).

    Returns
    -------
    ShortfallCurve

    Raises
    ------
    CurveError
        If the symbol is unknown, or left out where there are several; if betas are missing, unknown or not finite; if
        a factor meets inverse contracts or several currencies; if both or neither way is named.

    Notes
    -----
    .. math:: S(x) = \sum_a \max(0, -E_a - B_a (x - x_0))

    with x = V(price) and B the account's signed quantity, or x = f and B = sum of qty x mark x beta. Built in
    O(n log n); prices are looked up in O(log n) each, many of them sorted first.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.shortfall_curve(adl.load_dataset("four_accounts"), symbol="BTC").shortfall(60.0)
    40.0
    """
    if symbol is not None and factor is not None:
        raise CurveError("give a symbol or a factor, not both: one price moves, or all do")
    motion = symbol_motion(panel, symbol) if factor is None else factor_motion(panel, factor)
    accounts, n_curves = accounts_along(panel, motion), len(motion.line.start)
    return ShortfallCurve(
        panel=panel.copy(deep=False),  # copy on write: what is looked up later does not change with the caller's frame
        symbol=motion.symbol,
        factor=motion.factor,
        times=motion.times,
        currency=motion.currency,
        _line=motion.line,
        _accounts=accounts,
        _sides=(side_of(accounts, DOWN, n_curves), side_of(accounts, UP, n_curves)),
    )
