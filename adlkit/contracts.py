"""What one contract is worth: price <-> value, for linear and inverse contracts.

The value V of one contract is its price (linear) or -1 / price (inverse, one contract = one unit of quote
currency, worth coins). A rise of the price is a rise of V in both, so a long gains and every formula is written
once, in values: a money amount is quantity times a difference of V.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

LINEAR, INVERSE = "linear", "inverse"
KINDS = (LINEAR, INVERSE)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def is_inverse(panel: pd.DataFrame) -> Flags | None:
    """Tell which rows hold an inverse contract; None when none does, so that linear panels pay nothing."""
    if "contract" not in panel:
        return None
    inverse = (panel["contract"] == INVERSE).to_numpy(dtype=bool)
    return inverse if inverse.any() else None


def value_of(price: Floats, inverse: Flags | None) -> Floats:
    """Value of one contract at `price` [ccy]."""
    if inverse is None:
        return price
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(inverse, -1.0 / price, price)


def price_of(value: Floats, inverse: Flags | None) -> Floats:
    """Price at which one contract has `value`: an accounting price, which may be zero or negative."""
    return value_of(value, inverse)


def reachable_price(value: Floats, inverse: Flags | None) -> Floats:
    """Price at which one contract has `value`, or the end of prices (0 or inf) beyond which it would lie.

    Linear values below zero lie below every price, inverse values of zero and more above every price.
    """
    if inverse is None:
        return np.maximum(value, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverted = np.where(value < 0, -1.0 / value, np.where(np.isnan(value), np.nan, np.inf))
    return np.where(inverse, inverted, np.maximum(value, 0.0))


def notional_of(panel: pd.DataFrame) -> Floats:
    """abs(qty x V(mark)) of each row [ccy]."""
    return np.abs(panel["qty"].to_numpy() * value_of(panel["mark_price"].to_numpy(), is_inverse(panel)))
