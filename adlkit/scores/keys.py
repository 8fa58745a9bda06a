"""Scores of several keys: the second decides where the first ties, and so on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.groups import Codes, account_groups, side_groups
from adlkit.margin import effective_leverage, unrealized_pnl
from adlkit.scores.factors import named
from adlkit.scores.publication import KEYS_IN_TURN, published


@published(
    "Ethereal",
    KEYS_IN_TURN,
    "highest leverage, then highest upnl, then lowest balance, then newest account",
    "https://docs.ethereal.trade/trading/perpetual-futures/auto-deleveraging",
)
def ethereal(panel: pd.DataFrame) -> pd.Series:
    """Highest effective leverage first; ties by highest profit, then lowest balance.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        Place from the back of the queue of its symbol and side (at its time), 1 = last, with one number for positions
        that tie in all three keys: effective leverage of the account, unrealised profit of the position, cash of the
        account. The page's last key, the newest account first, is no fact of a panel: such ties go to the ranking's own
        rule. Profit only breaks ties, so a levered loser goes before a winner. NaN where ``qty`` is 0 or equity <= 0.

    References
    ----------
    .. [1] Ethereal documentation, "Auto-deleveraging": the only venue that documents a tie rule.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.ethereal(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 1.0, 2.0, 1.0]
    """
    leverage = effective_leverage(panel).to_numpy()
    cash = account_groups(panel).spread(panel["collateral"].to_numpy())
    market = side_groups(panel).codes
    place = np.full(len(panel), np.nan)
    ranked = np.flatnonzero(~np.isnan(leverage) & (panel["qty"].to_numpy() != 0))
    keys = (leverage[ranked], unrealized_pnl(panel).to_numpy()[ranked], -cash[ranked])
    place[ranked] = _place_from_back(market[ranked], keys)
    return named("ethereal", panel, place)


def _place_from_back(market: Codes, keys: tuple[Floats, ...]) -> Floats:
    """1, 2, ... within each market in ascending order of the keys, first key first; equal keys share a place."""
    order = np.lexsort((*reversed(keys), market))
    steps = [np.diff(key[order]) != 0 for key in keys]
    is_new_market = np.append(True, np.diff(market[order]) != 0)[: len(order)]
    is_new = is_new_market | np.append(True, np.logical_or.reduce(steps))[: len(order)]
    counted = np.cumsum(is_new)
    before = np.maximum.accumulate(np.where(is_new_market, counted - 1, 0))
    place = np.empty(len(order))
    place[order] = counted - before
    return place
