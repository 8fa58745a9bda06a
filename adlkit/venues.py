"""Venue rules at a date, as values: what is liquidated how, which buffers stand in line, who is deleveraged at what.

A named venue holds the rules that its sources state; where they leave something open, `VenueRules.assumptions` says
what was chosen. Buffers are empty: put in the balances of your case with `VenueRules.with_buffers`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from adlkit import scores
from adlkit.buffers import BackstopVault, Buffer, InsuranceFund
from adlkit.errors import VenueError
from adlkit.fill_prices import (
    PriceRule,
    at_capped_oracle,
    at_close_out,
    at_mark,
    at_oracle,
    at_previous_mark,
    without_limit,
)
from adlkit.policies import Policy

__all__ = [
    "PartialLiquidation",
    "VenueRules",
    "at_capped_oracle",
    "at_close_out",
    "at_mark",
    "at_oracle",
    "at_previous_mark",
    "binance",
    "bitmex",
    "by_name",
    "bybit",
    "dydx_v4",
    "hyperliquid",
    "without_limit",
]

ACCOUNT = "account"
"""Receiver of a surplus that stays with the liquidated account."""

_STAGES = {"book", "adl", "open", "residual", "settlement"}
_PARTIES = {ACCOUNT, "winners", "liquidated accounts"}
_COLUMNS = {"qty", "is_liquidated", "is_bankrupt", "deleveraged", "realized_pnl", "haircut"}
_RESERVED = _STAGES | _PARTIES | _COLUMNS
"""Names that results use, and no buffer may have."""

_SKIPS = "the sources name no protection: winners are skipped where a fill is worse than their own close-out price"

_KINDS = {
    "policy": "Policy, e.g. adl.Policy(adl.scores.bitmex)",
    "fill_price": "price rule, e.g. adl.venues.at_mark",
    "limit": "price rule, e.g. adl.venues.at_close_out",
}


@dataclass(frozen=True)
class PartialLiquidation:
    """Positions `above` a notional [ccy] send only a `fraction` [1] of their contracts at first.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.venues.hyperliquid.partial
    PartialLiquidation(above=100000.0, fraction=0.2)
    """

    above: float
    fraction: float

    def __post_init__(self) -> None:
        if not (self.above >= 0 and 0 < self.fraction <= 1):
            raise VenueError(f"partial liquidation needs above >= 0 and 0 < fraction <= 1, got {self!r}")


@dataclass(frozen=True)
class VenueRules:
    """Liquidation and ADL rules of a venue, valid from a date.

    Parameters
    ----------
    name, valid_from, source : str
        Which venue, since when (empty: not stated), and where it says so.
    policy : Policy
        Who is deleveraged: score, rule, weight.
    fill_price : callable, default `at_close_out`
        Price rule of ADL fills.
    limit : callable, default `at_close_out`
        Price rule of the worst price at which a liquidation order trades in the book.
    buffers : tuple
        In the order in which they are asked.
    surplus_to : str, default "account"
        Who keeps what closes better than close-out, after the fee: the account, or the buffer of that name.
    fee_rate : float, default 0
        Liquidation fee [1] on notional closed in the book before buffers, at most the account's surplus.
    fee_to : str
        Name of the buffer that receives the fee.
    partial : PartialLiquidation, optional
        Large positions that are closed in steps.
    protects_winners : bool, default True
        Skip a winner for whom the fill is worse than its own close-out price.
    deleverages_solvent : bool, default False
        Deleverage also what the book left of accounts that have equity.
    tiers : DataFrame, optional
        Margin tiers, used to re-mark.
    is_contract_weighted : bool, default False
        Lights count contracts in the queue, not accounts.
    n_lights : int, default 5
        Indicator lights.
    assumptions : tuple of str
        What the sources leave open and was chosen here.

    Raises
    ------
    VenueError
        If two buffers share a name, or a receiver is none of them.

    Examples
    --------
    >>> import adlkit as adl
    >>> venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(balance=1e6))
    >>> venue.name, venue.buffers[0].balance
    ('BitMEX', 1000000.0)
    """

    name: str
    valid_from: str
    source: str
    policy: Policy
    fill_price: PriceRule = at_close_out
    limit: PriceRule = at_close_out
    buffers: tuple[Buffer, ...] = ()
    surplus_to: str = ACCOUNT
    fee_rate: float = 0.0
    fee_to: str = ""
    partial: PartialLiquidation | None = None
    protects_winners: bool = True
    deleverages_solvent: bool = False
    tiers: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    is_contract_weighted: bool = False
    n_lights: int = 5
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("policy", "fill_price", "limit"):
            value = getattr(self, name)
            if not (isinstance(value, Policy) if name == "policy" else callable(value)):
                raise VenueError(f"{self.name}: {name} must be a {_KINDS[name]}, got {value!r}")
        object.__setattr__(self, "buffers", tuple(self.buffers))
        if wrong := [buffer for buffer in self.buffers if not hasattr(buffer, "take")]:
            raise VenueError(f"{self.name}: {wrong} are no buffers; give e.g. adl.InsuranceFund(balance=1e6)")
        names = [buffer.name for buffer in self.buffers]
        if len(set(names)) < len(names) or _RESERVED & set(names):
            raise VenueError(
                f"{self.name}: buffers need names of their own, apart from {sorted(_RESERVED)}; got {names}"
            )
        receivers = {self.surplus_to} - {ACCOUNT} | ({self.fee_to} if self.fee_rate else set())
        if missing := sorted(receivers - set(names)):
            raise VenueError(
                f"{self.name} pays surplus or fees to {missing}, none of its buffers {names}; add it, empty if need be"
            )
        if not 0 <= self.fee_rate < 1:
            raise VenueError(f"{self.name}: fee_rate must be within [0, 1), got {self.fee_rate!r}")

    def with_buffers(self, *buffers: Buffer) -> VenueRules:
        """The same rules with other buffers, in the order given."""
        return replace(self, buffers=buffers)

    def with_tiers(self, tiers: pd.DataFrame) -> VenueRules:
        """The same rules with margin tiers."""
        return replace(self, tiers=tiers)


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
        _SKIPS,
    ),
)

binance = VenueRules(
    name="Binance USD-M",
    valid_from="",
    source="https://www.binance.com/en/support/faq/360033525471; fund and waterfall: liquidation FAQ, text of 2019-20",
    policy=Policy(scores.binance),
    buffers=(BackstopVault(equity=0.0, max_leverage=1.0, is_netting=True, name="insurance fund"),),
    fee_rate=0.005,
    fee_to="insurance fund",
    deleverages_solvent=True,
    assumptions=(
        "the fund takes positions over at close-out prices up to a net notional of 100% of its size (text of 2019-20), "
        "so it is a netting BackstopVault of leverage 1",
        "liquidation fee 0.5% (BTCUSDT: 0.3%), at most what the account has left",
        "score: secondary quotation of 2025-12-29; before it, scores.binance_2019",
        _SKIPS,
    ),
)

bitmex = VenueRules(
    name="BitMEX",
    valid_from="",
    source="https://support.bitmex.com/hc/en-gb/articles/18589621443357 and https://www.bitmex.com/app/liquidation",
    policy=Policy(scores.bitmex),
    buffers=(InsuranceFund(balance=0.0),),
    surplus_to="insurance fund",
    deleverages_solvent=True,
    is_contract_weighted=True,
    assumptions=("stepping down through risk-limit tiers before the takeover is not modelled", _SKIPS),
)

bybit = VenueRules(
    name="Bybit",
    valid_from="2025-11",
    source="https://help.bybit.com/hc/en-us/articles/900000031623 and "
    "https://www.bybit.com/en/help-center/article/Insurance-Fund",
    policy=Policy(scores.bitmex),
    buffers=(InsuranceFund(balance=0.0),),
    surplus_to="insurance fund",
    deleverages_solvent=True,
    assumptions=(
        "the venue says 'leveraged return' and publishes no formula: scores.bitmex stands in",
        "ADL starts when the fund of the event is used up; the 8 h drawdown trigger needs a history of the fund",
        "a secondary source has mark fills where the bankruptcy price is over 5% away: not modelled",
        _SKIPS,
    ),
)

dydx_v4 = VenueRules(
    name="dYdX v4",
    valid_from="",
    source="dydxprotocol/v4-chain, protocol/x/clob/keeper/deleveraging.go and liquidations.go",
    policy=Policy(scores.random_start(seed=0)),
    buffers=(InsuranceFund(balance=0.0),),
    fee_rate=0.015,
    fee_to="insurance fund",
    assumptions=(
        "orders stop at the bankruptcy price; the chain's fillable price is stricter",
        "the fee of at most 1.5% is taken on notional at the mark, the chain's on the fill",
        "the fund pays in part what it cannot pay in full; the chain refuses such a fill",
        "the rest of an order filled in part is deleveraged; the chain passes on only orders without any fill",
        "the pseudo-random start is that of seed 0; the limits of 500 counterparties and 10 attempts are not modelled",
    ),
)

_NAMED = {
    "hyperliquid": hyperliquid,
    "binance": binance,
    "bitmex": bitmex,
    "bybit": bybit,
    "dydx_v4": dydx_v4,
}


def by_name(name: str) -> VenueRules:
    """Look a venue up by its name in this module.

    Parameters
    ----------
    name : str
        E.g. ``"bitmex"``.

    Returns
    -------
    VenueRules

    Raises
    ------
    VenueError
        If there is no such venue; lists the known ones.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.venues.by_name("dydx_v4").name
    'dYdX v4'
    """
    if name not in _NAMED:
        raise VenueError(f"unknown venue {name!r}; known: {sorted(_NAMED)}")
    return _NAMED[name]
