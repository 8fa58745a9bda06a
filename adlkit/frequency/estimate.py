"""How often a market is deleveraged: the probability that moves beat its distance to ADL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.book import OrderBook
from adlkit.contracts import Floats
from adlkit.curves import shortfall_curve
from adlkit.distance import FALL, RISE, distance_to_adl
from adlkit.errors import CurveError
from adlkit.frequency.contract_distance import factor_reach
from adlkit.frequency.factor import MarketFactor, Tails, checked_tails
from adlkit.frequency.lines import (
    check_draws,
    checked_money,
    expected,
    interval,
    inverse,
    one_moment,
    reach,
    resampled,
    share_of_tail,
    uncertain,
)
from adlkit.venues import VenueRules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VENUE = "venue"
"""Label of the row of a common factor."""
BOTH = "both"
"""Side of what either a fall or a rise does."""
SIDES = (FALL, RISE, BOTH)


@dataclass(frozen=True, eq=False, repr=False)
class FrequencyResult(SummaryRepr):
    """How often ADL is to be expected, by symbol and for the venue.

    Parameters
    ----------
    table : DataFrame, index (symbol, side)
        ``side`` is that of the accounts which the move bankrupts (``long``: a fall), or ``both``; the symbol of a
        common factor is ``venue``. ``distance`` [1]: move beyond which there is ADL, inf if none is. ``probability``
        [1] that the worst move of a period beats it; of both sides the sum, at most 1. ``per_year``: expected events,
        with its interval ``low`` to ``high``, no more than one event a period (one in each where there is ADL already,
        distance 0); ``return_period`` [years], inf where there are none.
    sources : DataFrame, index (symbol, side)
        ``tail_low``, ``tail_high``: interval of ``per_year`` if only the tails were unknown; ``panel_low``,
        ``panel_high``: if only the accounts were (NaN where the panel is held fixed); ``tail_share``: part of the
        variance that comes from the tail [1], NaN where there is none.
    level : float
        Of the intervals.
    buffer : float
        Money that the distances are for [ccy]; NaN for distances in contracts.
    n_panels : int
        Resamples of the accounts; 0: the panel is held fixed, and intervals know of the tails alone.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> found = adl.adl_frequency(panel, tails={"BTC": (tail, tail)}, buffer=10.0, n_panels=0, rng=7)
    >>> found.table["return_period"].round(1).to_dict()
    {('BTC', 'long'): 87.6, ('BTC', 'short'): 178.9, ('BTC', 'both'): 58.8}
    """

    table: pd.DataFrame
    sources: pd.DataFrame
    level: float
    buffer: float
    n_panels: int

    def summary(self) -> pd.Series:
        """Events a year of both sides with their interval, and the return period [years], by symbol."""
        found = self.table.xs(BOTH, level="side")
        names = {"per_year": "events a year", "low": "low", "high": "high", "return_period": "return period [years]"}
        rows = {f"{symbol}: {words}": row[name] for symbol, row in found.iterrows() for name, words in names.items()}
        return pd.Series(rows, dtype=float)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the rates with their intervals; see `adlkit.plotting.plot_frequency`."""
        from adlkit.plotting import plot_frequency

        return plot_frequency(self, ax=ax)


