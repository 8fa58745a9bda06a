"""Rules of venues on chains, and of those that settle on one."""

from __future__ import annotations

from adlkit import indicators, scores
from adlkit.buffers import BackstopVault, InsuranceFund
from adlkit.fill_prices import at_capped_oracle, at_previous_mark
from adlkit.policies import Policy
from adlkit.venues.rules import FUND, SKIPS, PartialLiquidation, VenueRules

hyperliquid = VenueRules(
    name="Hyperliquid",
    valid_from="",
    source="https://hyperliquid.gitbook.io/hyperliquid-docs/trading/auto-deleveraging and .../trading/liquidations",
    policy=Policy(scores.hyperliquid_documented),
    fill_price=at_previous_mark,
    buffers=(BackstopVault(equity=0.0, threshold=2 / 3, takes_accounts=True),),
    partial=PartialLiquidation(above=100_000.0, fraction=0.2),
    assumptions=(
        "orders are market orders; here they stop at the close-out price, where the backstop or ADL takes over",
        "20% of positions above 100,000 first (secondary source); what the 30 s cooldown holds back stays open",
        "the documented index is taken literally for shorts; scores.hyperliquid_reconstructed is the node's",
        "leverage and loss limit of the vault are not published: set them on the BackstopVault",
        "the vault also takes accounts that are already below zero, the deepest first",
        "the vault's own positions stand in no queue; a node constant that spares cross accounts is not modelled",
        SKIPS,
    ),
)

dydx_v4 = VenueRules(
    name="dYdX v4",
    valid_from="",
    source="dydxprotocol/v4-chain, protocol/x/clob/keeper/deleveraging.go and liquidations.go",
    policy=Policy(scores.random_start(seed=0)),
    buffers=(InsuranceFund(balance=0.0),),
    fee_rate=0.015,
    fee_to=FUND,
    assumptions=(
        "orders stop at the bankruptcy price; the chain's fillable price is stricter",
        "the fee of at most 1.5% is taken on notional at the mark, the chain's on the fill",
        "the fund pays in part what it cannot pay in full; the chain refuses such a fill",
        "the rest of an order filled in part is deleveraged; the chain passes on only orders without any fill",
        "the pseudo-random start is that of seed 0; the limits of 500 counterparties and 10 attempts are not modelled",
    ),
)

aster = VenueRules(
    name="Aster",
    valid_from="",
    source="https://docs.asterdex.com/trading/perpetuals/fees-and-specs/auto-deleveraging-adl",
    policy=Policy(scores.aster),
    buffers=(InsuranceFund(balance=0.0),),
    indicator=indicators.aster,
    assumptions=(
        "the fill price is not stated: the close-out price of the liquidated position stands in",
        "ADL starts when the mark has reached the bankruptcy price: accounts that have equity stay open",
        "who keeps what closes better than close-out is not stated: the account",
        SKIPS,
    ),
)

extended = VenueRules(
    name="Extended",
    valid_from="",
    source="https://docs.extended.exchange/extended-resources/trading/liquidation-logic",
    policy=Policy(scores.extended),
    buffers=(InsuranceFund(balance=0.0),),
    deleverages_solvent=True,
    assumptions=(
        "five orders of 20% at the bankruptcy price, largest losing position first, are one order here",
        "the last order, 5% beyond the bankruptcy price, is what the fund pays for here, at any price in the book",
        "limits of the fund per market group, trade and day are not modelled: give the day's limit as its balance",
        "what is left open of accounts that have equity is deleveraged too: not stated",
        "who keeps what closes better than close-out is not stated: the account",
        "what traders see is not known: five lights that count accounts",
        SKIPS,
    ),
)

ethereal = VenueRules(
    name="Ethereal",
    valid_from="",
    source="https://docs.ethereal.trade/trading/perpetual-futures/auto-deleveraging",
    policy=Policy(scores.ethereal),
    fill_price=at_capped_oracle,
    buffers=(InsuranceFund(balance=0.0),),
    assumptions=(
        "the last key, the newest account first, is no fact of a panel: the ranking's own tie rule decides",
        "the fund closes in the book; that it may hold positions, which are deleveraged with it, is not modelled",
        "who keeps what closes better than close-out is not stated: the account",
        "the venue shows no indicator: five lights that count accounts",
        SKIPS,
    ),
)
