"""What a venue shows a trader of the place in the ADL queue: lights, levels, percentiles, and their direction.

Each venue numbers its steps in its own way: most show more at the front of the queue, Gate shows 1 there. WhiteBIT is
left out: its quantile runs from 0 to 4 and only "4 = top 5%" is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from adlkit.errors import VenueError
from adlkit.ranking import lights, quantile
from adlkit.scores import Score

COUNTS = ("accounts", "contracts")

_SHARES = "whether shares are of accounts or of contracts is not stated: accounts"
_DIRECTION = "the direction is not stated: more is taken as nearer to the front"


@dataclass(frozen=True)
class Indicator:
    """The number that a venue shows for each position: its field, its ends, and what it counts.

    Parameters
    ----------
    field : str, default ""
        Name in the venue's API; empty where it is only drawn.
    back, front : float, default 1 and 5
        What the last and the first of the queue show; whole steps lie between them.
    n_lights : int, default 5
        Equal parts of the queue. The part behind the front one shows the next step towards `back`, and so on. As in
        `adlkit.lights` a position's own share counts as ahead of it, so in a queue shorter than its parts even the
        first does not show `front`.
    is_percentile : bool, default False
        Show the share of the queue at or behind the position, in (0, 1], and not a step; the lights are drawn beside.
    counts : str, default "accounts"
        What the shares are of: "accounts" or "contracts".
    empty : float, default NaN
        What is shown without a place in the queue.
    leaves_open : tuple of str
        What the sources leave open and was chosen here.

    Raises
    ------
    VenueError
        If steps do not lead from `back` to `front`, or nothing known is counted.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.venues.gate.indicator.front, adl.venues.gate.indicator.back, adl.venues.gate.indicator.empty
    (1.0, 5.0, 6.0)
    """

    field: str = ""
    back: float = 1.0
    front: float = 5.0
    n_lights: int = 5
    is_percentile: bool = False
    counts: str = "accounts"
    empty: float = np.nan
    leaves_open: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.counts not in COUNTS:
            raise VenueError(f"an indicator counts one of {COUNTS}, got {self.counts!r}")
        if self.n_lights < 2 or self.n_lights != int(self.n_lights):
            raise VenueError(f"n_lights must be 2 or more and whole, got {self.n_lights!r}")
        if self.is_percentile and (self.back, self.front) != (0.0, 1.0):
            raise VenueError(f"a percentile runs from back 0 to front 1, got {self.back!r} to {self.front!r}")
        if not self.is_percentile and abs(self.front - self.back) != self.n_lights - 1:
            raise VenueError(f"{self.n_lights} steps do not lead from {self.back!r} to {self.front!r}")

    def shown(self, panel: pd.DataFrame, *, score: Score) -> pd.Series:
        """What each position of a panel shows under a score.

        Parameters
        ----------
        panel : DataFrame
            Checked positions.
        score : callable, panel -> Series
            As in `adlkit.rank`.

        Returns
        -------
        Series, index of `panel`
            Steps or shares per (time, symbol, side); `empty` where the score is NaN.
        """
        weight = panel["qty"].abs() if self.counts == "contracts" else None
        if self.is_percentile:
            shown = quantile(panel, score=score, weight=weight)
        else:
            lit = lights(panel, score=score, weight=weight, n_lights=self.n_lights)
            shown = self.back + (lit - 1) * np.sign(self.front - self.back)
        return shown.fillna(self.empty).rename("indicator")


bitmex = Indicator(
    "deleveragePercentile",
    back=0.0,
    front=1.0,
    is_percentile=True,
    counts="contracts",
    leaves_open=(
        "contracts are what reproduces the documented example; its steps of 20% are the lights, not the field",
        _DIRECTION,
    ),
)
binance = Indicator(
    "adlQuantile",
    back=0.0,
    front=4.0,
    leaves_open=("cross positions in hedge mode show one value for both sides: not modelled",),
)
bybit = Indicator("adlRankIndicator", empty=0.0, leaves_open=(_DIRECTION, _SHARES))
okx = Indicator("adl", leaves_open=(_SHARES,))
htx = Indicator("adl_risk_percent", leaves_open=(_DIRECTION, _SHARES))
gate = Indicator("adl_ranking", back=5.0, front=1.0, empty=6.0, leaves_open=(_SHARES,))
kucoin = Indicator("delevPercentage", back=0.0, front=1.0, is_percentile=True, leaves_open=(_DIRECTION, _SHARES))
phemex = Indicator("deleveragePercentileRr", back=0.0, front=1.0, is_percentile=True, leaves_open=(_DIRECTION, _SHARES))
aster = Indicator(
    "adlQuantile",
    back=0.0,
    front=4.0,
    leaves_open=("4 bars are drawn: none at the back",),
)
coinex = Indicator(leaves_open=(_SHARES,))
metaflux = Indicator(
    back=1.0, front=4.0, n_lights=4, leaves_open=("whether the last quarter shows one lamp or none: one", _SHARES)
)
