"""Lines no speaker means: whatever fills them, reading them takes a time that grows with their length and no faster."""

import re
import time

import pytest

from reports.generation import (
    answers,
    dictation,
    prompts,
    rewrite,
    tables,
    textnorm,
    therapy_prose,
    therapy_quotes,
    units,
)
from reports.generation.therapy_turns import whole_turns
from sessions_app.stt import numerals

from .conftest import talk

LENGTH = 20_000
MOST_SECONDS = 0.5  # where each place is tried to the end of the line, seconds to minutes


@pytest.mark.timeout(60)
@pytest.mark.parametrize("nod", ["mhm ", "mm-mm ", "mmmm ", "Mm-hmm, ", "m" * 50 + " "])
def test_a_row_of_nods_is_read_at_once(nod: str) -> None:
    # Read in two ways each, fifty nods are more than any machine reads.
    segments = talk("p: At the moment I am maybe-", f"d: {nod * 50}what then?", "p: -at a seven.")

    assert whole_turns(segments)[0] == segments


@pytest.mark.parametrize(
    ("pattern", "filling"),
    [
        (answers._TRAILING, ", "),
        (dictation._BORN, "and "),
        (numerals._MARKED, "?:"),
        (prompts._EMAIL, ".1"),
        (rewrite._DANGLING, " "),
        (rewrite._THANKS_END, " ,"),
        *((row[1], filling) for row in rewrite._PADDING for filling in (" ,", ", ")),
        (tables._CELLS["dose"], "1,"),
        (textnorm._CUT_OFF, "'1"),
        (therapy_prose._BROKEN_END, " "),
        (therapy_prose._STUTTER, "'1"),
        (therapy_prose._TRAILING, ",."),
        (therapy_quotes._TAIL, " "),
        (units._NODDING_TAG, " ,"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.timeout(60)
def test_a_line_of_one_sign_costs_its_length(pattern: re.Pattern[str], filling: str) -> None:
    line = (filling * LENGTH)[:LENGTH] + "\0"

    started = time.process_time()
    assert pattern.sub("", line)
    assert time.process_time() - started < MOST_SECONDS
