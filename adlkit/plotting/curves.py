"""Figures of curves: what accounts owe, what is liquidated, and where cascades end, by price."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from adlkit.cascade import CascadeCurve
from adlkit.contracts import Floats
from adlkit.curves import ShortfallCurve
from adlkit.plotting.figure import ADL, BOOK, CAPACITY, FAINT, INK, NAME_LENGTH, OPEN, OWED, axes, finished
from adlkit.plotting.words import in_thousands, percent, plain, short, signed_move
from adlkit.triggers import LiquidationCurve

NOTED_MOVES = (-0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4)
"""Moves [1] at which a curve says how many accounts are bankrupt."""
SAMPLES = 2001
"""Points of a sampled curve on each side of the mark."""
JUMP = 0.01
"""Smallest jump drawn as one, as a part of the curve's height."""
SIDES: tuple[tuple[Literal["long", "short"], int, str], ...] = (("long", -1, BOOK), ("short", 1, ADL))


def plot_shortfall_curve(curve: ShortfallCurve, *, ax: Axes | None = None) -> Axes:
    """Draw what accounts owe beyond what they have against the move of the mark, and how many are bankrupt at some.

    Parameters
    ----------
    curve : ShortfallCurve
        What `adlkit.shortfall_curve` returns; of a curve with times the last one is drawn.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        A line [ccy] over moves of up to 50% either way [% of the mark, or shocks in %], or as far as shocks may go.

    Examples
    --------
    >>> import adlkit as adl
    >>> ax = plot_shortfall_curve(adl.shortfall_curve(adl.load_dataset("four_accounts")))
    >>> ax.get_title(loc="left")
    'A fall of 20% leaves 48 owed by 1 account; a rise of 20% leaves 0'
    """
    ax, latest = axes(ax, rows=8), curve.latest
    moves = _drawn_moves(latest)
    owed = latest.shortfall(latest.moved(moves))
    ax.fill_between(100 * moves, owed, color=CAPACITY, linewidth=0.0)
    ax.plot(100 * moves, owed, color=OWED, linewidth=2.0)
    ax.axvline(0.0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    _mark_moves(ax, latest, moves)
    ax.set_xlim(100 * moves[0], 100 * moves[-1])
    ax.set_ylim(0.0, 1.18 * owed.max() if owed.any() else 1.0)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda move, _: signed_move(move / 100)))
    ax.yaxis.set_major_formatter(FuncFormatter(in_thousands))
    ax.set_ylabel(f"shortfall [{plain(latest.currency, NAME_LENGTH)}]", parse_math=False)
    symbol = "" if curve.symbol is None else plain(curve.symbol, NAME_LENGTH)
    what = f"move of {symbol} from its mark" if symbol else "shock common to all symbols"
    when = "" if curve.times is None else f", at {curve.times[-1]:%Y-%m-%d %H:%M} UTC"
    return finished(ax, _curve_finding(latest), f"{what}{when}", grid="y")


def plot_liquidation_curve(curve: LiquidationCurve, *, reach: float = 0.5, ax: Axes | None = None) -> Axes:
    """Draw the contracts that a move of the price liquidates: longs below the mark, shorts above it.

    Parameters
    ----------
    curve : LiquidationCurve
        What `adlkit.liquidation_curve` returns.
    reach : float, default 0.5
        Largest move drawn [1], within (0, 1).
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Filled areas [contracts] over the move from the mark.

    Examples
    --------
    >>> import adlkit as adl
    >>> ax = plot_liquidation_curve(adl.liquidation_curve(adl.load_dataset("four_accounts")))
    >>> ax.get_title(loc="left")
    'BTC: 10% down liquidates 2 long contracts, 10% up 0 short'
    """
    ax = axes(ax, rows=9)
    moves = np.linspace(0.0, reach, SAMPLES)
    for side, sign, colour in SIDES:
        qty = np.asarray(curve.qty(curve.mark_price * (1 + sign * moves), side=side))
        ax.fill_between(sign * moves, qty, color=colour, alpha=0.25, linewidth=0.0, step="pre")
        ax.step(sign * moves, qty, where="pre", color=colour, linewidth=1.8, label=f"{side} contracts")
    ax.axvline(0.0, color=INK, linewidth=1.0)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(bottom=0.0)
    ax.xaxis.set_major_formatter(FuncFormatter(signed_move))
    ax.yaxis.set_major_formatter(FuncFormatter(in_thousands))
    ax.set_ylabel("contracts to be closed")
    ax.legend(loc="upper center", frameon=True, framealpha=0.9, edgecolor="none", ncols=2)
    return finished(ax, _liquidation_finding(curve), _move_axis(curve, "price"), grid="y")


def plot_cascade_curve(curve: CascadeCurve, *, reach: float = 0.5, ax: Axes | None = None) -> Axes:
    """Draw where the mark ends against the exogenous shock, with the line of no cascade and the runaway zone.

    Parameters
    ----------
    curve : CascadeCurve
        What `adlkit.cascade_curve` returns.
    reach : float, default 0.5
        Largest shock drawn [1], within (0, 1).
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Moves from the mark. A jump, where one more position starts a further cascade, is a dotted line; rises that run
        away have no end to draw.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> ax = plot_cascade_curve(adl.cascade_curve(panel, impact=lambda contracts: 5.0 * contracts))
    >>> ax.get_title(loc="left")
    'BTC: a fall of 20% ends at −30%; falls beyond −90% run away'
    """
    ax = axes(ax, rows=13)
    mark = curve.liquidations.mark_price
    moves = np.linspace(-reach, reach, 2 * SAMPLES)
    ends = np.asarray(curve.price(mark * (1 + moves))) / mark - 1
    ends[np.isinf(ends)] = np.nan
    ax.plot([-reach, reach], [-reach, reach], color=FAINT, linewidth=1.2, linestyle="--", label="no cascade")
    _broken_line(ax, moves, ends)
    _shade_runaway(ax, curve, reach)
    ax.axvline(0.0, color=INK, linewidth=0.8)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.set_xlim(-reach, reach)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(signed_move))
    ax.set_ylabel("where the mark ends")
    ax.legend(loc="upper left", frameon=True, framealpha=0.9, edgecolor="none")
    return finished(ax, _cascade_finding(curve), _move_axis(curve.liquidations, "shocked price"), grid="y")


