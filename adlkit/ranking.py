"""The queue that a score induces: rank, quantile, lights.

A queue holds the positions of one symbol and side (at one time) that have a score. Ties go to the larger notional,
then to the account that comes first in sorted order, so the order of rows never matters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import ScoreError
from adlkit.groups import Codes, Groups, side_groups, sorted_codes, sorted_within
from adlkit.margin import effective_leverage, notional, unrealized_pnl
from adlkit.scores import Score

ROUNDING = 1e-9
"""Slack, in lights, for shares such as 3 / 5 that floats do not hold exactly."""


class Queues(NamedTuple):
    """All queues of a panel: rows in queue order, the queue of each, and where in it they stand (0 = front)."""

    rows: Codes
    queue: Codes
    place: Codes


def rank(panel: pd.DataFrame, *, score: Score) -> pd.Series:
    """Place of each position in its ADL queue: 1 is closed first.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    score : callable, panel -> Series
        One of `adlkit.scores`, or your own: larger goes first, NaN stays out.

    Returns
    -------
    Series, index of `panel`
        1, 2, ... per (time, symbol, side); NaN where the score is. O(n log n).

    Raises
    ------
    ScoreError
        If the score does not return one number per row of the panel.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.rank(adl.load_dataset("four_accounts"), score=adl.scores.bitmex).tolist()
    [nan, 2.0, 1.0, 1.0]
    """
    queues = queue_order(panel, evaluate(score, panel))
    return _scatter(panel, "rank", queues, queues.place + 1.0)


def quantile(panel: pd.DataFrame, *, score: Score, weight: pd.Series | None = None) -> pd.Series:
    """Share of its queue that stands at or behind each position: 1 is the front.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    score : callable, panel -> Series
        As in `rank`.
    weight : Series, optional
        Positive weight of each position, e.g. ``panel["qty"].abs()`` for shares of contracts. Without it every
        account counts the same.

    Returns
    -------
    Series, index of `panel`
        In (0, 1]; NaN where the score is.

    Raises
    ------
    ScoreError
        If the score or the weight does not give one number per row.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.quantile(panel, score=adl.scores.bitmex, weight=panel["qty"].abs()).round(4).tolist()
    [nan, 0.6667, 1.0, 1.0]
    """
    queues = queue_order(panel, evaluate(score, panel))
    return _scatter(panel, "quantile", queues, _quantiles(_mass(panel, queues, weight), queues))


def lights(panel: pd.DataFrame, *, score: Score, weight: pd.Series | None = None, n_lights: int = 5) -> pd.Series:
    """Indicator lights of each position, as a trader sees them: all on = front of the queue.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    score, weight
        As in `quantile`.
    n_lights : int, default 5
        Number of lights.

    Returns
    -------
    Series, index of `panel`
        1 .. `n_lights`; NaN where the score is. A position whose cumulated share of the queue, itself included, is
        within the first 1 / n_lights gets all lights, within the second one light less, and so on: BitMEX's example
        rounds the cumulated quantity up to steps of 20% [1]_.

    References
    ----------
    .. [1] BitMEX, https://www.bitmex.com/app/autoDeleveragingExamples; reproduced with ``weight=panel["qty"].abs()``.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.lights(adl.load_dataset("four_accounts"), score=adl.scores.bitmex).tolist()
    [nan, 1.0, 3.0, 1.0]
    """
    queues = queue_order(panel, evaluate(score, panel))
    return _scatter(panel, "lights", queues, _lights(_mass(panel, queues, weight), queues, n_lights))


def adl_queue(panel: pd.DataFrame, *, score: Score, weight: pd.Series | None = None, n_lights: int = 5) -> pd.DataFrame:
    """The ADL queues of a panel, in the order in which positions are closed.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    score, weight, n_lights
        As in `lights`.

    Returns
    -------
    DataFrame, index levels of `panel`
        Sorted by (time, symbol), longs before shorts, then rank. Columns ``side`` ("long" or "short"), ``qty``,
        ``notional``, ``unrealized_pnl``, ``effective_leverage``, ``score``, ``rank``, ``quantile``, ``lights``.
        Positions without a score are not in any queue and not in the table.

    Raises
    ------
    ScoreError
        As in `rank`.

    Examples
    --------
    >>> import adlkit as adl
    >>> queue = adl.adl_queue(adl.load_dataset("four_accounts"), score=adl.scores.bitmex)
    >>> queue[["qty", "score", "rank"]].round(4).to_dict("list")
    {'qty': [1.0, -1.0, -2.0], 'score': [-0.3857, 0.42, 0.35], 'rank': [1, 1, 2]}
    """
    measured = evaluate(score, panel)
    queues = queue_order(panel, measured)
    mass = _mass(panel, queues, weight)
    table = pd.DataFrame(
        {
            "side": side_names(panel["qty"].to_numpy()),
            "qty": panel["qty"],
            "notional": notional(panel),
            "unrealized_pnl": unrealized_pnl(panel),
            "effective_leverage": effective_leverage(panel),
            "score": measured,
        }
    )
    return table.iloc[queues.rows].assign(
        rank=queues.place + 1,
        quantile=_quantiles(mass, queues),
        lights=_lights(mass, queues, n_lights).astype(int),
    )


def evaluate(score: Score, panel: pd.DataFrame) -> pd.Series:
    """Score of each row, or a ScoreError if it is not one number per row."""
    if not callable(score):
        raise ScoreError(f"score must be a function of a panel, e.g. adl.scores.bitmex; got {score!r}")
    return numbers_on(panel, score(panel), getattr(score, "__name__", "score"))


def queue_order(panel: pd.DataFrame, score: pd.Series) -> Queues:
    """Sort positions with a score into queues by (time, symbol), longs first, then score, notional, account."""
    qty, values = panel["qty"].to_numpy(), score.to_numpy()
    rows = np.flatnonzero(~np.isnan(values) & (qty != 0))
    market = side_groups(panel).codes[rows]
    order = sorted_within(
        market, -values[rows], lambda: (-notional(panel).to_numpy()[rows], account_order(panel)[rows])
    )
    rows, market = rows[order], market[order]
    start = np.flatnonzero(np.r_[True, market[1:] != market[:-1]]) if len(market) else np.zeros(0, dtype=np.intp)
    length = np.diff(np.r_[start, len(market)])
    place = np.arange(len(market)) - np.repeat(start, length)
    return Queues(rows, np.repeat(np.arange(len(start)), length), place)


def account_order(panel: pd.DataFrame) -> Codes:
    """Place of each row's account in sorted order."""
    return sorted_codes(panel.index, "account")


