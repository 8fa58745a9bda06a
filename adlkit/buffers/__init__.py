"""What stands between liquidated accounts and their winners: programmes, funds, vaults.

A buffer is offered the open positions of liquidated accounts (`Distress`) and answers with what it takes (`Taken`)
and what is left of it: its money is finite, and calling it changes nothing. Needs of one market (symbol and side) are
served in the order of their orders: strictest limit, then close-out price, then account; a buffer that cannot serve
all of them serves the same share of the contracts of every market.
"""

from adlkit.buffers.fund import InsuranceFund
from adlkit.buffers.programme import ProgrammaticLiquidity
from adlkit.buffers.protocol import Buffer
from adlkit.buffers.vault import BackstopVault, Holding

__all__ = ["BackstopVault", "Buffer", "Holding", "InsuranceFund", "ProgrammaticLiquidity"]
