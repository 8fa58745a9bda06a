"""What each price liquidates: contracts at or past their liquidation price, sorted once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Floats, is_inverse
from adlkit.errors import CurveError, PanelError
from adlkit.groups import Codes
from adlkit.lines import numbers, one_symbol, symbol_rows
from adlkit.margin import liquidation_price

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Side = Literal["long", "short"]
Number = TypeVar("Number", bool, int, float)
SUMMARY_MOVES = (0.05, 0.1, 0.2)


def place_after(keys: Floats, values: Floats) -> Codes:
    """How many of the sorted `keys` are at most each value; sorted values are found several times as fast."""
    order = np.argsort(values, axis=None)
    place = np.empty(values.size, dtype=np.intp)
    place[order] = np.searchsorted(keys, values.ravel()[order], side="right")
    return place.reshape(values.shape)


class Queue(NamedTuple):
    """Positions of one side, in the order in which a price that moves against them liquidates them.

    ``side`` is +1 for longs. ``key`` is -side x liquidation price, so that it rises on both sides; ``qty`` is
    cumulative contracts, starting with 0.
    """

    side: float
    key: Floats
    qty: Floats

    def reached(self, price: Floats) -> Codes:
        """Positions at or past their liquidation price at each `price`."""
        return place_after(self.key, -self.side * price)


@dataclass(frozen=True, eq=False, repr=False)
class LiquidationCurve(SummaryRepr):
    """Contracts at or past their liquidation price, by price of one symbol; see `liquidation_curve`.

    Parameters
    ----------
    symbol : str
        The symbol whose price moves.
    mark_price : float
        Its mark [quote/base].
    is_inverse : bool
        Whether one contract is worth 1 / price coins.
    longs, shorts : Queue
        Positions in the order in which they are liquidated.

    Examples
    --------
    >>> import adlkit as adl
    >>> curve = adl.liquidation_curve(adl.load_dataset("four_accounts"))
    >>> curve.qty(84.0, side="long"), curve.n(120.0, side="short")
    (2.0, 1)
    """

    symbol: str
    mark_price: float
    is_inverse: bool
    longs: Queue
    shorts: Queue

    def qty(self, price: float | Floats, *, side: Side) -> float | Floats:
        """Contracts at or past their liquidation price.

        Parameters
        ----------
        price : float or ndarray of any shape
            Price of the symbol [quote/base].
        side : {"long", "short"}
            Side of the positions to be closed.

        Returns
        -------
        float, or ndarray of the shape of `price`
            [contracts], never negative.

        Raises
        ------
        CurveError
            If a price is not finite or not above zero, or the side is unknown.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.liquidation_curve(adl.load_dataset("four_accounts")).qty(70.0, side="long")
        2.0
        """
        queue = self._queue(side)
        return plain_answer(float, queue.qty[queue.reached(prices_asked(price))])

    def notional(self, price: float | Floats, *, side: Side) -> float | Floats:
        """Notional at each price of the contracts that `qty` counts.

        Parameters
        ----------
        price : float or ndarray of any shape
            Price of the symbol [quote/base].
        side : {"long", "short"}
            Side of the positions to be closed.

        Returns
        -------
        float, or ndarray of the shape of `price`
            [ccy]: qty x price, for inverse contracts qty / price.

        Raises
        ------
        CurveError
            If a price is not finite or not above zero, or the side is unknown.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.liquidation_curve(adl.load_dataset("four_accounts")).notional(70.0, side="long")
        140.0
        """
        at, queue = prices_asked(price), self._queue(side)
        contracts = queue.qty[queue.reached(at)]
        return plain_answer(float, contracts / at if self.is_inverse else contracts * at)

    def n(self, price: float | Floats, *, side: Side) -> int | Codes:
        """Positions, one per account, at or past their liquidation price.

        Parameters
        ----------
        price : float or ndarray of any shape
            Price of the symbol [quote/base].
        side : {"long", "short"}
            Side of the positions to be closed.

        Returns
        -------
        int, or ndarray of the shape of `price`

        Raises
        ------
        CurveError
            If a price is not finite or not above zero, or the side is unknown.

        Examples
        --------
        >>> import adlkit as adl
        >>> adl.liquidation_curve(adl.load_dataset("four_accounts")).n(70.0, side="long")
        1
        """
        return plain_answer(int, self._queue(side).reached(prices_asked(price)))

    def summary(self) -> pd.Series:
        """Headline numbers: the mark [quote/base] and contracts to be closed at it, 5%, 10% and 20% away, anywhere."""
        rows = {"mark price": self.mark_price}
        for side, queue in (("long", self.longs), ("short", self.shorts)):
            moves = {"at the mark": 0.0} | {f"{move:.0%} away": move for move in SUMMARY_MOVES}
            for name, move in moves.items():
                price = np.asarray(self.mark_price * (1 - queue.side * move))
                rows[f"{side} contracts, {name}"] = float(queue.qty[queue.reached(price)])
            rows[f"{side} contracts, at some price"] = float(queue.qty[-1])
        return pd.Series(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw contracts to be closed against the move; see `adlkit.plotting.plot_liquidation_curve`."""
        from adlkit.plotting import plot_liquidation_curve

        return plot_liquidation_curve(self, ax=ax)

    def _queue(self, side: Side) -> Queue:
        if side not in ("long", "short"):
            raise CurveError(f"side must be 'long' or 'short', got {side!r}")
        return self.longs if side == "long" else self.shorts


