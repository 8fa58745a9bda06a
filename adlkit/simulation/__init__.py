"""Price paths through the waterfall: one path, ensembles of them, and what a vault's capacity does.

`single` checks and starts; `run` goes through the steps; `accounts`, `liquidity` and `desk` are what it moves;
`parties` and `records` are what it writes down; `result` makes tables of that.
"""

from adlkit.simulation.break_even import simulated_break_even
from adlkit.simulation.capacity import CapacityCurve, capacity_curve
from adlkit.simulation.ensemble import EnsembleResult, simulate_ensemble
from adlkit.simulation.regression import OutcomeRegression, outcome_regression
from adlkit.simulation.result import SimulationResult
from adlkit.simulation.single import simulate

__all__ = [
    "CapacityCurve",
    "EnsembleResult",
    "OutcomeRegression",
    "SimulationResult",
    "capacity_curve",
    "outcome_regression",
    "simulate",
    "simulate_ensemble",
    "simulated_break_even",
]
