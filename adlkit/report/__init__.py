"""Reports: one self-contained HTML file with headline, figures and tables in reading order.

>>> from adlkit.report import build_report
>>> build_report.__name__
'build_report'
"""

from __future__ import annotations

from adlkit.report.event import build_report
from adlkit.report.fills import build_events_report

__all__ = ["build_events_report", "build_report"]