def _mass(panel: pd.DataFrame, queues: Queues, weight: pd.Series | None) -> Floats:
    """Weight of each queued row, in queue order."""
    if weight is None:
        return np.ones(len(queues.rows))
    mass = numbers_on(panel, weight, "weight").to_numpy()[queues.rows]
    if not (np.isfinite(mass) & (mass > 0)).all():
        raise ScoreError("weight must be finite and above zero for every position in a queue")
    return mass


def _quantiles(mass: Floats, queues: Queues) -> Floats:
    ahead, total = _cumulated(mass, queues)
    return (total - (ahead - mass)) / total


def _lights(mass: Floats, queues: Queues, n_lights: int) -> Floats:
    if n_lights < 1 or n_lights != int(n_lights):
        raise ValueError(f"n_lights must be 1 or more and whole, got {n_lights!r}")
    ahead, total = _cumulated(mass, queues)
    step = np.ceil(n_lights * ahead / total - ROUNDING)
    return n_lights + 1.0 - np.maximum(step, 1.0)


def side_names(qty: Floats) -> list[str]:
    """Long or short, by sign."""
    names: list[str] = np.where(qty > 0, "long", "short").tolist()
    return names


def _cumulated(mass: Floats, queues: Queues) -> tuple[Floats, Floats]:
    """Mass at or ahead of each queued row, and the whole of its queue."""
    groups = Groups(queues.queue, int(queues.queue.max(initial=-1)) + 1)
    return groups.running(mass), groups.spread(mass)


def numbers_on(panel: pd.DataFrame, values: pd.Series, what: str) -> pd.Series:
    """Values as floats, or a ScoreError if they are not one number per row of the panel, in its order."""
    if not isinstance(values, pd.Series) or not values.index.equals(panel.index):
        raise ScoreError(f"{what} must be a Series on the index of the panel, got {type(values).__name__}")
    if values.dtype.kind not in "iuf":
        raise ScoreError(f"{what} must be numbers, got dtype {values.dtype}")
    return values.astype(float)


def _scatter(panel: pd.DataFrame, name: str, queues: Queues, values: npt.ArrayLike) -> pd.Series:
    """Values in queue order, brought back to the rows of the panel."""
    result = np.full(len(panel), np.nan)
    result[queues.rows] = values
    return pd.Series(result, index=panel.index, name=name)
