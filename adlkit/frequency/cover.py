"""What the largest defaulters owe in stress scenarios: cover-1 and cover-2 of clearing houses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit.errors import CurveError
from adlkit.frequency.lines import one_moment, owners
from adlkit.frequency.scenarios import account_deficits, checked_moves
from adlkit.groups import Codes, account_groups

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def cover_requirement(panel: pd.DataFrame, moves: pd.DataFrame, *, counts: Sequence[int] = (1, 2)) -> pd.DataFrame:
    """Sum of the largest deficits of accounts, or owners, in each scenario.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment, in one settlement currency. Where ``owner`` is given, deficits of the accounts
        of one owner are added up: margin of one account does not serve another.
    moves : DataFrame, scenario x symbol
        Moves of all symbols at once [1], above -1.
    counts : sequence of int, default (1, 2)
        How many of the largest are covered, >= 1.

    Returns
    -------
    DataFrame, index of `moves`
        ``cover_1``, ``cover_2``, ... and ``all`` [ccy]. The requirement of a clearing house is the largest of a column.

    Raises
    ------
    CurveError
        If moves miss a symbol or are not finite and above -1, if a count is below one, or the panel has times or
        several currencies.

    References
    ----------
    .. [1] CPSS-IOSCO, Principles for financial market infrastructures (2012), principle 4: cover the participant, or
       the two participants, whose default would cause the largest credit exposure.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> stress = pd.DataFrame({"BTC": [-0.2, 1.0]}, index=["crash", "squeeze"])
    >>> adl.frequency.cover_requirement(adl.load_dataset("four_accounts"), stress).to_dict("index")["squeeze"]
    {'cover_1': 20.0, 'cover_2': 40.0, 'all': 40.0}
    """
    one_moment(panel)
    if not len(counts) or any(count < 1 or count != int(count) for count in counts):
        raise CurveError(f"counts must be whole numbers of one or more, got {counts!r}")
    own = checked_moves(panel, moves, "moves")
    owed = account_deficits(panel, own)
    if "owner" in panel:
        owner = account_groups(panel).first(owners(panel))
        owed = _summed(owed, owner)
    largest = -np.sort(-owed.toarray(), axis=0)[: max(counts)].cumsum(axis=0)
    columns = {f"cover_{count}": largest[min(count, len(largest)) - 1] for count in counts}
    return pd.DataFrame(columns | {"all": owed.sum(axis=0)}, index=own.index)


def _summed(owed: csr_array, owner: Codes) -> csr_array:
    """Deficits of each owner."""
    from scipy.sparse import coo_array

    shape = (int(owner.max()) + 1, len(owner))
    return coo_array((np.ones(len(owner)), (owner, np.arange(len(owner)))), shape=shape).tocsr() @ owed
