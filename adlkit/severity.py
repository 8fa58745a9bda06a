"""How much is taken: rules for the share of a deficit that winners are asked for, and the budget that follows.

Severity and allocation are two steps: `budget` says how much, `adlkit.allocate` from whom. A severity is the share of
a deficit [1] that is asked; the rules here give one per round, as a Series on the rounds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.budgets import Budget
from adlkit.errors import AllocationError


def budget(
    deficit: float | pd.Series, capacity: float | pd.Series, *, numeraire: str, severity: float | pd.Series = 1.0
) -> Budget:
    """Share of a deficit that winners are asked for, at most what they have.

    Parameters
    ----------
    deficit, capacity : float or Series
        Owed, and all that winners can give; both in the numeraire, >= 0.
    numeraire : str
        See `adlkit.Budget`.
    severity : float or Series, default 1
        Share of the deficit [1], within [0, 1]. 1 is the full match; a constant is the static rule; or the result of
        a rule of `adlkit.severity`, per round.

    Returns
    -------
    Budget
        min(severity x deficit, capacity). The queue that is asked for no more than this is the "smart queue": no
        overshoot, the queue's concentration.

    Raises
    ------
    AllocationError
        If an amount is negative, NaN or infinite, or a severity is outside [0, 1].

    References
    ----------
    .. [1] Chitra, "Autodeleveraging: Impossibilities and Optimization", arXiv 2512.01112, severity rules.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.severity.budget(15.0, 12.5, severity=0.5, numeraire="pnl").amount
    7.5
    """
    _check("deficit", deficit)
    _check("capacity", capacity)
    _check("severity", severity, most=1.0)
    for name, values in {"capacity": capacity, "severity": severity}.items():
        if isinstance(values, pd.Series):
            _check_rounds(name, values, deficit)
    asked = np.minimum(severity * deficit, capacity)
    return Budget(asked if isinstance(asked, pd.Series) else float(asked), numeraire, "severity x deficit")


def backoff(n_shocks: pd.Series, *, start: float, decay: float) -> pd.Series:
    """Exponential backoff: each recent shock lowers the severity by a factor.

    Parameters
    ----------
    n_shocks : Series
        Number of recent shocks at each round, >= 0.
    start, decay : float
        Severity without shocks [1], and factor per shock, both within [0, 1].

    Returns
    -------
    Series, index of `n_shocks`
        start x decay**n_shocks [1].

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or out of its range.

    References
    ----------
    .. [1] arXiv 2512.01112, main text. Its appendix defines another rule by this name, see `capped_backoff`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.severity.backoff(pd.Series([0, 1, 2]), start=0.8, decay=0.5).tolist()
    [0.8, 0.4, 0.2]
    """
    _check("n_shocks", n_shocks)
    _check("start", start, most=1.0)
    _check("decay", decay, most=1.0)
    return (start * decay**n_shocks).rename("severity")


def capped_backoff(deficit: pd.Series, largest: pd.Series, *, start: float, tolerance: float = np.inf) -> pd.Series:
    """Constant severity under a cap that keeps the price of anarchy within a tolerance.

    Parameters
    ----------
    deficit, largest : Series
        Deficit and largest endowment of each round [ccy].
    start : float
        Severity [1] without the cap.
    tolerance : float, default infinity
        Tolerated price of anarchy R; infinity sets no cap.

    Returns
    -------
    Series, index of `deficit`
        min(start, R / (1 + R) x largest / deficit) [1]; `start` where the tolerance is infinite or the deficit is 0.

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or out of its range, or the rounds differ.

    Notes
    -----
    The source prints max(decay x previous, start) as the candidate, which for a decay below 1 never leaves `start`: the
    rule is a constant under a cap, and the decay has no effect [1]_.

    References
    ----------
    .. [1] arXiv 2512.01112, appendix (exponential backoff).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> deficit, largest = pd.Series([10.0, 40.0]), pd.Series([8.0, 8.0])
    >>> adl.severity.capped_backoff(deficit, largest, start=0.5, tolerance=1.0).tolist()
    [0.4, 0.1]
    """
    _check("start", start, most=1.0)
    return _cap(deficit, largest, tolerance).clip(upper=start).rename("severity")


def mirror_descent(
    deficit: pd.Series,
    largest: pd.Series,
    *,
    start: float,
    step: float,
    reward: float,
    solvency: float,
    excess: float,
    tolerance: float = np.inf,
) -> pd.Series:
    """Subgradient descent on the severity: take more for solvency, less for fairness to the largest winner.

    Parameters
    ----------
    deficit, largest : Series
        Deficit D and largest endowment M of each round [ccy].
    start, step : float
        First severity [1], and first step; the step of round t is step / sqrt(t), halved while it raises the loss.
    reward, solvency, excess : float
        Weights a, b and nu of the loss -a s D + b (M - s D)+ + nu (s D - D)+**2. The source publishes none.
    tolerance : float, default infinity
        As in `capped_backoff`: the severity stays within [0, cap]. Without it only `excess` keeps it from going above
        1, which `budget` refuses.

    Returns
    -------
    Series, index of `deficit`
        Severity before each round's loss is seen [1]; round t uses rounds up to t - 1.

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or out of its range, or the rounds differ.

    References
    ----------
    .. [1] arXiv 2512.01112, appendix (mirror descent on severity). Its "dynamic2" starts the same descent at a point
       whose formula is not printed.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> rounds = pd.Series([10.0, 10.0]), pd.Series([2.0, 2.0])
    >>> adl.severity.mirror_descent(*rounds, start=0.5, step=0.01, reward=1.0, solvency=1.0, excess=1.0).tolist()
    [0.5, 0.6]
    """
    weights = {"reward": reward, "solvency": solvency, "excess": excess, "step": step}
    for name, value in weights.items():
        _check(name, value)
    _check("start", start, most=1.0)

    def loss(severity: float, owed: float, top: float) -> float:
        taken = severity * owed
        return -reward * taken + solvency * max(top - taken, 0.0) + excess * max(taken - owed, 0.0) ** 2

    def slope(severity: float, owed: float, top: float) -> float:
        over = 2.0 * excess * max(severity * owed - owed, 0.0) * owed
        return -reward * owed - solvency * owed * (top > severity * owed) + over

    cap = _cap(deficit, largest, tolerance)
    found, current = [], start
    for turn, (owed, top, most) in enumerate(zip(deficit, largest, cap, strict=True), start=1):
        current = min(current, most)
        found.append(current)
        length, gradient = step / np.sqrt(turn), slope(current, owed, top)
        moved = float(np.clip(current - length * gradient, 0.0, most))
        while moved != current and loss(moved, owed, top) > loss(current, owed, top):
            length /= 2.0
            moved = float(np.clip(current - length * gradient, 0.0, most))
        current = moved
    return pd.Series(found, index=deficit.index, name="severity", dtype=float)


def lagged(deficit: pd.Series) -> pd.Series:
    """Forecast of each round's deficit by the one before: a budget that is published in advance.

    Parameters
    ----------
    deficit : Series
        Deficit of each round [ccy], in order.

    Returns
    -------
    Series, index of `deficit`
        Deficit of the round before [ccy]; the first round forecasts itself. A budget on it overshoots by the forecast
        error.

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or out of its range.

    References
    ----------
    .. [1] arXiv 2512.01112, appendix (lagged publication).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.severity.lagged(pd.Series([5.0, 1.0, 9.0])).tolist()
    [5.0, 5.0, 1.0]
    """
    _check("deficit", deficit)
    return deficit.shift().fillna(deficit.iloc[:1]).rename("deficit")


def needed_severity(deficit: pd.Series, needed: pd.Series) -> pd.Series:
    """Severity that would have been enough, in hindsight.

    Parameters
    ----------
    deficit, needed : Series
        Deficit, and money that was needed to close it [ccy], of each round; needed is 0 where the deficit is.

    Returns
    -------
    Series, index of `deficit`
        min(1, needed / deficit) [1]; 0 where the deficit is 0. The source adds a small number to the deficit instead.

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or out of its range, or the rounds differ.

    References
    ----------
    .. [1] Chitra et al., "Autodeleveraging as Online Learning", arXiv 2602.15182, section 5.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.severity.needed_severity(pd.Series([10.0, 4.0]), pd.Series([2.0, 5.0])).tolist()
    [0.2, 1.0]
    """
    _check("deficit", deficit)
    _check("needed", needed)
    _check_rounds("needed", needed, deficit)
    share = (needed / deficit.where(deficit > 0)).clip(upper=1.0)
    return share.fillna(0.0).rename("severity")


def online_gradient(deficit: pd.Series, needed: pd.Series, *, start: float, step: float) -> pd.Series:
    """Projected online gradient descent on the gap to the needed severity.

    Parameters
    ----------
    deficit, needed : Series
        Deficit D and needed money of each round [ccy].
    start, step : float
        First severity [1], and step size [1/ccy], see `best_step`.

    Returns
    -------
    Series, index of `deficit`
        Severity of each round [1], from rounds before it: s - step x D sign(s - needed severity), within [0, 1].

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or out of its range, or the rounds differ.

    References
    ----------
    .. [1] arXiv 2602.15182, Proposition 1 (loss D abs(s - needed)).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> rounds = pd.Series([10.0, 10.0]), pd.Series([2.0, 2.0])
    >>> adl.severity.online_gradient(*rounds, start=0.5, step=0.01).tolist()
    [0.5, 0.4]
    """
    _check("start", start, most=1.0)
    _check("step", step)
    enough = needed_severity(deficit, needed)
    found, current = [], start
    for owed, target in zip(deficit, enough, strict=True):
        found.append(current)
        current = float(np.clip(current - step * owed * np.sign(current - target), 0.0, 1.0))
    return pd.Series(found, index=deficit.index, name="severity", dtype=float)


def best_step(deficit: pd.Series, needed: pd.Series) -> float:
    """Fixed step of `online_gradient` with the smallest regret bound, known in hindsight.

    Parameters
    ----------
    deficit, needed : Series
        As in `online_gradient`.

    Returns
    -------
    float
        sqrt((1 + 2 P) / sum D**2) [1/ccy], P the total variation of the needed severity; NaN without a deficit.

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or out of its range, or the rounds differ.

    References
    ----------
    .. [1] arXiv 2602.15182, Proposition 1.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> round(adl.severity.best_step(pd.Series([3.0, 4.0]), pd.Series([3.0, 0.0])), 6)
    0.34641
    """
    variation = float(needed_severity(deficit, needed).diff().abs().sum())
    mass = float((deficit**2).sum())
    return float(np.sqrt((1.0 + 2.0 * variation) / mass)) if mass > 0 else float("nan")


def no_wait_floor(deficit: pd.Series, premium: pd.Series) -> pd.Series:
    """Least severity at which a backstop provider acts at once instead of waiting.

    Parameters
    ----------
    deficit, premium : Series
        Deficit, and what the provider asks for taking it [ccy], of each round.

    Returns
    -------
    Series, index of `deficit`
        premium / deficit [1]; above 1 no severity is enough; NaN where the deficit is 0.

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or out of its range, or the rounds differ.

    Notes
    -----
    The source proves it for a premium that is linear in the deficit, while severity less premium does not grow [1]_.

    References
    ----------
    .. [1] arXiv 2512.01112, appendix (per-unit no-wait).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.severity.no_wait_floor(pd.Series([10.0]), pd.Series([2.0])).tolist()
    [0.2]
    """
    _check("deficit", deficit)
    _check("premium", premium)
    _check_rounds("premium", premium, deficit)
    return (premium / deficit.where(deficit > 0)).rename("severity")


def catalogue() -> pd.DataFrame:
    """All published severity rules, and why some are not here.

    Returns
    -------
    DataFrame, index ``id``
        ``rule`` (as the source names it), ``here`` (the name in adlkit; "" where left out), ``note``, ``source``.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.severity.catalogue().query("here == ''").index.tolist()
    ['S7', 'S12']
    """
    return pd.DataFrame(_CATALOGUE, columns=["id", "rule", "here", "note", "source"]).set_index("id")


_STATIC, _LEARNING = "arXiv 2512.01112", "arXiv 2602.15182"
_CATALOGUE = (
    ("S1", "full match", "severity.budget", "severity 1", _STATIC),
    ("S2", "static", "severity.budget", "severity a constant", _STATIC),
    ("S3", "smart queue budget", "severity.budget", "full match, given to a queue", _STATIC),
    ("S4", "exponential backoff, main text", "severity.backoff", "", _STATIC),
    ("S5", "exponential backoff, appendix", "severity.capped_backoff", "the printed decay has no effect", _STATIC),
    ("S6", "mirror descent on severity", "severity.mirror_descent", "weights are not published", _STATIC),
    ("S7", "dynamic2", "", "left out: the starting point's formula is not printed", _STATIC),
    ("S8", "lagged publication", "severity.lagged", "budget on the forecast deficit", _STATIC),
    ("S9", "online gradient descent", "severity.online_gradient", "with severity.best_step", _LEARNING),
    ("S10", "oracle needed budget", "severity.needed_severity", "hindsight: no rule to deploy", _LEARNING),
    ("S11", "no-wait floor", "severity.no_wait_floor", "", _STATIC),
    ("S12", "hybrid queue and levered pro rata", "", "left out: a figure only, no definition", _STATIC),
)


def _cap(deficit: pd.Series, largest: pd.Series, tolerance: float) -> pd.Series:
    """R / (1 + R) x largest / deficit; infinite without a tolerance or a deficit."""
    _check("deficit", deficit)
    _check("largest", largest)
    _check_rounds("largest", largest, deficit)
    if not tolerance >= 0:
        raise AllocationError(f"tolerance must be 0 or more, got {tolerance!r}")
    if np.isinf(tolerance):
        return pd.Series(np.inf, index=deficit.index)
    return (tolerance / (1.0 + tolerance) * largest / deficit.where(deficit > 0)).fillna(np.inf)


def _check_rounds(what: str, values: pd.Series, deficit: float | pd.Series) -> None:
    if not isinstance(deficit, pd.Series):
        raise AllocationError(f"{what} is given by round and deficit is one number: give both by round")
    if not values.index.equals(deficit.index):
        raise AllocationError(f"{what} must be a Series on the index of deficit")


def _check(what: str, amount: float | pd.Series, *, most: float = np.inf) -> None:
    values = np.asarray(amount, dtype=float)
    if bad := int((~(np.isfinite(values) & (values >= 0) & (values <= most))).sum()):
        limits = "not 0 or more" if np.isinf(most) else f"outside [0, {most:g}]"
        raise AllocationError(f"{what}: {bad} values are NaN, infinite or {limits}")
