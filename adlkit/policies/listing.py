"""The catalogue: every published allocation rule, where it is in adlkit, and what is left out."""

from __future__ import annotations

import pandas as pd

_STATIC, _LEARNING, _RISK = "arXiv 2512.01112", "arXiv 2602.15182", "arXiv 2603.15963"
_CODE, _SOLVER = "github:pluriholonomic/autodeleveraging-analysis", "github:nataschahey/adl-solver"
_CATALOGUE = (
    ("A1", "queue", "money", "rules.queue", "ties: larger notional, then account", _STATIC),
    ("A2", "queue of contracts", "contracts", "policies.profit_queue", "last one in part", "venues"),
    ("A3", "smart queue", "money", "rules.queue", "asked for a budget of the full match", _STATIC),
    ("A4", "wealth pro rata", "money", "policies.profit_pro_rata", "", _STATIC),
    ("A5", "weighted pro rata with caps", "money", "rules.pro_rata", "closed form of the code's rounds", _CODE),
    ("A6", "levered pro rata", "money", "policies.levered_pro_rata", "as printed it misses the budget", _STATIC),
    ("A7", "capped pro rata", "money", "policies.capped_pro_rata", "programme of the appendix", _STATIC),
    ("A8", "risk-aware pro rata", "money", "policies.risk_aware", "its optimality claim is false", _STATIC),
    ("A9", "contract pro rata in whole contracts", "contracts", "integer.contract_pro_rata", "real lots", _CODE),
    ("A10", "money rounded to contracts", "contracts", "integer.round_money", "", _CODE),
    ("A11", "min-max, continuous", "money", "rules.pro_rata", "equals pro rata by the normaliser", _LEARNING),
    ("A12", "min-max, integer", "contracts", "integer.min_max", "HiGHS, with its own status", _LEARNING),
    (
        "A13",
        "fixed-point rounding",
        "contracts",
        "integer.fixed_point",
        "reported there as the optimum",
        _CODE,
    ),
    ("A14", "vector mirror descent, published", "money", "rules.incentive_descent", "no coefficients printed", _STATIC),
    ("A15", "vector mirror descent, as coded", "money", "policies.vector_descent", "one projection", _CODE),
    ("A16", "descent with incentive constraints", "", "", "left out: no parameters, no code", _STATIC),
    ("A17", "water-filling", "contracts", "policies.water_filling", "equity <= 0 first, which the code lacks", _RISK),
    ("A18", "CVaR cutoff", "contracts", "cvar_cutoff", "reconstruction from the abstract", _RISK),
    ("A19", "factor water-filling", "contracts", "factor_water_fill", "clears asset by asset", _SOLVER),
    ("A20", "shadow prices", "contracts", "shadow_price", "with a certificate of optimality", _SOLVER),
    ("A21", "random start", "contracts", "scores.random_start", "skipping: run_event", "github:dydxprotocol/v4-chain"),
    ("A22", "socialised loss factor", "money", "policies.equity_pro_rata", "on claims of both sides", "Paradex"),
    ("A23", "partial tear-up", "contracts", "policies.contract_pro_rata", "", "CPMI-IOSCO 2014"),
)


def catalogue() -> pd.DataFrame:
    """All published allocation rules: where each is in adlkit, and what is left out.

    Returns
    -------
    DataFrame, index ``id``
        ``rule`` (as the source names it), ``unit`` of what is taken, ``here`` (the name in adlkit; "" where left out),
        ``note`` (what was corrected, or why it is left out), ``source``.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.catalogue().loc["A17", "here"]
    'policies.water_filling'
    """
    return pd.DataFrame(_CATALOGUE, columns=["id", "rule", "unit", "here", "note", "source"]).set_index("id")