def liquidation_curve(
    panel: pd.DataFrame, *, symbol: str | None = None, tiers: pd.DataFrame | None = None
) -> LiquidationCurve:
    """Contracts at or past their liquidation price, by price of one symbol, the other symbols held.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment.
    symbol : str, optional
        The symbol that moves; may be left out where the panel has only one.
    tiers : DataFrame, optional
        Margin tiers, as in `liquidation_price`.

    Returns
    -------
    LiquidationCurve
        A long is at or past its liquidation price at every price up to it, a short at every price from it on: one
        that already is below its maintenance margin counts at the mark, and beyond it up to the price at which it
        would be safe again. Positions that no price liquidates and rows of ``qty`` 0 never count.

    Raises
    ------
    CurveError
        If the symbol is unknown, or left out of a panel that has several.
    PanelError
        If the tiers are faulty, or the panel holds several times.

    Notes
    -----
    `run_event` liquidates below the maintenance margin, this curve at it: they differ at the very liquidation prices.
    Complexity: O(n log n) in positions, O(log n) a question.

    Examples
    --------
    >>> import adlkit as adl
    >>> curve = adl.liquidation_curve(adl.load_dataset("four_accounts"))
    >>> curve.qty(120.0, side="short")
    1.0
    """
    if "time" in panel.index.names:
        raise PanelError(["a curve takes one moment; select it, e.g. panel.xs(time, level='time')"])
    name = one_symbol(panel, symbol)
    row = np.flatnonzero(symbol_rows(panel, name))
    qty, price = panel["qty"].to_numpy()[row], liquidation_price(panel, tiers=tiers).to_numpy()[row]
    inverse = is_inverse(panel)
    return LiquidationCurve(
        symbol=name,
        mark_price=float(panel["mark_price"].to_numpy()[row[0]]),
        is_inverse=inverse is not None and bool(inverse[row[0]]),
        longs=_queue(1.0, qty, price),
        shorts=_queue(-1.0, qty, price),
    )


def _queue(side: float, qty: Floats, price: Floats) -> Queue:
    """Positions of one side that some price above zero liquidates."""
    is_reached = (price > 0) if side > 0 else np.isfinite(price)
    row = np.flatnonzero((side * qty > 0) & is_reached)
    key = -side * price[row]
    order = np.argsort(key, kind="stable")
    return Queue(side, key[order], np.concatenate(([0.0], np.cumsum(np.abs(qty[row][order])))))


def prices_asked(price: float | Floats) -> Floats:
    """Prices asked for, as an array; one error if they are none."""
    at = numbers(price, "prices")
    if (bad := ~(np.isfinite(at) & (at > 0))).any():
        raise CurveError(
            f"prices must be finite and above zero; {bad.sum()} of {at.size} are not, first {at[bad][0]:g}"
        )
    return at


def plain_answer(kind: Callable[[Any], Number], answer: Any) -> Number | npt.NDArray[Any]:
    """A Python number for one price, the array for several."""
    return kind(answer) if np.ndim(answer) == 0 else np.asarray(answer)
