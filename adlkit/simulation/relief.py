"""Relief of a bankrupt vault: its inventory is closed against winners, as that of a bankrupt account."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from adlkit.buffers import BackstopVault
from adlkit.simulation.conditions import Prices
from adlkit.standing import Standing
from adlkit.venues import ACCOUNT, VenueRules
from adlkit.waterfall import Waterfall, absorb_losses, close_against_winners


def relief_event(vault: BackstopVault, panel: pd.DataFrame, prices: Prices, venue: VenueRules) -> Waterfall:
    """The event in which the inventory of a bankrupt vault is closed against winners: nobody stands before them.

    The rows of the vault come after those of the accounts. Nothing is settled: what the vault owes stays its debt.
    """
    held = {symbol: one.qty for symbol, one in vault.inventory.items() if one.qty}
    first = panel.groupby(level="symbol", observed=True).head(1).droplevel("account").loc[list(held)]
    terms = {"maintenance_rate": 0.0, "maintenance_deduction": 0.0, "collateral": vault.means / len(held)}
    own = first.assign(qty=list(held.values()), entry_price=first["mark_price"], **terms)
    own.index = pd.MultiIndex.from_product([[vault.name], list(held)], names=panel.index.names)
    with_vault = pd.concat([panel, own])
    standing = Standing.of(with_vault)
    standing = standing.at(prices.mark, prices.previous, prices.oracle, None)
    alone = replace(venue, buffers=(), surplus_to=ACCOUNT, fee_rate=0.0, fee_to="")
    rows = np.arange(len(panel), len(with_vault))
    return close_against_winners(absorb_losses(standing, alone, {}, (), rows), lambda: with_vault)