def adl_frequency(
    panel: pd.DataFrame,
    *,
    tails: Mapping[str, Tails] | None = None,
    factor: MarketFactor | None = None,
    buffer: float | None = None,
    venue: VenueRules | None = None,
    books: Mapping[str, OrderBook] | None = None,
    level: float = 0.95,
    n_resamples: int = 1000,
    n_panels: int = 200,
    rng: int | np.random.Generator,
) -> FrequencyResult:
    """Expected events a year in which the worst move of a period beats the distance to ADL.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment, in one settlement currency. They stand for the positions that there are when
        the move comes.
    tails : mapping of symbol to (TailFit, TailFit)
        Tails of falls and of rises (`fit_tail` of `worst_moves`): each of these symbols moves alone.
    factor : MarketFactor
        All symbols move together: the row ``venue``. Give tails, a factor, or both.
    buffer : float
        What the venue can pay [ccy], in full for each move: an event is a shortfall beyond it. Not with `venue`.
    venue : VenueRules
        An event is one that deleverages somebody under these rules, buffers and `books`. Not with `buffer`.
    books : mapping of symbol to OrderBook, optional
        With `venue` only.
    level : float, default 0.95
        Of the intervals.
    n_resamples : int, default 1000
        Draws of the tails from their posterior.
    n_panels : int, default 200
        Resamples of the accounts with replacement (of owners, where the panel names them), which the draws use in
        turn. 0: the panel is known and stays. With a `venue` it always stays: thousands of events would be dear.
    rng : int or Generator
        Seed.

    Returns
    -------
    FrequencyResult

    Raises
    ------
    CurveError
        If not exactly one of buffer and venue is given, neither tails nor a factor, an unknown symbol, or what else
        makes no distance; if the panel has times or several currencies.
    TailError
        If a pair of tails is none, or not fitted by maximum likelihood.
    PanelError, BookError, VenueError
        As in `distance_to_adl`.

    Notes
    -----
    Moves are measured from the close before, so every period starts at the panel's marks. Rates of falls and rises
    add up, since either exhausts the buffer. Both tails are drawn independently of each other. Fitted tails of falls
    may go beyond 100%, where there is no price: rates there belong to moves that cannot be, but a distance below 100%
    counts them, as it should.

    References
    ----------
    .. [1] S. Coles, An Introduction to Statistical Modeling of Extreme Values (2001), chapter 4.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * np.random.default_rng(7).pareto(4.0, len(days)), days)
    >>> tail = adl.fit_tail(moves, threshold=0.02, gap=1)
    >>> market = adl.MarketFactor({"BTC": 1.0}, down=tail, up=tail)
    >>> adl.adl_frequency(panel, factor=market, buffer=10.0, n_panels=0, rng=7)
    FrequencyResult
    venue: events a year           0.0170086
    venue: low                    0.00264437
    venue: high                     0.103947
    venue: return period [years]     58.7939
    """
    one_moment(panel)
    _check_asked(tails, factor, buffer, venue, books)
    check_draws(level, n_resamples, n_panels)
    generator, n_panels = np.random.default_rng(rng), n_panels if venue is None else 0
    lines = _tails_by_line(panel, tails or {}, factor)
    if venue is not None:
        moves = _contract_moves(panel, list(lines), factor, venue, books)
    elif buffer is not None:
        moves = _money_moves(panel, list(lines), factor, float(checked_money(buffer, "buffer")), n_panels, generator)
    found = [_rows(lines[name], moves[name], n_resamples, level, generator) for name in lines]
    index = pd.MultiIndex.from_product([list(lines), SIDES], names=["symbol", "side"])
    table, sources = (pd.concat([pair[place] for pair in found]).set_index(index) for place in (0, 1))
    return FrequencyResult(table, sources, level, np.nan if buffer is None else float(buffer), n_panels)


def _check_asked(
    tails: Mapping[str, Tails] | None,
    factor: MarketFactor | None,
    buffer: float | None,
    venue: VenueRules | None,
    books: Mapping[str, OrderBook] | None,
) -> None:
    if (buffer is None) == (venue is None):
        raise CurveError("give either buffer=, for the distance in money, or venue=, for the distance in contracts")
    if buffer is not None and books is not None:
        raise CurveError("books belong to a distance in contracts; give venue= instead of buffer=")
    if not tails and factor is None:
        raise CurveError("give tails= by symbol, factor= for the venue, or both")


