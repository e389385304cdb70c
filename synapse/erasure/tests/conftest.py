"""A list of erasures that nobody has written into yet: it is a file, so no rollback takes it back."""

import pytest

from synapse.erasure import register


@pytest.fixture(autouse=True)
def nobody_erased() -> None:
    """Remove what a test before left in the list outside the database."""
    register.path().unlink(missing_ok=True)
