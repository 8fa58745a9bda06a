"""Rules that exchanges with their own book of accounts state."""

from __future__ import annotations

from adlkit import indicators, scores
from adlkit.buffers import BackstopVault, InsuranceFund
from adlkit.fill_prices import at_mark
from adlkit.policies import Policy
from adlkit.venues.rules import FUND, SKIPS, VenueRules

bitmex = VenueRules(
    name="BitMEX",
    valid_from="",
    source="https://support.bitmex.com/hc/en-gb/articles/18589621443357 and https://www.bitmex.com/app/liquidation",
    policy=Policy(scores.bitmex),
    buffers=(InsuranceFund(balance=0.0),),
    surplus_to=FUND,
    deleverages_solvent=True,
    indicator=indicators.bitmex,
    assumptions=("stepping down through risk-limit tiers before the takeover is not modelled", SKIPS),
)

binance = VenueRules(
    name="Binance USD-M",
    valid_from="",
    source="https://www.binance.com/en/support/faq/360033525471; fund and waterfall: liquidation FAQ, text of 2019-20",
    policy=Policy(scores.binance),
    buffers=(BackstopVault(equity=0.0, max_leverage=1.0, is_netting=True, name=FUND),),
    fee_rate=0.005,
    fee_to=FUND,
    deleverages_solvent=True,
    indicator=indicators.binance,
    assumptions=(
        "the fund takes positions over at close-out prices up to a net notional of 100% of its size (text of 2019-20), "
        "so it is a netting BackstopVault of leverage 1",
        "liquidation fee 0.5% (BTCUSDT: 0.3%), at most what the account has left",
        "score: secondary quotation of 2025-12-29; before it, scores.binance_2019",
        SKIPS,
    ),
)

bybit = VenueRules(
    name="Bybit",
    valid_from="2025-11",
    source="https://help.bybit.com/hc/en-us/articles/900000031623 and "
    "https://www.bybit.com/en/help-center/article/Insurance-Fund",
    policy=Policy(scores.bitmex),
    buffers=(InsuranceFund(balance=0.0),),
    surplus_to=FUND,
    deleverages_solvent=True,
    indicator=indicators.bybit,
    assumptions=(
        "the venue says 'leveraged return' and publishes no formula: scores.bitmex stands in",
        "ADL starts when the fund of the event is used up; the 8 h drawdown trigger needs a history of the fund",
        "a secondary source has mark fills where the bankruptcy price is over 5% away: not modelled",
        "the direction of adlRankIndicator is not stated: more is taken as nearer to the front",
        SKIPS,
    ),
)

okx = VenueRules(
    name="OKX",
    valid_from="",
    source="https://www.okx.com/help/iv-introduction-to-auto-deleveraging-adl and "
    "https://www.ouchyi.rocks/es-la/help/what-is-the-mechanism-for-the-strong-level-in-advance-what-is-the-use",
    policy=Policy(scores.okx),
    fill_price=at_mark,
    buffers=(InsuranceFund(balance=0.0),),
    surplus_to=FUND,
    deleverages_solvent=True,
    indicator=indicators.okx,
    assumptions=(
        "score: classic text from a secondary source; the newer one is not known",
        "ADL starts when the fund of the event is used up; the fall from its 8 h peak needs a history of the fund",
        "the book is tried first down to the close-out price; loser and winner are matched at the mark, off the book",
        "what a fill at the mark leaves unpaid is the residual: the source says that nothing is socialised afterwards",
        "one fund of the event; the venue keeps one per business line, underlying and margin type",
        "what is left open of accounts that have equity is deleveraged too: not stated",
        SKIPS,
    ),
)

htx = VenueRules(
    name="HTX",
    valid_from="",
    source="https://www.htx.com/id-id/support/64914554002695",
    policy=Policy(scores.htx),
    buffers=(InsuranceFund(balance=0.0),),
    deleverages_solvent=True,
    indicator=indicators.htx,
    assumptions=(
        "the fill price is not known: the close-out price of the liquidated position stands in",
        "ADL starts when the fund of the event is used up; the fall from its 8 h peak needs a history of the fund",
        "what is left open of accounts that have equity is deleveraged too: not stated",
        "who keeps what closes better than close-out is not stated: the account",
        "the direction of adl_risk_percent is not stated: more is taken as nearer to the front",
        SKIPS,
    ),
)

bitget = VenueRules(
    name="Bitget",
    valid_from="2025-09",
    source="https://www.bitget.cloud/support/articles/12560603800805 and "
    "https://www.bitget.com/academy/What-is-Bitget-Insurance-fund",
    policy=Policy(scores.bitget),
    buffers=(InsuranceFund(balance=0.0),),
    surplus_to=FUND,
    deleverages_solvent=True,
    assumptions=(
        "score of cross and multi-asset margin; the variant of isolated margin is not published in full",
        "one fund of the event; the venue keeps one per coin",
        "what is left open of accounts that have equity is deleveraged too: not stated",
        "what traders see is not known: five lights that count accounts",
        SKIPS,
    ),
)

gate = VenueRules(
    name="Gate",
    valid_from="2025-11",
    source="https://www.gateex.cc/help/futures/futures-logic/22082",
    policy=Policy(scores.bitget),
    buffers=(InsuranceFund(balance=0.0),),
    deleverages_solvent=True,
    indicator=indicators.gate,
    assumptions=(
        "the venue names return rate and maintenance margin ratio and publishes no formula: scores.bitget stands in",
        "before: scores.gate_2022_11 of the selected leverage, and scores.gate_before_2022_11",
        "what is left open of accounts that have equity is deleveraged too: not stated",
        "who keeps what closes better than close-out is not stated: the account",
        "a remainder is ranked again by the venue; here one event is one ranking",
        SKIPS,
    ),
)

kucoin = VenueRules(
    name="KuCoin",
    valid_from="2025-12",
    source="https://www.kucoin.com/support/26686471898009",
    policy=Policy(scores.kucoin),
    buffers=(InsuranceFund(balance=0.0),),
    deleverages_solvent=True,
    indicator=indicators.kucoin,
    assumptions=(
        "score: the newest text; the page on cross margin ranks by the return alone, scores.kucoin_cross",
        "one fund of the event; the venue keeps one per pair",
        "who keeps what closes better than close-out is not stated: the account",
        "the direction of delevPercentage is not stated: more is taken as nearer to the front",
        SKIPS,
    ),
)

mexc = VenueRules(
    name="MEXC",
    valid_from="",
    source="https://mexc.com/support/articles/360042504091",
    policy=Policy(scores.mexc),
    buffers=(InsuranceFund(balance=0.0),),
    assumptions=(
        "ADL starts when the fair price has reached the bankruptcy price: accounts that have equity stay open",
        "who keeps what closes better than close-out is not stated: the account",
        "what traders see is not known: five lights that count accounts",
        SKIPS,
    ),
)
