"""Price ratio x leverage: the published forms of one venue, Hyperliquid, that do not give one order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.scores.factors import named, position_leverage, return_on_entry
from adlkit.scores.publication import PRICE_RATIO, published


@published(
    "Hyperliquid",
    PRICE_RATIO,
    "(mark/entry) x (N/E)",
    "https://hyperliquid.gitbook.io/hyperliquid-docs/trading/auto-deleveraging",
)
def hyperliquid_documented(panel: pd.DataFrame) -> pd.Series:
    """Index of Hyperliquid's documentation, taken literally on both sides.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        (mark / entry) x (notional / account value). For a short the first factor falls as its profit grows; the docs
        do not invert it (`hyperliquid_inverted` does). NaN where ``qty`` is 0 or account value <= 0.

    References
    ----------
    .. [1] Hyperliquid documentation, "Auto-deleveraging".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.hyperliquid_documented(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.8167, 0.98, 0.5444]
    """
    gain = panel["mark_price"].to_numpy() / panel["entry_price"].to_numpy()
    return named("hyperliquid_documented", panel, gain * position_leverage(panel))


@published(
    "Hyperliquid",
    PRICE_RATIO,
    "(mark/entry) x (N/E) for longs, (entry/mark) x (N/E) for shorts",
    "https://hyperliquid.gitbook.io/hyperliquid-docs/trading/auto-deleveraging",
    status="literature",
    note="a reader's choice: the documentation does not invert the ratio for shorts",
)
def hyperliquid_inverted(panel: pd.DataFrame) -> pd.Series:
    """Hyperliquid's index with the ratio inverted for shorts: a reader's choice, not the documentation's.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        g x (notional / account value), g = mark / entry for a long and entry / mark for a short, so that it rises with
        the profit on both sides. Never negative: a flat position scores its leverage. NaN where ``qty`` is 0 or account
        value <= 0.

    References
    ----------
    .. [1] Hyperliquid documentation, "Auto-deleveraging", which gives one ratio and no side.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.hyperliquid_inverted(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 1.6667, 2.0, 0.5444]
    """
    gain = (panel["mark_price"] / panel["entry_price"]).to_numpy() ** np.sign(panel["qty"].to_numpy())
    return named("hyperliquid_inverted", panel, gain * position_leverage(panel))


@published(
    "Hyperliquid",
    PRICE_RATIO,
    "max(N/E, 1e-8) x max(max(upnl,0)/entry notional, 1e-8)",
    "https://osec.io/blog/2026-06-22-hyperliquid-risk-engine",
    status="secondary",
)
def hyperliquid_reconstructed(panel: pd.DataFrame) -> pd.Series:
    """Index reconstructed from Hyperliquid's node binary.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        Leverage times return, each floored at 1e-8, so all losers of one leverage tie and an account without value has
        the least leverage. NaN where ``qty`` is 0.

    References
    ----------
    .. [1] Secondary: osec.io, "Hyperliquid risk engine", 2026-06-22.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.hyperliquid_reconstructed(adl.load_dataset("four_accounts")).round(4).tolist()
    [0.0, 0.35, 0.42, 0.0]
    """
    profit = np.maximum(return_on_entry(panel), 1e-8)
    return named("hyperliquid_reconstructed", panel, np.fmax(position_leverage(panel), 1e-8) * profit)
