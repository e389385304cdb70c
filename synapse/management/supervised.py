"""What a supervised command knows of its supervisor."""

import os

from synapse.startup import refuse_unsafe_start

SUPERVISED = "SYNAPSE_SUPERVISED"


def refuse_unsafe_start_alone() -> None:
    """Check before serving, unless `up` did so a moment ago. Raises CommandError."""
    if not os.environ.get(SUPERVISED):
        refuse_unsafe_start()
