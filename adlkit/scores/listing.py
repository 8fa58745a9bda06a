"""The catalogue: every score, every venue that does not publish one, and every venue that ranks nobody."""

from __future__ import annotations

import pandas as pd

from adlkit.scores.publication import NO_RANKING, PUBLISHED, Publication

_NO_FORMULA = "no formula is published"

_UNPUBLISHED = (
    ("Bybit", "leveraged return", _NO_FORMULA, "https://bybits.org/zh-TW/help-center/article/Auto-Deleveraging-ADL"),
    (
        "OKX",
        "newer text: begins with position PnL over a margin term",
        "only the beginning of the newer text is known, second hand",
        "https://ukcamo.com/4352.html",
    ),
    (
        "Bitget",
        "isolated margin: a variant of its own",
        "the variant is not published in full",
        "https://www.bitget.live/bg/support/articles/12560603800805",
    ),
    (
        "Gate",
        "return rate and maintenance margin ratio (2025)",
        _NO_FORMULA,
        "https://www.gateex.cc/help/futures/futures-logic/22082",
    ),
    (
        "Phemex",
        "profit and leverage",
        _NO_FORMULA,
        "https://phemex.com/help-center/what-is-the-insurance-fund-and-auto-deleveraging",
    ),
    (
        "Lighter",
        "leverage and unrealised profit",
        _NO_FORMULA,
        "https://docs.lighter.xyz/trading/liquidations-and-llp-insurance-fund",
    ),
    (
        "Kraken Futures",
        "unwind against counterparties",
        "neither order nor price of the unwind is published",
        "https://support.kraken.com/hc/en-us/articles/360022835671",
    ),
    ("Coinbase International", "", _NO_FORMULA, "https://help.coinbase.com/en/international-exchange/liquidations"),
    (
        "dYdX v3",
        "profit and leverage, most levered first",
        _NO_FORMULA,
        "https://help.dydx.exchange/en/articles/4797358-v3-contract-loss-mechanisms",
    ),
    (
        "WhiteBIT",
        "quantile 0..4, 4 = top 5%",
        "neither the score nor the limits of the other quantiles are known",
        "https://docs.whitebit.com/concepts/auto-deleveraging",
    ),
    ("edgeX", "", "no public text on deleveraging was found", ""),
)

_UNRANKED = (
    (
        "dYdX v4",
        "walks through the accounts of the other side from a pseudo-random start: see random_start",
        "dydxprotocol/v4-chain, protocol/x/clob/keeper/deleveraging.go",
    ),
    (
        "GMX v2",
        "a keeper picks positions while profit over pool is above a limit; the order is not checked",
        "gmx-io/gmx-synthetics, contracts/adl/AdlUtils.sol",
    ),
    (
        "Drift v2",
        "every position of the market, winner or loser, pays the same amount per base unit through the funding index",
        "drift-labs/protocol-v2, programs/drift/src/controller/liquidation.rs",
    ),
    (
        "Paradex",
        "a charge on withdrawals while the fund is short; a time-based settlement as last resort",
        "https://docs.paradex.trade/risk/socialized-losses",
    ),
    (
        "Percolator",
        "all positions of a side shrink by one fraction and pay one amount per unit",
        "aeyakovenko/percolator, README.md and spec.md",
    ),
    (
        "Crypto.com",
        "the loss is shared at session end in proportion to the profit of the session (undated text)",
        "https://help.crypto.com/en/articles/4894442-insurance-fund-and-socialised-loss-mechanism",
    ),
    (
        "Deribit",
        "the loss is shared among the winners of the day",
        "https://support.deribit.com/hc/en-us/articles/25944777576477-Insurance-Fund",
    ),
    (
        "Synthetix v3",
        "no deleveraging in the code: the pool of liquidity providers is the counterparty",
        "Synthetixio/synthetix-v3, markets/perps-market/contracts/modules/LiquidationModule.sol",
    ),
)

_LEFT_OUT = Publication(
    "Hyperliquid, in code beside arXiv 2512.01112",
    "outcome of the event",
    "realised closed_pnl of the ADL fill",
    "https://arxiv.org/abs/2512.01112",
    status="left out",
    note="circular: it ranks by a result of the event that it should explain",
)


def catalogue() -> pd.DataFrame:
    """All known scores, the venues that do not publish one, and those that rank nobody.

    Returns
    -------
    DataFrame, index ``score`` (name in `adlkit.scores`; "" where there is no function)
        ``venue``, ``family``, ``formula`` (or the words used), ``valid_from``, ``valid_to`` (when it took effect and
        ended where the source says so, as Gate's; else the date of the edition, or the first of another; empty: none),
        ``status`` ("venue"; "secondary": a third party's word; "literature"; "unpublished"; "no ranking"; "left out"),
        ``needs`` ("panel", or "selected leverage" too), ``note`` (why there is no function, what the venue does
        instead, or what to know), ``source``.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.scores.catalogue().loc["bitmex", "venue"]
    'BitMEX'
    >>> adl.scores.catalogue()["status"].value_counts()["unpublished"].item()
    11
    """
    rows = [
        {
            "score": "" if entry.score is None else entry.score.__name__,
            "venue": entry.venue,
            "family": entry.family,
            "formula": entry.formula,
            "valid_from": entry.valid_from,
            "valid_to": entry.valid_to,
            "status": entry.status,
            "needs": entry.needs if entry.score else "",
            "note": entry.note,
            "source": entry.source,
        }
        for entry in [*sorted(PUBLISHED, key=_venue), *_unpublished(), *_unranked(), _LEFT_OUT]
    ]
    return pd.DataFrame(rows).set_index("score")


def _venue(entry: Publication) -> str:
    return entry.venue.casefold()


def _unpublished() -> list[Publication]:
    return [
        Publication(venue, "unknown", words, source, status="unpublished", note=note)
        for venue, words, note, source in _UNPUBLISHED
    ]


def _unranked() -> list[Publication]:
    return [
        Publication(venue, NO_RANKING, "", source, status="no ranking", note=note) for venue, note, source in _UNRANKED
    ]
