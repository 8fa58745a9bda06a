"""What a simulation writes down: raw arrays by step, of which `SimulationResult` makes its tables when asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from adlkit.contracts import Floats
from adlkit.groups import Codes
from adlkit.tally import ADL, LIQUIDATED, Stages
from adlkit.waterfall import Waterfall

RELIEF, EXIT, FUNDING = "relief", "exit", "funding"


class StageChunk(NamedTuple):
    """Stages of one event, with the code and mark of each market (rows)."""

    step: int
    market: Codes
    mark: Floats
    stages: Stages


class Closing(NamedTuple):
    """Contracts of liquidated positions that a stage has closed: rows, contracts, value of one as traded."""

    step: int
    stage: str
    row: Codes
    qty: Floats
    value: Floats


class Deleveraging(NamedTuple):
    """Pieces of deleveraging: rows of the bankrupt (-1: the vault that is named) and of the winners."""

    step: int
    vault: str
    bankrupt: Codes
    winner: Codes
    qty: Floats
    value: Floats
    mark: Floats
    realized: Floats
    forgone: Floats


class VaultTrade(NamedTuple):
    """A trade of a vault: contracts bought (sold, below zero), value of one, other cash received, fee paid."""

    step: int
    vault: str
    symbol: int
    qty: float
    value: float
    cash: float
    fee: float
    kind: str


@dataclass
class Records:
    """All that happened, in order."""

    stages: list[StageChunk] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    deleveragings: list[Deleveraging] = field(default_factory=list)
    vault_trades: list[VaultTrade] = field(default_factory=list)
    funding: list[tuple[int, str, Floats]] = field(default_factory=list)
    ledger: list[tuple[int, str, dict[str, float]]] = field(default_factory=list)
    liquidated: list[tuple[int, Codes]] = field(default_factory=list)

    def event(self, step: int, event: Waterfall, rows: Codes) -> None:
        """Note an event over accounts whose positions are `rows` of the panel."""
        tally, distress = event.tally, event.distress
        first = distress.first_rows
        market = tally.standing.market[distress.row[first]]
        self.stages.append(StageChunk(step, market, distress.mark[first], tally.stages(distress)))
        self.liquidated.append((step, rows[distress.row]))
        for stage, closed in tally.closed.items():
            where = np.flatnonzero(closed)
            if stage != ADL and len(where):
                value = tally.worth[stage][where] / closed[where]
                self.closings.append(Closing(step, stage, rows[where], closed[where], value))
        self.ledger += [(step, stage, dict(moved)) for stage, moved in tally.ledger.items()]
        self._pieces(step, event, bankrupt=rows[distress.row[event.pairs.first]], vault="")

    def relief(self, step: int, event: Waterfall, vault: str) -> None:
        """Note an event in which the inventory of a vault was closed against winners."""
        for moved in event.tally.ledger.values():
            renamed = {vault if party == LIQUIDATED else party: amount for party, amount in moved.items()}
            self.ledger.append((step, RELIEF, renamed))
        self._pieces(step, event, bankrupt=np.full(len(event.pairs.qty), -1), vault=vault)

    def _pieces(self, step: int, event: Waterfall, *, bankrupt: Codes, vault: str) -> None:
        standing, (first, winner, qty) = event.tally.standing, event.pairs
        if len(qty):
            value, side = event.fill_value[first], standing.side[winner]
            pieces = Deleveraging(
                step=step,
                vault=vault,
                bankrupt=bankrupt,
                winner=winner,
                qty=qty,
                value=value,
                mark=standing.mark[winner],
                realized=qty * side * (value - standing.entry[winner]),
                forgone=qty * side * (standing.mark[winner] - value),
            )
            self.deleveragings.append(pieces)
