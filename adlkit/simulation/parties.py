"""Who owns what at every step: money apart from contracts, and contracts by symbol.

The accounts, each buffer, the others who trade in the book, and the money that nobody has paid (residual). All that
happens moves cash and contracts between them, so at every step the contracts of each symbol and the cash of all
parties add up to what they were.
"""

from __future__ import annotations

import numpy as np

from adlkit.buffers import BackstopVault, Buffer
from adlkit.contracts import Floats
from adlkit.distress import BOOK
from adlkit.tally import RESIDUAL

ACCOUNTS = "accounts"


class Parties:
    """Cash [ccy] of each party and its contracts of each symbol, step by step.

    Money of a party = its cash + contracts x value of one contract.
    """

    def __init__(self, buffers: list[Buffer], n_steps: int, n_symbols: int) -> None:
        self.names = [ACCOUNTS, BOOK, *(buffer.name for buffer in buffers), RESIDUAL]
        self.cash = np.zeros((n_steps, len(self.names)))
        self.qty = np.zeros((n_steps, len(self.names), n_symbols))

    def add(self, step: int, party: str, *, cash: float = 0.0, qty: Floats | float = 0.0) -> None:
        """Give a party cash and contracts from a step on."""
        place = self.names.index(party)
        self.cash[step:, place] += cash
        self.qty[step:, place] += qty

    def set_buffer(self, step: int, buffer: Buffer, symbols: list[str]) -> None:
        """Note what a buffer is from a step on."""
        place = self.names.index(buffer.name)
        held = buffer.inventory if isinstance(buffer, BackstopVault) else {}
        self.cash[step:, place] = buffer.money - sum(one.qty * one.value for one in held.values())
        self.qty[step:, place] = [held[name].qty if name in held else 0.0 for name in symbols]

    def money(self, values: Floats) -> Floats:
        """Money of each party at each step [ccy], shape (n_steps, n_parties)."""
        return np.asarray(self.cash + np.einsum("tps,ts->tp", self.qty, values))
