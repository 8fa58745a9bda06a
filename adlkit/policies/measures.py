"""What policies take and order by: profits, equity shared over positions, leverage."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.groups import account_groups
from adlkit.margin import effective_leverage, equity, notional, unrealized_pnl
from adlkit.policies.policy import Measure
from adlkit.scores import Score


def profit(panel: pd.DataFrame) -> pd.Series:
    """Unrealised profit of each position, 0 for a loss.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        max(0, unrealised profit) [ccy].

    References
    ----------
    .. [1] arXiv 2512.01112 v3, haircuts on positive profit only.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.profit(adl.load_dataset("four_accounts")).tolist()
    [0.0, 60.0, 30.0, 0.0]
    """
    return unrealized_pnl(panel).clip(lower=0.0).rename("profit")


def shared_equity(panel: pd.DataFrame) -> pd.Series:
    """Equity of each account, 0 if negative, shared over its positions by notional.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        Sums to max(0, equity) of the account [ccy]; 0 for an account without open positions.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.shared_equity(adl.load_dataset("four_accounts")).tolist()
    [0.0, 120.0, 50.0, 90.0]
    """
    size = notional(panel).to_numpy()
    whole = account_groups(panel).spread(size)
    share = np.divide(size, whole, out=np.zeros(len(size)), where=whole > 0)
    return pd.Series(np.maximum(equity(panel).to_numpy(), 0.0) * share, index=panel.index, name="shared_equity")


def safe_profit(panel: pd.DataFrame) -> pd.Series:
    """Profit that can be taken without making an account insolvent: at most its equity, over all its positions.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        The account's min(profits, equity), shared in proportion to the profits of its positions [ccy].

    References
    ----------
    .. [1] github:pluriholonomic/autodeleveraging-analysis, caps of the benchmark policies.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.safe_profit(adl.load_dataset("four_accounts")).tolist()
    [0.0, 60.0, 30.0, 0.0]
    """
    gain = profit(panel)
    return gain.clip(upper=room(panel, gain, floor=0.0)).rename("safe_profit")


def cash_leverage(panel: pd.DataFrame) -> pd.Series:
    """Notional of the account over the cash that it has posted.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        [1]; NaN where the account's collateral is not above 0. `adlkit.scores.raw_leverage` has the notional of the
        position instead.

    References
    ----------
    .. [1] arXiv 2512.01112, section 2 (leverage on posted collateral).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.cash_leverage(adl.load_dataset("four_accounts")).round(4).tolist()
    [3.5, 2.3333, 3.5, 0.5833]
    """
    groups = account_groups(panel)
    cash = groups.spread(panel["collateral"].to_numpy())
    size = groups.spread(notional(panel).to_numpy())
    leverage = np.divide(size, cash, out=np.full(len(size), np.nan), where=cash > 0)
    return pd.Series(leverage, index=panel.index, name="cash_leverage")


def account_leverage(panel: pd.DataFrame) -> pd.Series:
    """Notional of the account over its equity, infinite where nothing is left: the order of water-filling.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `adlkit.effective_leverage`, but infinite where the account's equity is not above 0.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.account_leverage(adl.load_dataset("four_accounts")).round(4).tolist()
    [inf, 1.1667, 1.4, 0.7778]
    """
    return effective_leverage(panel).fillna(np.inf).rename("account_leverage")


def solvent(measure: Measure) -> Score:
    """Make an order by a measure, among accounts with equity above 0.

    Parameters
    ----------
    measure : callable, panel -> Series
        E.g. `adlkit.notional`.

    Returns
    -------
    callable, panel -> Series
        The measure; NaN where the account's equity is not above 0.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.solvent(adl.notional)(adl.load_dataset("four_accounts")).tolist()
    [nan, 140.0, 70.0, 70.0]
    """

    def ordered(panel: pd.DataFrame) -> pd.Series:
        return measure(panel).where(equity(panel) > 0)

    ordered.__name__ = f"solvent {getattr(measure, '__name__', 'measure')}"
    return ordered


def room(panel: pd.DataFrame, gain: pd.Series, *, floor: float) -> pd.Series:
    """Equity of each account above a floor, shared over its positions in proportion to their profits."""
    spare = np.maximum(equity(panel).to_numpy() - floor, 0.0)
    whole = account_groups(panel).spread(gain.to_numpy())
    share = np.divide(gain.to_numpy(), whole, out=np.zeros(len(whole)), where=whole > 0)
    return pd.Series(spare * share, index=panel.index)
