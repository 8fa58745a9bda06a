"""ADL scores: who is deleveraged first, formula by formula.

A score takes a checked panel and returns one number per position, larger = earlier; NaN = never in the queue. All
values are signed, and the loss branch is a signed descending sort: dividing a loss by leverage moves a highly levered
loser towards zero, so it is taken before other losers. Position quantities are per row; leverage and margin ratio are
those of the account (of the position, where it is isolated). An account with equity <= 0 has no score, because it is
being liquidated itself, unless the published formula gives it one.

Symbols: r = return on entry value, N = notional, E = account equity, MM = maintenance margin of the account.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

import numpy as np
import pandas as pd

from adlkit.contracts import Floats, is_inverse, value_of
from adlkit.groups import account_groups
from adlkit.margin import effective_leverage, equity, margin_ratio, notional, unrealized_pnl

Score = Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Publication:
    """Where a venue states its score, and since when it holds; `score` is None where no formula is published."""

    venue: str
    formula: str
    valid_from: str
    valid_to: str
    source: str
    status: str
    score: Score | None = None


_PUBLISHED: list[Publication] = []


def fixed_order(score: Score) -> Score:
    """Mark a score by which no move of a market's price changes the order of its longs, or of its shorts.

    Parameters
    ----------
    score : callable, panel -> Series
        A score of your own; `adlkit.adl_price` then sorts the queue once instead of at every price.

    Returns
    -------
    callable
        A score that returns the same, and says so (``is_fixed``).

    Examples
    --------
    >>> import adlkit as adl
    >>> largest = adl.scores.fixed_order(lambda panel: panel["qty"].abs())
    >>> adl.rank(adl.load_dataset("four_accounts"), score=largest).tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    @wraps(score)
    def ordered(panel: pd.DataFrame) -> pd.Series:
        return score(panel)

    cast(Any, ordered).is_fixed = True
    return ordered


def _published(
    venue: str, formula: str, source: str, *, valid_from: str = "", valid_to: str = "", status: str = "venue"
) -> Callable[[Score], Score]:
    """Enter a score into the catalogue; `status` is "venue" or "secondary" (a third party's word)."""

    def enter(score: Score) -> Score:
        _PUBLISHED.append(Publication(venue, formula, valid_from, valid_to, source, status, score))
        return score

    return enter