def _drawn_moves(curve: ShortfallCurve) -> Floats:
    """Moves [1] from half down to half up, kept clear of the ends of shocks."""
    low, high = max(-0.5, 0.99 * curve.move_range[0]), min(0.5, 0.99 * curve.move_range[1])
    return np.concatenate([np.linspace(low, 0.0, 301), np.linspace(0.0, high, 301)[1:]])


def _curve_finding(curve: ShortfallCurve) -> str:
    """What a fall and a rise of 20% leave, or of half of the way to the end of shocks."""
    down, up = max(-0.2, curve.move_range[0] / 2), min(0.2, curve.move_range[1] / 2)
    prices = curve.moved([down, up])
    parts = []
    for word, move, owed, count in zip(
        ("A fall", "a rise"), (down, up), curve.shortfall(prices), curve.n_bankrupt(prices), strict=True
    ):
        by = f" owed by {count:,} account{'s' if count > 1 else ''}" if count else ""
        parts.append(f"{word} of {percent(abs(move))} leaves {short(owed)}{by}")
    return "; ".join(parts)


def _mark_moves(ax: Axes, curve: ShortfallCurve, drawn: Floats) -> None:
    """Dots at round moves, each with the number of bankrupt accounts."""
    moves = np.array([move for move in NOTED_MOVES if drawn[0] < move < drawn[-1]])
    prices = curve.moved(moves)
    owed, counts, rising = curve.shortfall(prices), curve.n_bankrupt(prices), curve.slope(prices) > 0
    ax.scatter(100 * moves, owed, color=OWED, s=26, zorder=3, clip_on=False)
    for place, (move, height, count) in enumerate(zip(moves, owed, counts, strict=True)):
        ax.annotate(
            f"{count:,} account{'s' if count != 1 else ''} bankrupt" if place == 0 else f"{count:,}",
            (100 * move, height),
            xytext=(-6 if rising[place] else 6, 7),
            textcoords="offset points",
            ha="right" if rising[place] else "left",
            fontsize=9,
            color=INK,
        )


def _move_axis(curve: LiquidationCurve, what: str) -> str:
    return f"{what} of {plain(curve.symbol, NAME_LENGTH)}, from the mark of {curve.mark_price:,.6g}"


def _liquidation_finding(curve: LiquidationCurve) -> str:
    fall, rise = (float(curve.qty(curve.mark_price * (1 + 0.1 * sign), side=side)) for side, sign, _ in SIDES)
    symbol = plain(curve.symbol, NAME_LENGTH)
    return f"{symbol}: 10% down liquidates {short(fall)} long contracts, 10% up {short(rise)} short"


def _cascade_finding(curve: CascadeCurve) -> str:
    """Where a fall of 20% ends unless it runs away, and which moves do."""
    symbol, mark = plain(curve.liquidations.symbol, NAME_LENGTH), curve.liquidations.mark_price
    end, down = float(curve.price(0.8 * mark)) / mark - 1, curve.runaway_price(side="down") / mark - 1
    up = curve.runaway_price(side="up") / mark - 1
    zones = [f"falls beyond {signed_move(down)}"] * (down > -1)
    zones += [f"rises beyond {signed_move(up)}"] * bool(np.isfinite(up))
    parts = [f"a fall of 20% ends at {signed_move(end)}"] * (end > -1)
    parts.append(f"{' and '.join(zones)} run away" if zones else "no fall or rise runs away")
    return f"{symbol}: {'; '.join(parts)}"


def _broken_line(ax: Axes, moves: Floats, ends: Floats) -> None:
    """Pieces of a curve, and a dotted line at each jump that can be seen."""
    seen = JUMP * float(np.nanmax(ends) - np.nanmin(ends))
    jumps = np.flatnonzero(np.diff(ends) - np.diff(moves) > seen)
    gaps = np.full(len(jumps), np.nan)
    ax.plot(
        np.insert(moves, jumps + 1, gaps),
        np.insert(ends, jumps + 1, gaps),
        color=ADL,
        linewidth=2.0,
        label="with cascade",
    )
    ax.vlines(moves[jumps], ends[jumps], ends[jumps + 1], color=ADL, linewidth=1.2, linestyle=":")


def _shade_runaway(ax: Axes, curve: CascadeCurve, reach: float) -> None:
    """The shocks that run away, as far as they are drawn."""
    mark = curve.liquidations.mark_price
    down, up = curve.runaway_price(side="down") / mark - 1, curve.runaway_price(side="up") / mark - 1
    zones = [(-reach, down)] * (down > -reach) + [(up, reach)] * (up < reach)
    for place, (start, end) in enumerate(zones):
        ax.axvspan(start, end, color=OPEN, alpha=0.4, linewidth=0.0, label="_" * (place > 0) + "runs away")
