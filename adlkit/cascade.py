"""Liquidation cascades: where the mark ends after a shock, once all that it liquidates has moved it.

Sorted once; any number of shocks is then a binary search each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.book import OrderBook
from adlkit.contracts import Flags, Floats
from adlkit.errors import BookError, CurveError
from adlkit.groups import Codes
from adlkit.triggers import (
    SUMMARY_MOVES,
    LiquidationCurve,
    Queue,
    liquidation_curve,
    place_after,
    plain_answer,
    prices_asked,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Impact = Callable[[Floats], Floats]
Direction = Literal["down", "up"]


class Cascade(NamedTuple):
    """One direction: step k is the state in which the first k positions of the queue are liquidated.

    ``impact`` [quote/base, or per unit of the shocked price if `is_relative`] is how far their contracts move the mark.
    ``start`` is -side x the shocked price from which on a cascade gets beyond step k, for k = 0, 1, ...
    """

    queue: Queue
    impact: Floats
    start: Floats
    is_relative: bool

    def steps(self, shocked: Floats) -> Codes:
        """Positions that the cascade of each shock liquidates."""
        return place_after(self.start, -self.queue.side * shocked)

    def distance(self, shocked: Floats, step: Codes) -> Floats:
        """How far the contracts up to `step` move the mark [quote/base]."""
        return self.impact[step] * shocked if self.is_relative else self.impact[step]

    def end(self, shocked: Floats) -> Floats:
        """Price at which each cascade ends: 0 or inf where it runs away."""
        return np.maximum(shocked - self.queue.side * self.distance(shocked, self.steps(shocked)), 0.0)

    def runaway(self, mark: float) -> float:
        """Shocked price from which on the mark goes to its end, 0 for a fall or inf for a rise; that end if never."""
        if self.queue.side < 0:
            needed = np.where(np.isinf(self.impact), -np.inf, np.inf)
        elif self.is_relative:
            needed = np.where(self.impact >= 1, -np.inf, 0.0)
        else:
            needed = -self.impact
        reached = np.concatenate(([-np.inf], self.start))
        key = max(float(np.maximum(needed, reached).min()), -self.queue.side * mark)
        return -self.queue.side * key + 0.0

    def further_impact(self, shocked: Floats, width: float) -> Floats:
        """Further impact per further move, over a move of `width` from where the mark ends; NaN at 0 and inf."""
        end, side = self.end(shocked), self.queue.side
        is_open = (end > 0) & np.isfinite(end)
        start = np.where(is_open, end, 1.0)
        step = self.steps(shocked)
        further = np.maximum(self.queue.reached(start * (1 - side * width)), step)
        far, near = self.distance(shocked, further), self.distance(shocked, step)
        with np.errstate(invalid="ignore"):
            return np.where(is_open, (far - near) / (start * width), np.nan)


@dataclass(frozen=True, eq=False, repr=False)
class CascadeCurve(SummaryRepr):
    """Where the mark ends after every exogenous shock, once all it liquidates has moved it; see `cascade_curve`.

    Shocked prices at or below the mark are falls, which liquidate longs; those above it are rises, which liquidate
    shorts. To ask what a cascade costs, feed `price` into a shortfall curve: with zero impact ``price(x)`` is x, and
    the shortfall of the cascade is that of the shock itself.

    Parameters
    ----------
    liquidations : LiquidationCurve
        What a price liquidates without impact.
    falls, rises : Cascade
        The two directions.

    Examples
    --------
    Ann's 2 contracts are liquidated below 84.2: at an impact of 5 per contract, a shock to 80 ends at 70.

    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> curve = adl.cascade_curve(panel, impact=lambda contracts: 5.0 * contracts)
    >>> curve.price(80.0), curve.forced_qty(80.0), curve.amplification(80.0)
    (70.0, 2.0, 1.5)
    """

    liquidations: LiquidationCurve
    falls: Cascade
    rises: Cascade

    def price(self, shocked: float | Floats) -> float | Floats:
        """Price at which the mark ends.

        Parameters
        ----------
        shocked : float or ndarray of any shape
            Price to which the exogenous shock alone moves the mark [quote/base].

        Returns
        -------
        float, or ndarray of the shape of `shocked`
            [quote/base]: at or below a fall's shocked price, 0 where it runs away; at or above a rise's, inf where it
            does.

        Raises
        ------
        CurveError
            If a price is not finite or not above zero.

        Examples
        --------
        >>> import adlkit as adl
        >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
        >>> adl.cascade_curve(panel, impact=lambda contracts: 5.0 * contracts).price(90.0)
        90.0
        """
        return plain_answer(float, self._each(Cascade.end, prices_asked(shocked)))

    def forced_qty(self, shocked: float | Floats) -> float | Floats:
        """Contracts that the shock and its cascade force out, longs for a fall and shorts for a rise.

        Parameters
        ----------
        shocked : float or ndarray of any shape
            Price to which the exogenous shock alone moves the mark [quote/base].

        Returns
        -------
        float, or ndarray of the shape of `shocked`
            [contracts], never negative.

        Raises
        ------
        CurveError
            If a price is not finite or not above zero.

        Examples
        --------
        >>> import adlkit as adl
        >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
        >>> adl.cascade_curve(panel, impact=lambda contracts: 5.0 * contracts).forced_qty(90.0)
        0.0
        """
        return plain_answer(float, self._each(lambda move, at: move.queue.qty[move.steps(at)], prices_asked(shocked)))

    def is_runaway(self, shocked: float | Floats) -> bool | Flags:
        """Whether the mark ends at 0 (a fall) or inf (a rise).

        Parameters
        ----------
        shocked : float or ndarray of any shape
            Price to which the exogenous shock alone moves the mark [quote/base].

        Returns
        -------
        bool, or ndarray of the shape of `shocked`

        Raises
        ------
        CurveError
            If a price is not finite or not above zero.

        Examples
        --------
        >>> import adlkit as adl
        >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
        >>> adl.cascade_curve(panel, impact=lambda contracts: 50.0 * contracts).is_runaway(80.0)
        True
        """
        end = self._each(Cascade.end, prices_asked(shocked))
        return plain_answer(bool, (end == 0) | np.isinf(end))

    def amplification(self, shocked: float | Floats) -> float | Floats:
        """Whole move of the mark per exogenous move.

        Parameters
        ----------
        shocked : float or ndarray of any shape
            Price to which the exogenous shock alone moves the mark [quote/base].

        Returns
        -------
        float, or ndarray of the shape of `shocked`
            (mark - price) / (mark - shocked) [1], at least 1: 1 without a cascade, inf for a rise that runs away. NaN
            where the shocked price is the mark.

        Raises
        ------
        CurveError
            If a price is not finite or not above zero.

        Examples
        --------
        >>> import adlkit as adl
        >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
        >>> adl.cascade_curve(panel, impact=lambda contracts: 5.0 * contracts).amplification(90.0)
        1.0
        """
        at, mark = prices_asked(shocked), self.liquidations.mark_price
        moved = mark - self._each(Cascade.end, at)
        return plain_answer(float, np.divide(moved, mark - at, out=np.full(at.shape, np.nan), where=at != mark))

    def local_amplification(self, shocked: float | Floats, *, width: float = 0.01) -> float | Floats:
        r"""Further impact per further move, beyond the price at which the mark ends.

        Parameters
        ----------
        shocked : float or ndarray of any shape
            Price to which the exogenous shock alone moves the mark [quote/base].
        width : float, default 0.01
            The further move [1], within (0, 1).

        Returns
        -------
        float, or ndarray of the shape of `shocked`
            [1]; inf where the further move leaves the book, NaN where the mark has run away already.

        Raises
        ------
        CurveError
            If a price is not finite or not above zero, or the width is outside (0, 1).

        Notes
        -----
        At p = price(shocked), with F the contracts at or past their liquidation price and I their impact, for a fall

        .. math:: n = \frac{I(F(p (1 - w))) - I(F(p))}{p w}

        and for a rise the same with 1 + w. For a smooth F it tends to the branching ratio ``rho(p) I'(Q)`` of the
        density rho of liquidation prices [contracts per quote/base] as w goes to zero; F is a step function here, so
        the move is finite, and n >= 1 says that a further move of that width moves the mark at least as far again.
        Whether it then runs away is what `runaway_price` tells. A relative impact I is that of the book at the shocked
        price.

        Examples
        --------
        Ann's 2 contracts lie within 10% of 90, and would move the mark by 10 of those 9.

        >>> import adlkit as adl
        >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
        >>> curve = adl.cascade_curve(panel, impact=lambda contracts: 5.0 * contracts)
        >>> round(curve.local_amplification(90.0, width=0.1), 4)
        1.1111
        """
        if not 0 < width < 1:
            raise CurveError(f"width must be within (0, 1), got {width!r}")
        return plain_answer(float, self._each(lambda move, at: move.further_impact(at, width), prices_asked(shocked)))

    def runaway_price(self, *, side: Direction) -> float:
        """Shocked price from which on the mark runs away.

        Parameters
        ----------
        side : {"down", "up"}
            Falls or rises.

        Returns
        -------
        float
            [quote/base]. Down: every fall to this price or lower ends at 0; 0 if none does. Up: every rise to this
            price or higher ends at inf; inf if none does. The mark itself where any move of the side runs away.

        Raises
        ------
        CurveError
            If the side is unknown.

        Examples
        --------
        At 50 per contract, ann's 2 contracts move the mark by 100, which is more than the price that liquidates them.

        >>> import adlkit as adl
        >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
        >>> curve = adl.cascade_curve(panel, impact=lambda contracts: 50.0 * contracts)
        >>> round(curve.runaway_price(side="down"), 4), curve.runaway_price(side="up")
        (84.2105, inf)
        """
        if side not in ("down", "up"):
            raise CurveError(f"side must be 'down' or 'up', got {side!r}")
        return (self.falls if side == "down" else self.rises).runaway(self.liquidations.mark_price)

    def summary(self) -> pd.Series:
        """Headline numbers: mark, runaway prices, and where shocks of 5%, 10% and 20% end [quote/base]."""
        mark = self.liquidations.mark_price
        rows = {
            "mark price": mark,
            "runaway price, down": self.runaway_price(side="down"),
            "runaway price, up": self.runaway_price(side="up"),
        }
        for name, sign in (("fall", -1), ("rise", 1)):
            for move in SUMMARY_MOVES:
                shocked = np.asarray(mark * (1 + sign * move))
                rows[f"end of a {name} of {move:.0%}"] = float(self._each(Cascade.end, shocked))
        return pd.Series(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw where the mark ends against the shock; see `adlkit.plotting.plot_cascade_curve`."""
        from adlkit.plotting import plot_cascade_curve

        return plot_cascade_curve(self, ax=ax)

    def _each(self, answer: Callable[[Cascade, Floats], Floats], shocked: Floats) -> Floats:
        """`answer` of the direction of each shocked price."""
        is_fall = shocked <= self.liquidations.mark_price
        result = np.empty(shocked.shape)
        result[is_fall] = answer(self.falls, shocked[is_fall])
        result[~is_fall] = answer(self.rises, shocked[~is_fall])
        return result