@_published(
    "BitMEX",
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
    return _named("bitmex", panel, _branch(_return(panel), _position_leverage(panel)))


@_published(
    "Binance USD-M",
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

    References
    ----------
    .. [1] Secondary: quotation, dated 2025-12-29, of Binance FAQ 360033525471.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.binance(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.5, 0.6, -0.551]
    """
    return _named("binance", panel, _branch(_pnl_over(panel, notional(panel)), _position_leverage(panel)))


@_published(
    "Binance USD-M",
    "max(0,upnl)/max(1,wallet) x MM/E",
    "https://www.binance.com/en/support/faq/360033525471",
    valid_from="2019",
    valid_to="2025-12",
)
def binance_2019(panel: pd.DataFrame) -> pd.Series:
    """Binance text of 2019 (also Aster's): profit on the wallet times the margin ratio.

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
    return _named("binance_2019", panel, profit * margin_ratio(panel).fillna(0.0).to_numpy())


@_published("OKX", "r / mr if r > 0, r x mr if r < 0", "https://mlmrehab.com/15032.html", status="secondary")
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
    return _named("okx", panel, _branch(_return(panel), effective_leverage(panel).to_numpy()))


@_published("HTX", "r / mr if r > 0, r x mr if r < 0", "https://www.htx.com/id-id/support/64914554002695")
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


@_published(
    "KuCoin",
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


@_published(
    "Bitget",
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
    return _named("bitget", panel, _branch(_return(panel), margin_ratio(panel).to_numpy()))


@_published(
    "Bitget",
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
    return _named("bitget_2025_05", panel, np.maximum(_return(panel) * _position_leverage(panel), 0.0))


@_published(
    "Hyperliquid",
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
        do not invert it. NaN where ``qty`` is 0 or account value <= 0.

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
    return _named("hyperliquid_documented", panel, gain * _position_leverage(panel))


@_published(
    "Hyperliquid",
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
    profit = np.maximum(_return(panel), 1e-8)
    return _named("hyperliquid_reconstructed", panel, np.fmax(_position_leverage(panel), 1e-8) * profit)


@_published(
    "KuCoin (cross page), Bitfinex",
    "r",
    "https://kucoin.com/support/35084312224281",
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
        r = (V(mark) - V(entry)) x side / abs(V(entry)); NaN where ``qty`` is 0 or equity <= 0. Bitfinex takes
        profitable positions only.

    References
    ----------
    .. [1] KuCoin support 35084312224281 (cross margin). Bitfinex support 360035477394, "What is Termination".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.return_only(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.3, 0.3, -0.3]
    """
    solvent = equity(panel).to_numpy() > 0
    return _named("return_only", panel, np.where(solvent, _return(panel), np.nan))


def blend(*, profit: float = 1.0, leverage: float = 1.0, size: float = 1.0) -> Score:
    """Make a score of the three factors of the explainer literature: profit, leverage and size.

    Parameters
    ----------
    profit, leverage, size : float
        Exponents [1], not negative; 0 switches a factor off.

    Returns
    -------
    callable, panel -> Series
        sign(r) x abs(r)**profit x f for a profit and the same / f for a loss, with r the return on entry value and
        f = (N/E)**leverage x N**size. NaN where ``qty`` is 0 or equity <= 0.

    Raises
    ------
    ValueError
        If an exponent is negative or not finite.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.scores.blend(size=0)(panel).equals(adl.scores.bitmex(panel))
    True
    """
    for name, exponent in {"profit": profit, "leverage": leverage, "size": size}.items():
        if not 0 <= exponent < np.inf:
            raise ValueError(f"{name} must be a finite exponent of 0 or more, got {exponent!r}")

    def blended(panel: pd.DataFrame) -> pd.Series:
        gain = _return(panel)
        levered = _position_leverage(panel)
        weight = levered**leverage * np.where(np.isnan(levered), np.nan, notional(panel).to_numpy() ** size)
        return _named("blend", panel, _branch(np.sign(gain) * np.abs(gain) ** profit, weight))

    return blended


def random_start(seed: int) -> Score:
    """Make dYdX v4's order: accounts in index order from a pseudo-random start, wrapping around.

    Parameters
    ----------
    seed : int
        Of `numpy.random.default_rng`; the same seed gives the same start for the same panel.

    Returns
    -------
    callable, panel -> Series
        Minus the distance from the start; no profit or leverage test. NaN where ``qty`` is 0.

    References
    ----------
    .. [1] dydxprotocol/v4-chain, protocol/x/clob/keeper/deleveraging.go.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.random_start(7)(adl.load_dataset("four_accounts")).tolist()
    [-1.0, -2.0, -3.0, 0.0]
    """

    @fixed_order
    def walk(panel: pd.DataFrame) -> pd.Series:
        accounts = panel.index.get_level_values("account")
        place, names = pd.factorize(accounts, sort=True)
        start = np.random.default_rng(seed).integers(len(names))
        return _named("random_start", panel, (-((place - start) % len(names))).astype(float))

    return walk


_UNPUBLISHED = (
    ("Bybit", "leveraged return", "https://bybits.org/zh-TW/help-center/article/Auto-Deleveraging-ADL"),
    (
        "Gate",
        "return rate and maintenance margin ratio (2025)",
        "https://www.gateex.cc/help/futures/futures-logic/22082",
    ),
    (
        "Phemex",
        "profit and leverage",
        "https://phemex.com/help-center/what-is-the-insurance-fund-and-auto-deleveraging",
    ),
    (
        "Lighter",
        "leverage and unrealised profit",
        "https://docs.lighter.xyz/trading/liquidations-and-llp-insurance-fund",
    ),
    (
        "Kraken Futures",
        "unwind against counterparties",
        "https://support.kraken.com/hc/en-us/articles/360022835671",
    ),
    ("Coinbase International", "", "https://help.coinbase.com/en/international-exchange/liquidations"),
)


def catalogue() -> pd.DataFrame:
    """All known venue scores, and those that a venue does not publish.

    Returns
    -------
    DataFrame, index ``score`` (function name; "unpublished" where there is none)
        ``venue``, ``formula``, ``valid_from``, ``valid_to`` (empty: not stated), ``status`` ("venue", "secondary" or
        "unpublished"), ``source``.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.catalogue().loc["bitmex", "venue"]
    'BitMEX'
    """
    unpublished = [Publication(venue, words, "", "", source, "unpublished") for venue, words, source in _UNPUBLISHED]
    rows = [
        {
            "score": "unpublished" if entry.score is None else entry.score.__name__,
            "venue": entry.venue,
            "formula": entry.formula,
            "valid_from": entry.valid_from,
            "valid_to": entry.valid_to,
            "status": entry.status,
            "source": entry.source,
        }
        for entry in [*_PUBLISHED, *unpublished]
    ]
    return pd.DataFrame(rows).set_index("score")


def _branch(gain: Floats, leverage: Floats) -> Floats:
    """Gains times leverage, losses over leverage; NaN where leverage is undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(gain > 0, gain * leverage, gain / leverage)
    return np.where(np.isfinite(score), score, np.nan)


def _return(panel: pd.DataFrame) -> Floats:
    """Signed return on entry value."""
    entry = value_of(panel["entry_price"].to_numpy(), is_inverse(panel))
    return _pnl_over(panel, (panel["qty"] * entry).abs())


def _pnl_over(panel: pd.DataFrame, base: pd.Series) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(unrealized_pnl(panel).to_numpy() / base.to_numpy(), dtype=np.float64)


def _position_leverage(panel: pd.DataFrame) -> Floats:
    """Notional of the position over the equity of its account; NaN where equity <= 0."""
    owned = equity(panel).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(owned > 0, notional(panel).to_numpy() / owned, np.nan)


def _named(name: str, panel: pd.DataFrame, score: Floats) -> pd.Series:
    """Score on the index of `panel`, undefined where there is no position."""
    return pd.Series(np.where(panel["qty"].to_numpy() == 0, np.nan, score), index=panel.index, name=name)
