"""Scores without leverage, or with the leverage at opening: the return alone, and the ratio of values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import is_inverse, value_of
from adlkit.groups import account_groups
from adlkit.margin import equity
from adlkit.scores.factors import named, return_on_entry
from adlkit.scores.publication import RETURN_ONLY, VALUE_RATIO, published


@published(
    "all: one factor alone",
    RETURN_ONLY,
    "r",
    "https://kucoin.com/support/35084312224281",
    status="literature",
    note="a baseline; kucoin_cross and bitfinex are venues that rank by it",
)
def return_only(panel: pd.DataFrame) -> pd.Series:
    """Return on entry value, without leverage.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        r = (V(mark) - V(entry)) x side / abs(V(entry)); NaN where ``qty`` is 0 or equity <= 0. The return of
        `kucoin_cross` and `bitfinex`.

    References
    ----------
    .. [1] KuCoin support 35084312224281 (cross margin).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.return_only(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.3, 0.3, -0.3]
    """
    solvent = equity(panel).to_numpy() > 0
    return named("return_only", panel, np.where(solvent, return_on_entry(panel), np.nan))


@published(
    "KuCoin",
    RETURN_ONLY,
    "r",
    "https://kucoin.com/support/35084312224281",
)
def kucoin_cross(panel: pd.DataFrame) -> pd.Series:
    """Return on entry value, as KuCoin's page on cross margin ranks.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `return_only`: NaN where ``qty`` is 0 or equity <= 0; r = 0 gives 0, losers follow with their sign.

    References
    ----------
    .. [1] KuCoin support 35084312224281, cross margin. Its inverse examples carry a multiplier of -1: signed values.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.kucoin_cross(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.3, 0.3, -0.3]
    """
    return return_only(panel).rename("kucoin_cross")


@published(
    "Bitfinex",
    RETURN_ONLY,
    "r if r > 0, else never",
    "https://support.bitfinex.com/hc/en-us/articles/360035477394",
)
def bitfinex(panel: pd.DataFrame) -> pd.Series:
    """Highest percentage gain first, profitable positions only ("termination").

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        r where it is above 0; NaN for positions at their entry price, at a loss, with ``qty`` 0 or with equity <= 0:
        they are never in the queue.

    References
    ----------
    .. [1] Bitfinex support 360035477394, "What is Termination on Bitfinex".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.bitfinex(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.3, 0.3, nan]
    """
    return return_only(panel).where(lambda gain: gain > 0).rename("bitfinex")


@published(
    "Gate",
    RETURN_ONLY,
    "r",
    "https://gate-learn.com/tr/announcements/article/28762",
    valid_to="2022-11",
)
def gate_before_2022_11(panel: pd.DataFrame) -> pd.Series:
    """Profit on the entry price, without leverage: Gate until 2022-11-22.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `return_only`, with NaN where ``qty`` is 0 or equity <= 0. The source says no more than "profit on the entry
        price": that it is taken on the value at entry is our reading, the same for linear contracts.

    References
    ----------
    .. [1] Gate announcement 28762, 2022-11-21.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.gate_before_2022_11(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.3, 0.3, -0.3]
    """
    return return_only(panel).rename("gate_before_2022_11")


@published(
    "CoinEx",
    VALUE_RATIO,
    "(MV/EV) x (EV/margin) for longs, (EV/MV) x (EV/margin) for shorts",
    "https://support.coinex.com/hc/zh-cn/articles/360018671293",
)
def coinex(panel: pd.DataFrame) -> pd.Series:
    """Ratio of values times the leverage at opening: a flat position scores its leverage, not 0.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        g x (EV / margin), g = mark / entry for a long and entry / mark for a short: the ratio of values of linear
        contracts; for inverse ones the ratio of prices is taken, so that a gain raises it on both sides. EV = abs value
        at entry, margin = cash of the account, without profit. Never negative, so a levered loser may stand before a
        winner. NaN where ``qty`` is 0, equity <= 0 or cash <= 0.

    References
    ----------
    .. [1] CoinEx support 360018671293.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.coinex(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 4.7619, 7.1429, 0.5833]
    """
    cash = account_groups(panel).spread(panel["collateral"].to_numpy())
    opened = (panel["qty"] * value_of(panel["entry_price"].to_numpy(), is_inverse(panel))).abs().to_numpy()
    is_ranked = (cash > 0) & (equity(panel).to_numpy() > 0)
    leverage = np.divide(opened, cash, out=np.full(len(panel), np.nan), where=is_ranked)
    ratio = (panel["mark_price"] / panel["entry_price"]).to_numpy() ** np.sign(panel["qty"].to_numpy())
    return named("coinex", panel, ratio * leverage)