def cascade_curve(
    panel: pd.DataFrame,
    *,
    symbol: str | None = None,
    books: Mapping[str, OrderBook] | None = None,
    impact: Impact | None = None,
    tiers: pd.DataFrame | None = None,
) -> CascadeCurve:
    r"""Where the mark ends after any exogenous shock, once the positions it liquidates have moved it, and so on.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment.
    symbol : str, optional
        The symbol that moves; may be left out where the panel has only one.
    books : mapping of symbol to OrderBook, optional
        As in `run_event`; must have the symbol. The mark moves to the last level that is touched, in percent of the
        shocked price: real levels, too, keep their distance in percent from the centre of their book, as
        `OrderBook.recentre` has it. More contracts than the whole side holds send a fall to 0 and a rise to inf.
    impact : callable, optional
        Instead of books: array of contracts -> array of distances [quote/base] that they move the mark, 0 for 0
        contracts and never decreasing, e.g. ``lambda contracts: 0.5 * np.sqrt(contracts)``; inf: more than anybody
        takes. It is asked once per side, for the cumulative contracts of its positions.
    tiers : DataFrame, optional
        Margin tiers, as in `liquidation_price`.

    Returns
    -------
    CascadeCurve

    Raises
    ------
    CurveError
        If the symbol is unknown, or left out of a panel that has several; if not exactly one of books and impact is
        given; if the impact is not a distance, not 0 for 0 contracts, or decreases.
    BookError
        If the books miss the symbol, or its book has no centre.
    PanelError
        If the tiers are faulty, or the panel holds several times.

    Notes
    -----
    With F(p) the long contracts at or past their liquidation price at p and I the impact, a fall to x ends at the
    least cascade

    .. math:: p^* = \max \{p \le x : p = \max(0, x - I(F(p)))\}

    and a rise at the mirror image of it, with shorts and inf. A book's impact is relative, I = x g. Liquidated
    positions are closed whole and each once; nothing else trades, and no buffer steps in.

    Let :math:`l_1 \ge l_2 \ge \dots` be the liquidation prices of longs and :math:`Q_k` the contracts of the first k.
    With k liquidated the mark is at x - I(Q_k), so that the cascade gets beyond k if and only if x is at most
    :math:`T_{k+1} = l_{k+1} + I(Q_k)`, or :math:`l_{k+1} / (1 - g(Q_k))`, and did so before: up to the running
    minimum of T. That falls, so the number of liquidated positions of any x is one binary search. The fall runs away
    where x <= I(Q_k) at the k that it reaches.

    Complexity: O(n log n) in positions, O(log n) a shock, without iteration. The fixed point is that of the branching
    picture of liquidation cascades; a square-root impact is measured on Bitcoin in [1]_.

    References
    ----------
    .. [1] J. Donier, J. Bonart, "A million metaorder analysis of market impact on the Bitcoin", arXiv:1412.4503.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> book = adl.OrderBook.power_law(depth=1.0, exponent=1.0)
    >>> round(adl.cascade_curve(panel, books={"BTC": book}).price(80.0), 1)
    78.4
    """
    _check_one(books, impact)
    curve = liquidation_curve(panel, symbol=symbol, tiers=tiers)
    if impact is not None:
        moves = [_asked_impact(impact, queue.qty) for queue in (curve.longs, curve.shorts)]
    else:
        book = _book_of(curve.symbol, books)
        moves = [_book_impact(book, curve.symbol, queue) for queue in (curve.longs, curve.shorts)]
    is_relative = impact is None
    return CascadeCurve(
        liquidations=curve,
        falls=_cascade(curve.longs, moves[0], is_relative=is_relative),
        rises=_cascade(curve.shorts, moves[1], is_relative=is_relative),
    )


