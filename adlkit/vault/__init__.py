"""The economics of a backstop vault: where its profit comes from, what it risks, and when it breaks even."""

from adlkit.vault.attribution import PARTS, VaultPnl, vault_pnl
from adlkit.vault.break_even import break_even_discount, break_even_rebound
from adlkit.vault.risk import VaultRisk, vault_risk

__all__ = ["PARTS", "VaultPnl", "VaultRisk", "break_even_discount", "break_even_rebound", "vault_pnl", "vault_risk"]
