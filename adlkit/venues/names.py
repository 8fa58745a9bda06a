"""Venues by name."""

from __future__ import annotations

from adlkit.errors import VenueError
from adlkit.venues import centralised, onchain
from adlkit.venues.rules import VenueRules

_NAMED = {
    "aster": onchain.aster,
    "binance": centralised.binance,
    "bitget": centralised.bitget,
    "bitmex": centralised.bitmex,
    "bybit": centralised.bybit,
    "dydx_v4": onchain.dydx_v4,
    "ethereal": onchain.ethereal,
    "extended": onchain.extended,
    "gate": centralised.gate,
    "htx": centralised.htx,
    "hyperliquid": onchain.hyperliquid,
    "kucoin": centralised.kucoin,
    "mexc": centralised.mexc,
    "okx": centralised.okx,
}


def by_name(name: str) -> VenueRules:
    """Look a venue up by its name in this module.

    Parameters
    ----------
    name : str
        E.g. ``"bitmex"``.

    Returns
    -------
    VenueRules

    Raises
    ------
    VenueError
        If there is no such venue; lists the known ones.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.venues.by_name("dydx_v4").name
    'dYdX v4'
    """
    if name not in _NAMED:
        raise VenueError(f"unknown venue {name!r}; known: {sorted(_NAMED)}")
    return _NAMED[name]
