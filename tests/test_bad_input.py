"""Bad input gets one clear error of our own, which says what was found; see `bad_inputs.py`."""

from __future__ import annotations

import re

import pytest
from bad_inputs import CASES, message


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_in_words(case: str) -> None:
    told = message(case)
    assert re.search(CASES[case][1], told), told
    assert len(told) < 1000, "an error is read by a person"


def test_all_faults_of_a_frame_are_told_at_once() -> None:
    from bad_inputs import frame

    import adlkit as adl

    with pytest.raises(adl.errors.PanelError) as caught:
        adl.build_panel(frame(qty=[float("nan"), 1, 2], entry_price=-1.0, mark_price=["a", "b", "c"], account=None))
    assert len(caught.value.problems) == 4
