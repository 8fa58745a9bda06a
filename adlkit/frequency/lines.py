"""Along one line of moves, of a symbol or of a factor: how far a buffer reaches, and how often moves go further.

Index 0 of the first axis is a fall, 1 a rise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Floats
from adlkit.curves import ShortfallCurve, shortfall_curve
from adlkit.errors import CurveError
from adlkit.frequency.factor import MarketFactor, Tails
from adlkit.groups import Codes
from adlkit.panel import check_panel, currencies
from adlkit.tails import TailSample
from adlkit.tails.pareto import hazard

SCALED = ("qty", "collateral", "maintenance_deduction")
"""What an account that was drawn twice has twice of."""


@dataclass(frozen=True, eq=False)
class Uncertain:
    """Draws of what one does not know: the tails, and which accounts there are when the move comes.

    Parameters
    ----------
    samples : tuple of TailSample
        Of falls and of rises, n draws each.
    which : array of int, shape (n,)
        The panel of each draw: place in a list whose first entry is the panel itself.
    """

    samples: tuple[TailSample, TailSample]
    which: Codes

    def rates(self, moves: Floats) -> Floats:
        """Events a year of each draw, shape (2, n, ...): moves [1] of the same shape are beaten."""
        return np.stack([paired_exceedance(*both) for both in zip(self.samples, moves, strict=True)])

    def of(self, place: Codes) -> Uncertain:
        """Some of the draws."""
        down, up = (
            replace(sample, shape=sample.shape[place], scale=sample.scale[place], rate=sample.rate[place])
            for sample in self.samples
        )
        return Uncertain((down, up), self.which[place])

    @property
    def with_one_panel(self) -> Uncertain:
        """The same tails, all with the panel itself."""
        return Uncertain(self.samples, np.zeros_like(self.which))


def uncertain(tails: Tails, n: int, n_panels: int, rng: np.random.Generator) -> Uncertain:
    """Draw `n` pairs of tails, and give them the resampled panels in turn; the panel itself without any."""
    samples = tails[0].posterior(n, rng=rng), tails[1].posterior(n, rng=rng)
    return Uncertain(samples, np.arange(n) % n_panels + 1 if n_panels else np.zeros(n, dtype=np.intp))


def paired_exceedance(sample: TailSample, move: Floats) -> Floats:
    """Events a year that beat a move, each draw asked its own moves (first axis); `TailSample.exceedance` crosses."""
    fit, column = sample.fit, (-1, *(1,) * (move.ndim - 1))
    shape, scale, rate = (values.reshape(column) for values in (sample.shape, sample.scale, sample.rate))
    below = np.asarray(fit.exceedance(np.minimum(move, fit.threshold))) / fit.rate
    return np.asarray(rate * below * np.exp(-hazard(np.maximum(move - fit.threshold, 0.0), shape, scale)))


def expected(tails: Tails, moves: Floats) -> Floats:
    """Events a year that beat moves [1], by the fits themselves; shape (2, ...) of the moves."""
    return np.stack([np.asarray(tail.exceedance(move)) for tail, move in zip(tails, moves, strict=True)])


def resampled(panel: pd.DataFrame, n: int, rng: np.random.Generator) -> Iterator[pd.DataFrame]:
    """The panel, and `n` of it whose accounts (owners, where they are named) were drawn with replacement.

    An account that was drawn twice is one account of twice the size: shortfalls are the same.
    """
    yield panel
    codes = owners(panel)
    size = int(codes.max()) + 1
    for _ in range(n):
        times = np.bincount(rng.integers(size, size=size), minlength=size)[codes].astype(float)
        yield panel.assign(**{name: panel[name] * times for name in SCALED})


def owners(panel: pd.DataFrame) -> Codes:
    """Owner of each row; an account without one is its own."""
    account = panel.index.get_level_values("account")
    if "owner" not in panel:
        return np.asarray(pd.factorize(account, sort=True)[0])
    named = panel["owner"].notna().to_numpy()
    names = pd.MultiIndex.from_arrays([named, np.where(named, panel["owner"].astype(str), account)])
    return np.asarray(pd.factorize(names, sort=True)[0])


def factor_curves(
    panel: pd.DataFrame, factor: MarketFactor, n_panels: int, rng: np.random.Generator
) -> list[ShortfallCurve]:
    """Curve of the panel along a factor, and those of resampled panels."""
    return [shortfall_curve(drawn, factor=factor.betas) for drawn in resampled(panel, n_panels, rng)]


def reach(curve: ShortfallCurve, amount: npt.ArrayLike) -> Floats:
    """Moves [1] within which the shortfall stays within amounts, shape (2, ...); inf where it never exceeds them."""
    mark, ends = (0.0, curve.move_range) if curve.factor is not None else (curve.moved(0.0), (0.0, np.inf))
    price = np.stack([np.asarray(curve.price_at(amount, side="down")), np.asarray(curve.price_at(amount, side="up"))])
    is_end = np.stack([price[0] <= ends[0], price[1] >= ends[1]])
    scale = 1.0 if curve.factor is not None else mark
    return np.where(is_end, np.inf, np.abs(price - mark) / scale)


def reach_of_draws(curves: list[ShortfallCurve], which: Codes, amount: Floats) -> Floats:
    """`reach` where each draw has its own curve and amounts (first axis)."""
    moves = np.empty((2, *amount.shape))
    for place in np.unique(which):
        moves[:, which == place] = reach(curves[place], amount[which == place])
    return moves


def one_moment(panel: pd.DataFrame) -> pd.DataFrame:
    """A checked panel of one moment and one currency, or one error."""
    check_panel(panel)
    if "time" in panel.index.names:
        raise CurveError("give a panel of one moment: panel.xs(time, level='time')")
    if len(coins := currencies(panel)) > 1:
        raise CurveError(f"one buffer cannot pay in several currencies, found {coins}; select the rows of one")
    return panel


def checked_money(values: npt.ArrayLike, what: str) -> Floats:
    """Amounts of money, or one CurveError."""
    amounts = np.asarray(values, dtype=float)
    if not (np.isfinite(amounts) & (amounts >= 0)).all():
        raise CurveError(f"{what} must be finite and not below zero, got {values!r}")
    return amounts


def check_draws(level: float, n_resamples: int, n_panels: int) -> None:
    """Nothing, if an interval can be made."""
    if not 0 < level < 1:
        raise CurveError(f"level must be within (0, 1), got {level!r}")
    if n_resamples < 1 or n_panels < 0:
        raise CurveError(f"need n_resamples of 1 or more and n_panels of 0 or more, got {n_resamples!r}, {n_panels!r}")


def interval(draws: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of the central part of draws (first axis); each a draw itself, since some may be infinite."""
    low = np.quantile(draws, (1.0 - level) / 2.0, axis=0, method="lower")
    return np.asarray(low), np.asarray(np.quantile(draws, (1.0 + level) / 2.0, axis=0, method="higher"))


def share_of_tail(by_tail: Floats, by_panel: Floats) -> Floats:
    """Part of the variance [1] that comes from the tail (draws on the first axis); NaN where there is none."""
    parts = np.stack([np.var(by_tail, axis=0), np.var(by_panel, axis=0) if len(by_panel) else 0.0 * by_tail[0]])
    total = parts.sum(axis=0)
    return np.where(total > 0, parts[0] / np.where(total > 0, total, 1.0), np.nan)


def inverse(rate: npt.ArrayLike) -> Floats:
    """Return periods [years] of rates; inf for none."""
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / np.asarray(rate, dtype=float))
