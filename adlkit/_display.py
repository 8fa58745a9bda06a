"""Text and HTML of result objects, both views of their `summary()`."""

from __future__ import annotations

from typing import Protocol

import pandas as pd


class _HasSummary(Protocol):
    def summary(self) -> pd.Series: ...


def format_number(value: float) -> str:
    """Write `value` with at most six significant digits: stored outputs must not differ between CPUs."""
    rounded = float(f"{value:.6g}") + 0.0
    return f"{rounded:,.0f}" if 1e6 <= abs(rounded) < 1e15 else f"{rounded:,.6g}"


class SummaryRepr:
    """Mixin: a result introduces itself by its summary."""

    def _shown(self: _HasSummary) -> pd.DataFrame:
        return self.summary().map(format_number).astype("str").to_frame("")

    def __repr__(self: _HasSummary) -> str:
        rows = SummaryRepr._shown(self).to_string(header=False)
        return f"{type(self).__name__}\n{rows}"

    def _repr_html_(self: _HasSummary) -> str:
        return SummaryRepr._shown(self).to_html(header=False, escape=True)
