"""Scores that papers state or ascribe to venues, some against those venues' own documents."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.groups import account_groups
from adlkit.margin import bankruptcy_price, equity, notional
from adlkit.scores.factors import named
from adlkit.scores.publication import RAW_LEVERAGE, RETURN_ONLY, published
from adlkit.scores.returns import return_only


@published(
    "Hyperliquid, as arXiv 2512.01112 has it",
    RAW_LEVERAGE,
    "N/cash x oracle/mark, oracle = mark",
    "https://arxiv.org/abs/2512.01112",
    status="literature",
    note="conflicts with the venue's own document",
)
def raw_leverage(panel: pd.DataFrame) -> pd.Series:
    """Notional over posted cash, profit not counted: a paper's form of Hyperliquid's rank.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        N / cash of the account: the paper's leverage x oracle / last mark, with the oracle at the mark, as a panel has
        one price. Hyperliquid's own document has a profit factor and counts profit in the account value
        (`hyperliquid_documented`). Never negative, the same for winners and losers. NaN where ``qty`` is 0, equity <= 0
        or cash <= 0.

    References
    ----------
    .. [1] arXiv 2512.01112, section 2.6.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.raw_leverage(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 2.3333, 3.5, 0.5833]
    """
    return named("raw_leverage", panel, _raw_leverage(panel))


@published(
    "Binance, as arXiv 2512.01112 has it",
    RAW_LEVERAGE,
    "N/cash x oracle/BP, oracle = mark",
    "https://arxiv.org/abs/2512.01112",
    status="literature",
    note="conflicts with the venue's own document",
)
def raw_leverage_over_bankruptcy(panel: pd.DataFrame) -> pd.Series:
    """Notional over posted cash times mark over bankruptcy price: a paper's form of Binance's rank.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        N / cash x mark / bankruptcy price, the oracle at the mark. The ratio falls as a long comes closer to bankruptcy
        and rises as a short does; Binance's own text has no such ratio (`binance`). NaN where ``qty`` is 0, equity <=
        0, cash <= 0, or no price makes the account bankrupt.

    References
    ----------
    .. [1] arXiv 2512.01112, section 2.6.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.raw_leverage_over_bankruptcy(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 1.2564, 2.0417, nan]
    """
    price = bankruptcy_price(panel).to_numpy()
    is_reached = (price > 0) & (price < np.inf)
    ratio = np.divide(panel["mark_price"].to_numpy(), price, out=np.full(len(panel), np.nan), where=is_reached)
    return named("raw_leverage_over_bankruptcy", panel, _raw_leverage(panel) * ratio)


@published(
    "MetaFlux",
    RETURN_ONLY,
    "upnl / entry notional",
    "MetaFlux documentation (public repository)",
    status="venue",
)
def metaflux(panel: pd.DataFrame) -> pd.Series:
    """Profit over entry notional; shown to traders as quartile lamps.

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
    .. [1] MetaFlux documentation, which also has a floor pro-rata allocation.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.metaflux(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.3, 0.3, -0.3]
    """
    return return_only(panel).rename("metaflux")


def _raw_leverage(panel: pd.DataFrame) -> Floats:
    """Notional of the position over the cash of its account; NaN where cash or equity <= 0."""
    cash = account_groups(panel).spread(panel["collateral"].to_numpy())
    is_ranked = (cash > 0) & (equity(panel).to_numpy() > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(is_ranked, notional(panel).to_numpy() / cash, np.nan)
