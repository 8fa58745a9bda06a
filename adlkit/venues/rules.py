"""Liquidation and ADL rules of a venue at a date, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from adlkit.buffers import Buffer
from adlkit.errors import VenueError
from adlkit.fill_prices import PriceRule, at_close_out
from adlkit.indicators import Indicator
from adlkit.policies import Policy

ACCOUNT = "account"
"""Receiver of a surplus that stays with the liquidated account."""

FUND = "insurance fund"
"""Name of the fund in the venues of this package."""

SKIPS = "the sources name no protection: winners are skipped where a fill is worse than their own close-out price"
"""What is assumed where sources do not say how winners are protected."""

_STAGES = {"book", "adl", "open", "residual", "settlement", "exit", "relief", "funding"}
_PARTIES = {ACCOUNT, "accounts", "winners", "liquidated accounts"}
_COLUMNS = {"qty", "is_liquidated", "is_bankrupt", "deleveraged", "realized_pnl", "haircut"}
_RESERVED = _STAGES | _PARTIES | _COLUMNS
"""Names that results use, and no buffer may have."""

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
    indicator : Indicator
        What traders see of their place in the queue; five lights that count accounts, if not given.
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
    indicator: Indicator = field(default_factory=Indicator)
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.indicator, Indicator):
            raise VenueError(f"{self.name}: indicator must be an adl.Indicator, got {self.indicator!r}")
        for name in ("policy", "fill_price", "limit"):
            value = getattr(self, name)
            if not (isinstance(value, Policy) if name == "policy" else callable(value)):
                raise VenueError(f"{self.name}: {name} must be a {_KINDS[name]}, got {value!r}")
        if self.policy.endowment is not None:
            raise VenueError(f"{self.name}: a venue closes contracts, and this policy takes money: drop its endowment")
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

    @property
    def is_contract_weighted(self) -> bool:
        """Whether lights count contracts in the queue, not accounts."""
        return self.indicator.counts == "contracts"

    @property
    def n_lights(self) -> int:
        """Number of indicator lights."""
        return self.indicator.n_lights

    def with_buffers(self, *buffers: Buffer) -> VenueRules:
        """The same rules with other buffers, in the order given."""
        return replace(self, buffers=buffers)

    def with_tiers(self, tiers: pd.DataFrame) -> VenueRules:
        """The same rules with margin tiers."""
        return replace(self, tiers=tiers)
