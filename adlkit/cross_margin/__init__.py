"""Who is deleveraged when accounts hold several assets on one equity: least expected shortfall, asset by asset.

Accounts i hold signed quantities q_i and own equity E_i. Positions close at the mark, so equity stays and only exposure
goes. Of each asset a signed `need` is closed (> 0 longs, < 0 shorts): every account closes between nothing and what it
holds on that side, and each asset's parts sum to its need. Among all such ways these functions look for the one with
the smallest expected total shortfall until the next chance to act, under a model of `adlkit.price_models`.

A panel becomes their input in one line each: ``quantity = panel["qty"].unstack("symbol", fill_value=0.0)`` and
``equity = adl.account_summary(panel)["equity"]`` (linear contracts, one time). `CrossMarginResult.taken` is what each
of the panel's positions gives, e.g. for `RuleComparison.with_allocation`.
"""

from __future__ import annotations

from adlkit.cross_margin.cutoff import CvarCutoff, cvar_cutoff
from adlkit.cross_margin.levels import factor_water_fill
from adlkit.cross_margin.result import CrossMarginResult
from adlkit.cross_margin.shadow_prices import shadow_price

__all__ = ["CrossMarginResult", "CvarCutoff", "cvar_cutoff", "factor_water_fill", "shadow_price"]
