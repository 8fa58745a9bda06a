"""What can go wrong, in words: a short family of errors, each also a standard type."""

from __future__ import annotations

from collections.abc import Sequence


class AdlkitError(Exception):
    """Any error that adlkit raises on purpose."""


class PanelError(AdlkitError, ValueError):
    """A panel, its marks or its margin tiers are not usable; lists every fault that was found.

    Parameters
    ----------
    problems : sequence of str
        One sentence per fault: what is wrong, where, and what to do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n- ".join([f"{count} in the panel:", *self.problems]))

    def __reduce__(self) -> tuple[type[PanelError], tuple[list[str]]]:
        return type(self), (self.problems,)


class ScoreError(AdlkitError, ValueError):
    """A score did not return one number per position."""


class AllocationError(AdlkitError, ValueError):
    """Targets, capacities or weights that no rule can serve."""


class MetricError(AdlkitError, ValueError):
    """Amounts, ranks or fills that a metric cannot read."""


class CurveError(AdlkitError, ValueError):
    """A curve that cannot be built from this panel, or not be asked this."""


class PathError(AdlkitError, ValueError):
    """Price paths that cannot be made of these numbers or bars, or not be asked this."""


class TailError(AdlkitError, ValueError):
    """Price moves that a tail cannot be fitted to, or a question that it cannot answer."""


class TailWarning(UserWarning):
    """The data hardly support what was asked of a tail."""


class BookError(AdlkitError, ValueError):
    """An order book that cannot be used, or not at this mark."""


class VenueError(AdlkitError, ValueError):
    """Venue rules or buffers that do not fit together, or that miss an input."""


class DatasetError(AdlkitError, OSError):
    """An embedded dataset is unknown, missing or damaged."""


class SourceError(AdlkitError, ValueError):
    """A file of a data source is not what its reader expects."""
