"""Readers of public data: one module per source, each turning its files into typed frames and checked panels.

A reader keeps facts as facts, renames what is not one, and reports every fault of a file in one
`SourceError`.

>>> from adlkit.sources import hyperliquid
>>> hyperliquid.read_adl_events.__name__
'read_adl_events'
"""

from __future__ import annotations

from adlkit.sources import hyperliquid

__all__ = ["hyperliquid"]
