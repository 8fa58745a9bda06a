"""Amounts with their unit: budgets of different numeraires are never added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from adlkit.errors import AllocationError

NUMERAIRES = ("contracts", "notional", "pnl", "equity", "concession")
"""Units of a budget: contracts; notional closed, unrealised profit, equity, or price concession on closed contracts."""


@dataclass(frozen=True, eq=False)
class Budget:
    """An amount asked or paid, and its unit: budgets of different units are never added.

    Parameters
    ----------
    amount : float or Series
        Not negative; a Series by group or round.
    numeraire : str
        One of "contracts", "notional", "pnl", "equity", "concession" (all but the first in settlement currency).
    basis : str
        Where the amount comes from, in words.

    Raises
    ------
    AllocationError
        If the numeraire is unknown, or when budgets of two numeraires are added.

    Examples
    --------
    >>> import adlkit as adl
    >>> asked = adl.Budget(5.0, "pnl") + adl.Budget(2.5, "pnl")
    >>> asked.amount
    7.5
    >>> asked + adl.Budget(1.0, "contracts")
    Traceback (most recent call last):
        ...
    adlkit.errors.AllocationError: 'pnl' and 'contracts' are different units: convert one before adding
    """

    amount: float | pd.Series
    numeraire: str
    basis: str = ""

    def __post_init__(self) -> None:
        if self.numeraire not in NUMERAIRES:
            raise AllocationError(f"unknown numeraire {self.numeraire!r}; known: {list(NUMERAIRES)}")
        values = np.asarray(self.amount, dtype=float)
        if not (np.isfinite(values) & (values >= 0)).all():
            raise AllocationError(f"a budget must be finite and 0 or more, got {self.amount!r}")

    def __add__(self, other: Budget) -> Budget:
        if not isinstance(other, Budget):
            return NotImplemented
        both = isinstance(self.amount, pd.Series) and isinstance(other.amount, pd.Series)
        if both and not self.amount.index.equals(other.amount.index):  # type: ignore[union-attr]
            raise AllocationError("the two budgets are of different groups: bring them to one index")
        if other.numeraire != self.numeraire:
            raise AllocationError(
                f"{self.numeraire!r} and {other.numeraire!r} are different units: convert one before adding"
            )
        basis = self.basis if self.basis == other.basis else " + ".join(filter(None, (self.basis, other.basis)))
        return Budget(self.amount + other.amount, self.numeraire, basis)
