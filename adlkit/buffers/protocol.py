"""What every buffer has: a name, money, and how they change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from adlkit.distress import Distress, Taken


class Buffer(Protocol):
    """Anything that can be offered distressed positions: a name, money, and how they change."""

    @property
    def name(self) -> str:
        """Its name in results."""

    @property
    def money(self) -> float:
        """What it owns [ccy]; only changes of it count."""

    @property
    def budget(self) -> float:
        """Money [ccy] of it that one event may use to pay what accounts owe."""

    def remark(self, values: Mapping[str, float]) -> Buffer:
        """The buffer at other values of one contract, by symbol."""

    def take(self, distress: Distress) -> tuple[Taken, Buffer]:
        """What it takes, and what is left of it."""

    def receive(self, amount: float) -> Buffer:
        """The buffer with `amount` more [ccy], or less below zero."""