def _tails_by_line(panel: pd.DataFrame, tails: Mapping[str, Tails], factor: MarketFactor | None) -> dict[str, Tails]:
    """Tails of each line that moves, the factor's last."""
    known = panel.index.unique("symbol")
    if unknown := [symbol for symbol in tails if symbol not in known]:
        raise CurveError(f"tails: symbols {unknown} are not in the panel; known: {list(known)}")
    if factor is not None and VENUE in tails:
        raise CurveError(f"tails: {VENUE!r} stands for the factor here; rename that symbol, or ask without a factor")
    lines = {str(symbol): checked_tails(pair, str(symbol)) for symbol, pair in tails.items()}
    return lines if factor is None else lines | {VENUE: factor.tails}


def _money_moves(
    panel: pd.DataFrame,
    lines: list[str],
    factor: MarketFactor | None,
    buffer: float,
    n_panels: int,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Moves that exhaust a buffer on each line, shape (2, 1 + n_panels): of the panel, then of resampled ones."""
    moves: dict[str, list[Floats]] = {name: [] for name in lines}
    for drawn in resampled(panel, n_panels, rng):
        for name in lines:
            together = factor.betas if factor is not None and name == VENUE else None
            curve = shortfall_curve(drawn, symbol=name if together is None else None, factor=together)
            moves[name].append(reach(curve, buffer))
    return {name: np.stack(found, axis=-1) for name, found in moves.items()}


def _contract_moves(
    panel: pd.DataFrame,
    lines: list[str],
    factor: MarketFactor | None,
    venue: VenueRules,
    books: Mapping[str, OrderBook] | None,
) -> dict[str, Floats]:
    """Moves at which an event deleverages somebody on each line, shape (2, 1)."""
    moves = {}
    symbols = [name for name in lines if factor is None or name != VENUE]
    if symbols:
        percent = distance_to_adl(panel, venue=venue, books=books)["percent"]
        moves = {name: percent[name][[FALL, RISE]].to_numpy()[:, None] / 100.0 for name in symbols}
    if factor is not None:
        moves[VENUE] = factor_reach(panel, factor.betas, venue=venue, books=books)[:, None]
    return moves


def _rows(
    tails: Tails, moves: Floats, n: int, level: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three rows of a line, long, short and both: the table, and where the uncertainty comes from."""
    unknown = uncertain(tails, n, moves.shape[1] - 1, rng)
    here = np.repeat(moves[:, :1], n, axis=1)
    rate = _with_both(expected(tails, moves[:, 0]))
    draws = _with_both(unknown.rates(moves[:, unknown.which])).T
    by_tail, by_panel = _with_both(unknown.rates(here)).T, _with_both(expected(tails, moves[:, 1:])).T
    low, high = interval(draws, level)
    chance = np.array([tail.probability(move) for tail, move in zip(tails, moves[:, 0], strict=True)])
    is_now = np.append(moves[:, 0], moves[:, 0].min()) == 0.0
    most, found = tails[0].periods_per_year, {"per_year": rate, "low": low, "high": high}
    table = {
        "distance": np.append(moves[:, 0], moves[:, 0].min()),
        "probability": np.where(is_now, 1.0, np.append(chance, min(chance.sum(), 1.0))),
        **{name: np.where(is_now, most, np.minimum(values, most)) for name, values in found.items()},
        "return_period": inverse(np.where(is_now, most, np.minimum(rate, most))),
    }
    tail_low, tail_high = interval(by_tail, level)
    panel_low, panel_high = interval(by_panel, level) if len(by_panel) else (np.full(3, np.nan),) * 2
    sources = {
        "tail_low": tail_low,
        "tail_high": tail_high,
        "panel_low": panel_low,
        "panel_high": panel_high,
        "tail_share": share_of_tail(by_tail, by_panel),
    }
    return pd.DataFrame(table), pd.DataFrame(sources)


def _with_both(rates: Floats) -> Floats:
    """Rates of falls and rises (first axis), and their sum."""
    return np.concatenate([rates, rates.sum(axis=0, keepdims=True)])
