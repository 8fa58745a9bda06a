"""How a vault gets rid of what it has taken over: exit rules, as values.

An exit rule looks at the lots that a vault holds of one symbol and answers how much of each it wants to trade away
now. Rules that take trade in the book, as far as it is deep; a passive rule waits for the mark to come to its quote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from adlkit.contracts import Floats
from adlkit.errors import VenueError

ROUNDING = 1e-9
"""Share of a duration by which times may be off."""


class Lots(NamedTuple):
    """What a vault holds of one symbol, oldest first: age [s], contracts taken over, and those left, never negative."""

    age: Floats
    taken: Floats
    left: Floats


class ExitRule(Protocol):
    """How much of each lot is to be traded away now; `volume` [contracts] is what the market traded in this step."""

    @property
    def spread(self) -> float | None:
        """Distance [1] from the mark at which it quotes; None if it trades in the book."""

    @property
    def needs_volume(self) -> bool:
        """Whether it follows the volume of the market."""

    def due(self, lots: Lots, volume: float) -> Floats:
        """Contracts of each lot."""


@dataclass(frozen=True)
class Immediate:
    """Trade everything away in the book, at once.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.BackstopVault(1e6, exit_rule=adl.exits.Immediate()).exit_rule
    Immediate()
    """

    spread: ClassVar[None] = None
    needs_volume: ClassVar[bool] = False

    def due(self, lots: Lots, volume: float) -> Floats:  # noqa: ARG002
        """All that is left."""
        return lots.left


@dataclass(frozen=True)
class Hold:
    """Keep each lot for `duration` [s] and then trade it away in the book; the default keeps it for good.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.exits.Hold(3600.0).duration
    3600.0
    """

    duration: float = np.inf
    spread: ClassVar[None] = None
    needs_volume: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check(self, "duration", self.duration, at_least=0.0)

    def due(self, lots: Lots, volume: float) -> Floats:  # noqa: ARG002
        """Lots of that age."""
        return np.where(lots.age >= self.duration * (1.0 - ROUNDING), lots.left, 0.0)


@dataclass(frozen=True)
class Twap:
    """Trade each lot away in the book at an even pace over `duration` [s]; what the book did not take is caught up.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.exits.Twap(600.0)
    Twap(duration=600.0)
    """

    duration: float
    spread: ClassVar[None] = None
    needs_volume: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check(self, "duration", self.duration)

    def due(self, lots: Lots, volume: float) -> Floats:  # noqa: ARG002
        """What exceeds the part of each lot that may still be held at its age."""
        kept = np.maximum(1.0 - lots.age / self.duration, 0.0)
        return np.maximum(lots.left - lots.taken * np.where(kept <= ROUNDING, 0.0, kept), 0.0)


@dataclass(frozen=True)
class Participation:
    """Trade in the book at most `share` [1] of the market's volume in each step, oldest lot first.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.exits.Participation(0.1).share
    0.1
    """

    share: float
    spread: ClassVar[None] = None
    needs_volume: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self, "share", self.share, at_most=1.0)

    def due(self, lots: Lots, volume: float) -> Floats:
        """Oldest first, up to its share of the volume."""
        return _oldest_first(lots, self.share * volume)


@dataclass(frozen=True)
class Passive:
    """Quote away from the mark by `spread` [1] and wait; a quote that the next mark reaches is filled there.

    At most `share` [1] of the volume of the step is filled. The quote is renewed at every step.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.exits.Passive(spread=0.002, share=0.1).spread
    0.002
    """

    spread: float
    share: float
    needs_volume: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self, "spread", self.spread, at_least=0.0, at_most=1.0)
        _check(self, "share", self.share, at_most=1.0)

    def due(self, lots: Lots, volume: float) -> Floats:
        """Oldest first, up to its share of the volume."""
        return _oldest_first(lots, self.share * volume)


def _oldest_first(lots: Lots, amount: float) -> Floats:
    """Share of a volume that traded before this step: what was taken over in it has seen none."""
    waiting = np.where(lots.age > 0, lots.left, 0.0)
    return np.diff(np.minimum(np.cumsum(waiting), amount), prepend=0.0)


def _check(rule: ExitRule, name: str, number: float, *, at_least: float | None = None, at_most: float = np.inf) -> None:
    low = number > 0 if at_least is None else number >= at_least
    if not (low and number <= at_most):
        bound = "above 0" if at_least is None else f"{at_least:g} or more"
        above = "" if at_most == np.inf else f" and at most {at_most:g}"
        raise VenueError(f"{type(rule).__name__}: {name} must be {bound}{above}, got {number!r}")