def _cascade(queue: Queue, impact: Floats, *, is_relative: bool) -> Cascade:
    """Shocked price up to which (a fall; from which on: a rise) each further position is liquidated."""
    price, before = -queue.side * queue.key, impact[:-1]
    if is_relative:
        kept = np.maximum(1.0 - queue.side * before, 0.0)
        with np.errstate(divide="ignore"):
            threshold = price / kept
    else:
        threshold = price + queue.side * before
    return Cascade(queue, impact, np.maximum.accumulate(-queue.side * threshold), is_relative)


def _check_one(books: Mapping[str, OrderBook] | None, impact: Impact | None) -> None:
    if (books is None) == (impact is None):
        given = "neither" if books is None else "both"
        raise CurveError(
            f"give either books={{symbol: OrderBook}} or impact=, the price distance by contracts: {given}"
        )
    if impact is not None and not callable(impact):
        raise CurveError(
            f"impact must be callable, array of contracts -> array of price distances; got a {type(impact).__name__}"
        )
    if books is not None and not isinstance(books, Mapping):
        raise BookError(f"books must map symbols to OrderBook, e.g. {{'BTC': book}}; got a {type(books).__name__}")


def _book_of(symbol: str, books: Mapping[str, OrderBook] | None) -> OrderBook:
    if not books or symbol not in books:
        raise BookError(f"no book for {symbol!r}, only for {list(map(str, books or ()))[:10]}; add it, or give impact=")
    if not isinstance(book := books[symbol], OrderBook):
        raise BookError(f"book of {symbol!r} is no OrderBook; build it with adl.OrderBook(bids, asks)")
    return book


