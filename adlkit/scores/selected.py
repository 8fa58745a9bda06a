"""Scores by the leverage that a trader selected: it is no fact of a panel, so these are made from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import ScoreError
from adlkit.margin import equity, unrealized_pnl
from adlkit.scores.factors import named, return_on_entry
from adlkit.scores.publication import SELECTED_LEVERAGE, Score, published

Leverage = float | Callable[[pd.DataFrame], pd.Series]


@published(
    "Gate",
    SELECTED_LEVERAGE,
    "upnl x selected leverage",
    "https://gate-learn.com/tr/announcements/article/28762",
    valid_from="2022-11",
    valid_to="2025",
    needs="selected leverage",
)
def gate_2022_11(leverage: Leverage) -> Score:
    """Make Gate's score from 2022-11-22 until 2025: profit times selected leverage.

    Parameters
    ----------
    leverage : float or callable, panel -> Series
        Selected leverage [1]: one for all, or one per position. A cross position without one counts at the maximum of
        its market.

    Returns
    -------
    callable, panel -> Series
        upnl x leverage [ccy], signed: the page states no loss branch, so the most levered loser goes last. In money,
        so it grows with the position. NaN where ``qty`` is 0 or equity <= 0; a profit of 0 gives 0.

    Raises
    ------
    ScoreError
        If the leverage is not a finite number above 0 for every position.

    References
    ----------
    .. [1] Gate announcement 28762, 2022-11-21. How the text of 2025 weighs its factors is not published.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.gate_2022_11(20)(adl.load_dataset("four_accounts")).tolist()
    [nan, 1200.0, 600.0, -600.0]
    """
    _check(leverage)

    def gate_2022_11(panel: pd.DataFrame) -> pd.Series:
        return _solvent("gate_2022_11", panel, unrealized_pnl(panel).to_numpy() * _selected(panel, leverage))

    return gate_2022_11


@published(
    "KuCoin",
    SELECTED_LEVERAGE,
    "(MV - EV) / IM x EV / IM, IM = initial margin",
    "https://kucoin.com/fr/support/26686471898009",
    valid_to="2025-12",
    needs="selected leverage",
)
def kucoin_older(leverage: Leverage) -> Score:
    """Make KuCoin's older score: profit on the initial margin times the leverage at opening.

    Parameters
    ----------
    leverage : float or callable, panel -> Series
        Leverage at opening [1], sum of opening values over sum of initial margins: one for all, or one per position.

    Returns
    -------
    callable, panel -> Series
        (MV - EV) / IM x leverage with IM = abs(EV) / leverage, so r x leverage squared; signed: the page states no
        loss branch, so the most levered loser goes last. NaN where ``qty`` is 0 or equity <= 0; r = 0 gives 0.

    Raises
    ------
    ScoreError
        If the leverage is not a finite number above 0 for every position.

    References
    ----------
    .. [1] KuCoin support 26686471898009, older edition (undated), before that of 2025-12-31.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.kucoin_older(10)(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 30.0, 30.0, -30.0]
    """
    _check(leverage)

    def kucoin_older(panel: pd.DataFrame) -> pd.Series:
        return _solvent("kucoin_older", panel, return_on_entry(panel) * _selected(panel, leverage) ** 2)

    return kucoin_older


def _solvent(name: str, panel: pd.DataFrame, score: Floats) -> pd.Series:
    return named(name, panel, np.where(equity(panel).to_numpy() > 0, score, np.nan))


def _check(leverage: Leverage) -> None:
    is_number = isinstance(leverage, int | float) and 0 < leverage < np.inf
    if not (is_number or callable(leverage)):
        raise ScoreError(
            "leverage must be a finite number above 0, or a function of a panel that gives one per position; "
            f"got {leverage if np.isscalar(leverage) else type(leverage).__name__!r}"
        )


def _selected(panel: pd.DataFrame, leverage: Leverage) -> Floats:
    """Selected leverage of each row; only rows with a position need one."""
    if not callable(leverage):
        return np.full(len(panel), float(leverage))
    given = leverage(panel)
    if not (isinstance(given, pd.Series) and given.index.equals(panel.index) and given.dtype.kind in "iuf"):
        raise ScoreError("leverage must give one number per position: a Series on the index of the panel")
    selected = given.to_numpy(dtype=float)
    if wrong := int((~((selected > 0) & np.isfinite(selected)) & (panel["qty"].to_numpy() != 0)).sum()):
        raise ScoreError(f"leverage must be finite and above 0; {wrong} positions have none")
    return selected
