"""Return x leverage: the form of BitMEX, and of the venues that took it over.

A profit is multiplied by the leverage and a loss divided by it, with its sign: the more levered of two losers stands
nearer to zero and goes first. The forms differ in what a return is taken on, and in values or prices.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Floats, is_inverse, price_of, value_of
from adlkit.margin import equity, notional
from adlkit.scores.factors import branch, named, position_leverage, price_return, profit_over, return_on_entry
from adlkit.scores.publication import RETURN_TIMES_LEVERAGE, published


@published(
    "BitMEX",
    RETURN_TIMES_LEVERAGE,
    "r x N/E if r > 0, r / (N/E) if r < 0",
    "https://support.bitmex.com/hc/en-gb/articles/18589621443357",
)
def bitmex(panel: pd.DataFrame) -> pd.Series:
    """Return x leverage, where leverage is the distance of value to bankruptcy.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        r x l for a profit, r / l for a loss; r = (MV - EV)/abs(EV), l = abs(MV)/(MV - BV) with the signed values of
        the position at mark, entry and bankruptcy price, so that MV - BV is the account's equity (the bankruptcy
        price is not clamped here). NaN where ``qty`` is 0 or equity <= 0. r = 0 gives 0; the venue leaves it open.

    References
    ----------
    .. [1] BitMEX, "What is Auto-Deleveraging?", https://support.bitmex.com/hc/en-gb/articles/18589621443357

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.bitmex(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return named("bitmex", panel, branch(return_on_entry(panel), position_leverage(panel)))


@published(
    "MEXC",
    RETURN_TIMES_LEVERAGE,
    "r x N/E if r > 0, r / (N/E) if r < 0",
    "https://mexc.com/support/articles/360042504091",
)
def mexc(panel: pd.DataFrame) -> pd.Series:
    """BitMEX's form, with the fair price as the mark.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `bitmex`, also for a return of 0 and an equity <= 0: the page has the same formula.

    References
    ----------
    .. [1] MEXC, https://mexc.com/support/articles/360042504091

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.mexc(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return bitmex(panel).rename("mexc")


@published(
    "Deepcoin",
    RETURN_TIMES_LEVERAGE,
    "r x N/E if r > 0, r / (N/E) if r < 0",
    "https://help.deepcoin.pro/hc/en-001/articles/360051024371",
)
def deepcoin(panel: pd.DataFrame) -> pd.Series:
    """BitMEX's form, word for word.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `bitmex`, also for a return of 0 and an equity <= 0: the page has the same formula.

    References
    ----------
    .. [1] Deepcoin, https://help.deepcoin.pro/hc/en-001/articles/360051024371

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.deepcoin(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return bitmex(panel).rename("deepcoin")


@published(
    "Satori",
    RETURN_TIMES_LEVERAGE,
    "r x N/E if r > 0, r / (N/E) if r < 0",
    "https://docs.satori.finance/perpetual-trading/automatic-deleveraging",
)
def satori(panel: pd.DataFrame) -> pd.Series:
    """BitMEX's form, word for word.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `bitmex`, also for a return of 0 and an equity <= 0: the page has the same formula.

    References
    ----------
    .. [1] Satori, https://docs.satori.finance/perpetual-trading/automatic-deleveraging

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.satori(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return bitmex(panel).rename("satori")


@published(
    "Poloniex",
    RETURN_TIMES_LEVERAGE,
    "r x N/E if r > 0, r / (N/E) if r < 0",
    "https://support.poloniex.com/hc/en-us/articles/6670657448215",
)
def poloniex(panel: pd.DataFrame) -> pd.Series:
    """BitMEX's form, word for word.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `bitmex`, also for a return of 0 and an equity <= 0: the page has the same formula.

    References
    ----------
    .. [1] Poloniex, https://support.poloniex.com/hc/en-us/articles/6670657448215

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.poloniex(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return bitmex(panel).rename("poloniex")


@published(
    "Mufex",
    RETURN_TIMES_LEVERAGE,
    "r x N/E if r > 0, r / (N/E) if r < 0",
    "https://docs.mufex.finance/mufex/start-using-mufex/trading/trading-rules/auto-deleveraging-adl",
)
def mufex(panel: pd.DataFrame) -> pd.Series:
    """BitMEX's form, word for word.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `bitmex`, also for a return of 0 and an equity <= 0: the page has the same formula.

    References
    ----------
    .. [1] Mufex, https://docs.mufex.finance/mufex/start-using-mufex/trading/trading-rules/auto-deleveraging-adl

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.mufex(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return bitmex(panel).rename("mufex")


@published(
    "CoinEx",
    RETURN_TIMES_LEVERAGE,
    "r x N/E if r > 0, r / (N/E) if r < 0",
    "https://coinexindiacommunity.medium.com/about-perpetuals-auto-deleveraging-adl-22c8dc09be02",
    status="secondary",
)
def coinex_older(panel: pd.DataFrame) -> pd.Series:
    """BitMEX's form, in an older text of CoinEx.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `bitmex`, also for a return of 0 and an equity <= 0. Until when it held is not stated; `coinex` is the newer
        text.

    References
    ----------
    .. [1] Secondary: CoinEx India community, "About perpetuals: auto-deleveraging".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.coinex_older(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return bitmex(panel).rename("coinex_older")


@published(
    "Binance JEX",
    RETURN_TIMES_LEVERAGE,
    "r x M/abs(M - BP) if r > 0, r / (M/abs(M - BP)) if r < 0; prices, not values",
    "Binance JEX help page, Auto-Deleveraging (2019)",
    valid_from="2019",
)
def jex(panel: pd.DataFrame) -> pd.Series:
    """BitMEX's form with prices instead of values.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        r x l for a profit, r / l for a loss; r = side x (mark - entry) / entry, l = mark / abs(mark - bankruptcy
        price), the bankruptcy price not clamped. Equal to `bitmex` for linear contracts; for inverse ones both factors
        differ. NaN where ``qty`` is 0 or equity <= 0, and for an inverse short that no price makes bankrupt. r = 0
        gives 0.

    References
    ----------
    .. [1] Binance JEX, help page on auto-deleveraging (2019).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.jex(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return named("jex", panel, branch(price_return(panel), _price_leverage(panel)))


@published(
    "Binance USD-M",
    RETURN_TIMES_LEVERAGE,
    "upnl/N x N/E if >= 0, else upnl/N / (N/E)",
    "quotation of https://www.binance.com/en/support/faq/detail/360033525471 (2025-12-29)",
    valid_from="2025-12",
    status="secondary",
)
def binance(panel: pd.DataFrame) -> pd.Series:
    """Newer Binance text: profit over notional, times leverage.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        (upnl / N) x l if not negative, else (upnl / N) / l, with l = N / account equity; for profits simply
        upnl / E. NaN where ``qty`` is 0 or equity <= 0. Numerators are per symbol, the equity per account.
        Portfolio margin takes the equity of the whole margin account: the same here, where an account is one.

    References
    ----------
    .. [1] Secondary: quotation, dated 2025-12-29, of Binance FAQ 360033525471.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.binance(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.5, 0.6, -0.551]
    """
    return named("binance", panel, branch(profit_over(panel, notional(panel)), position_leverage(panel)))


@published(
    "KuCoin",
    RETURN_TIMES_LEVERAGE,
    "r x N/E if r > 0, r / (N/E) if r < 0",
    "https://www.kucoin.com/support/26686471898009",
    valid_from="2025-12",
)
def kucoin(panel: pd.DataFrame) -> pd.Series:
    """Return x notional over effective margin; among losers the smaller absolute score goes first.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `bitmex`: the effective margin (position margin + profit when isolated, margin balance when cross) is the
        account's equity here.

    References
    ----------
    .. [1] KuCoin support 26686471898009, edition of 2025-12-31.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.kucoin(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return bitmex(panel).rename("kucoin")


@published(
    "Bitget",
    RETURN_TIMES_LEVERAGE,
    "max(0, r x N/E)",
    "https://www.glassgs.com/zh-CN/support/articles/12560603800805",
    valid_from="2025-05",
    valid_to="2025-09",
)
def bitget_2025_05(panel: pd.DataFrame) -> pd.Series:
    """Bitget text of 2025-05: leveraged return, losers at 0 behind all winners.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        max(0, r x l), l = N / (margin + upnl) of the account; NaN where ``qty`` is 0 or equity <= 0.

    References
    ----------
    .. [1] Bitget support 12560603800805, edition of 2025-05-06 (mirror).

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.bitget_2025_05(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, 0.0]
    """
    return named("bitget_2025_05", panel, np.maximum(return_on_entry(panel) * position_leverage(panel), 0.0))


def _price_leverage(panel: pd.DataFrame) -> Floats:
    """Mark over its distance to the bankruptcy price; NaN where equity <= 0 or no price makes bankrupt."""
    inverse, mark = is_inverse(panel), panel["mark_price"].to_numpy()
    owned = equity(panel).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = value_of(mark, inverse) - owned / panel["qty"].to_numpy()
        leverage = mark / np.abs(mark - price_of(value, inverse))
    is_beyond = np.zeros(len(panel), dtype=bool) if inverse is None else inverse & (value >= 0)
    return np.where((owned > 0) & ~is_beyond, leverage, np.nan)