def _book_impact(book: OrderBook, symbol: str, queue: Queue) -> Floats:
    """Distance [1] of the last level touched at each step of a queue."""
    return _checked(book.distance(queue.qty, side=queue.side), queue.qty, f"book of {symbol!r}")


def _asked_impact(impact: Impact, qty: Floats) -> Floats:
    """Distance [quote/base] at each step of a queue, as the user's function gives it."""
    name = f"impact {getattr(impact, '__name__', type(impact).__name__)!r}"
    given = np.asarray(impact(qty.copy()))
    if given.shape != qty.shape or given.dtype.kind not in "iuf":
        raise CurveError(
            f"{name} must return a number per quantity: asked for {len(qty)}, got shape {given.shape} of {given.dtype}"
        )
    return _checked(given.astype(np.float64), qty, name)


def _checked(distance: Floats, qty: Floats, name: str) -> Floats:
    """`distance` unchanged: 0 for no contracts, and never decreasing."""
    if np.isnan(distance).any():
        raise CurveError(f"{name} is NaN at {qty[np.isnan(distance)][0]:g} contracts; return a distance, or inf")
    if distance[0] != 0:
        raise CurveError(f"{name} is {distance[0]:g} at 0 contracts; it must be 0")
    if (falls := np.flatnonzero(distance[1:] < distance[:-1])).size:
        at = falls[0]
        raise CurveError(
            f"{name} decreases from {distance[at] + 0.0:g} at {qty[at]:g} contracts to {distance[at + 1]:g} at "
            f"{qty[at + 1]:g}; more contracts must move the price at least as far"
        )
    return distance
