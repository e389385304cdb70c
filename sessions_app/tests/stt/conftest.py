"""The speech engines by themselves, as the command tries them."""

import pytest

from synapse.outside import calls


@pytest.fixture(autouse=True)
def engines_alone():
    """Let them call their stand-ins without a database, on sound that is no patient's."""
    with calls.unrecorded():
        yield
