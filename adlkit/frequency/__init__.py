"""How often ADL happens, and what buffer makes it rare: price moves from their tails, distances from the panel.

`adl_frequency` answers the first question and `replayed_frequency` without a fitted tail or a factor; `size_buffer`,
`buffer_curve`, `cover_requirement` and `newsvendor_return_period` the second; `frequency_sensitivity` says what
leverage, depth and funds do to it. A `MarketFactor` is a shock that all symbols share.

>>> from adlkit import frequency
>>> round(frequency.newsvendor_return_period(cost_of_capital=0.1, cost_of_deficit=2.0), 2)
19.5
"""

from __future__ import annotations

from adlkit.frequency.cover import cover_requirement
from adlkit.frequency.estimate import FrequencyResult, adl_frequency
from adlkit.frequency.factor import MarketFactor
from adlkit.frequency.fund_curve import BufferCurve, buffer_curve
from adlkit.frequency.replay import replayed_frequency
from adlkit.frequency.sensitivity import frequency_sensitivity
from adlkit.frequency.sizing import BufferSize, newsvendor_return_period, size_buffer

__all__ = [
    "BufferCurve",
    "BufferSize",
    "FrequencyResult",
    "MarketFactor",
    "adl_frequency",
    "buffer_curve",
    "cover_requirement",
    "frequency_sensitivity",
    "newsvendor_return_period",
    "replayed_frequency",
    "size_buffer",
]
