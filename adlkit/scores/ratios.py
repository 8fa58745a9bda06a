"""Scores by a margin ratio: profit on the wallet, or return, weighed by how close the account is to liquidation.

Venues use the word for a ratio where larger is riskier (maintenance margin over equity) and for one where larger is
safer (equity over notional): a profit is multiplied by the first and divided by the second, a loss the other way.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.groups import account_groups
from adlkit.margin import effective_leverage, equity, margin_ratio, notional, unrealized_pnl
from adlkit.scores.factors import branch, named, price_return, return_on_entry
from adlkit.scores.publication import EQUITY_RATIO, MAINTENANCE_RATIO, WALLET_PROFIT, published


@published(
    "Binance USD-M",
    WALLET_PROFIT,
    "max(0,upnl)/max(1,wallet) x MM/E",
    "https://www.binance.com/en/support/faq/360033525471",
    valid_from="2019",
    valid_to="2025-12",
)
def binance_2019(panel: pd.DataFrame) -> pd.Series:
    """Binance text of 2019: profit on the wallet times the margin ratio.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        max(0, upnl) / max(1, wallet) x MM / (wallet + upnl of the account), the second factor 0 where the account's
        equity <= 0: losers and bankrupt accounts tie at 0. The 1 is in settlement currency, so the score of a tiny
        wallet depends on the unit. NaN where ``qty`` is 0.

    References
    ----------
    .. [1] Binance, announcement 360033525471 (2019). Test value: literature check, upnl 40.2, wallet 4.27.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.binance_2019(adl.load_dataset("four_accounts")).round(4).tolist()
    [0.0, 0.0583, 0.105, 0.0]
    """
    wallet = account_groups(panel).spread(panel["collateral"].to_numpy())
    profit = np.maximum(unrealized_pnl(panel).to_numpy(), 0.0) / np.maximum(wallet, 1.0)
    return named("binance_2019", panel, profit * margin_ratio(panel).fillna(0.0).to_numpy())


@published(
    "Aster",
    WALLET_PROFIT,
    "max(0,upnl)/max(1,wallet) x MM/E",
    "https://docs.asterdex.com/trading/perpetuals/fees-and-specs/auto-deleveraging-adl",
)
def aster(panel: pd.DataFrame) -> pd.Series:
    """Profit on the wallet times the margin ratio, the text of `binance_2019`.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `binance_2019`: losers, flat positions and accounts with equity <= 0 tie at 0; NaN where ``qty`` is 0.

    References
    ----------
    .. [1] Aster documentation, "Auto-Deleveraging (ADL)".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.aster(adl.load_dataset("four_accounts")).round(4).tolist()
    [0.0, 0.0583, 0.105, 0.0]
    """
    return binance_2019(panel).rename("aster")


@published(
    "OKX", EQUITY_RATIO, "r / mr if r > 0, r x mr if r < 0", "https://mlmrehab.com/15032.html", status="secondary"
)
def okx(panel: pd.DataFrame) -> pd.Series:
    """Return over the margin ratio, where a larger ratio is safer (classic OKX text).

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        r / mr for a profit, r x mr for a loss, with mr = account equity / account notional. NaN where ``qty`` is 0 or
        equity <= 0.

    References
    ----------
    .. [1] Secondary: https://mlmrehab.com/15032.html; the same form, with mr spelled out, is BitYi's,
       https://support.bityix.com/en/articles/10678842. The newer OKX text could not be recovered.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.okx(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return named("okx", panel, branch(return_on_entry(panel), effective_leverage(panel).to_numpy()))


@published("HTX", EQUITY_RATIO, "r / mr if r > 0, r x mr if r < 0", "https://www.htx.com/id-id/support/64914554002695")
def htx(panel: pd.DataFrame) -> pd.Series:
    """Return over the margin ratio: position ratio when isolated, account ratio when cross.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        As `okx`: the two venues publish one formula.

    References
    ----------
    .. [1] HTX support, article 64914554002695.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.htx(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return okx(panel).rename("htx")


@published(
    "BitYi",
    EQUITY_RATIO,
    "roi / mr if roi > 0, roi x mr if roi < 0",
    "https://support.bityix.com/en/articles/10678842",
)
def bityi(panel: pd.DataFrame) -> pd.Series:
    """Return on the entry price over the margin ratio of the position (isolated) or account (cross).

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        roi / mr for a profit, roi x mr for a loss; roi = side x (mark - entry) / entry, mr = account equity / account
        notional, where (initial margin + upnl) / position value is the isolated case. Equal to `okx` for linear
        contracts; for inverse ones the return on the price is not that on the value. NaN where ``qty`` is 0 or equity
        <= 0; roi = 0 gives 0.

    References
    ----------
    .. [1] BitYi support, article 10678842, "Auto-deleveraging (ADL) mechanism".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.bityi(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.35, 0.42, -0.3857]
    """
    return named("bityi", panel, branch(price_return(panel), effective_leverage(panel).to_numpy()))


@published(
    "Bitget",
    MAINTENANCE_RATIO,
    "r x MM/E if r > 0, r / (MM/E) if r < 0",
    "https://www.bitget.live/bg/support/articles/12560603800805",
    valid_from="2025-09",
)
def bitget(panel: pd.DataFrame) -> pd.Series:
    """Return times the account's maintenance margin rate (cross and multi-asset text).

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        r x (MM / E) for a profit, r / (MM / E) for a loss. NaN where ``qty`` is 0, equity <= 0, or a return of
        zero or below meets an account without maintenance margin. The variant for isolated margin is
        not published in full.

    References
    ----------
    .. [1] Bitget support 12560603800805, edition after 2025-05.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.bitget(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.0175, 0.021, -7.7143]
    """
    return named("bitget", panel, branch(return_on_entry(panel), margin_ratio(panel).to_numpy()))


@published(
    "Extended",
    MAINTENANCE_RATIO,
    "r x pmr if r > 0, r / pmr if r < 0; pmr = N x rate / max(E, 1)",
    "https://docs.extended.exchange/extended-resources/trading/liquidation-logic",
)
def extended(panel: pd.DataFrame) -> pd.Series:
    """Return times the position's own maintenance margin over the account's equity.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        r x pmr for a profit, r / pmr for a loss; pmr = N x ``maintenance_rate`` / max(E, 1) with N of the position and
        E of the account. The 1 is in settlement currency: an account with an equity below 1, negative ones included,
        counts as having 1, so the score of tiny accounts depends on the unit. NaN where ``qty`` is 0, or a return of
        zero or below meets a rate of 0. Without deductions a single position with an equity of 1 or more scores as
        under `bitget`.

    References
    ----------
    .. [1] Extended documentation, "Liquidation logic".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.extended(adl.load_dataset("four_accounts")).round(4).tolist()
    [-0.0429, 0.0175, 0.021, -7.7143]
    """
    required = notional(panel).to_numpy() * panel["maintenance_rate"].to_numpy()
    owned = np.maximum(equity(panel).to_numpy(), 1.0)
    return named("extended", panel, branch(return_on_entry(panel), required / owned))
