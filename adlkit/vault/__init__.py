"""What a backstop vault earns, where that comes from, and what it risks."""

from __future__ import annotations

from adlkit.vault.attribution import PARTS, VaultPnl, vault_pnl
from adlkit.vault.break_even import break_even_discount, break_even_rebound, takeover_profit
from adlkit.vault.risk import VaultRisk, vault_risk

__all__ = [
    "PARTS",
    "VaultPnl",
    "VaultRisk",
    "break_even_discount",
    "break_even_rebound",
    "takeover_profit",
    "vault_pnl",
    "vault_risk",
]
