"""Do several things at the same moment, each over a connection of its own."""

import threading
from collections.abc import Callable, Sequence

from django.db import connection

LONGEST_SECONDS = 60


def at_once(acts: Sequence[Callable[[], object]]) -> list[str]:
    """Run all acts at the same moment; return what came of each, "done" or the name of its error, sorted.

    Raises AssertionError when one waits for ever.
    """
    outcomes: list[str] = []
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        barrier.wait(LONGEST_SECONDS)
        try:
            act()
            outcomes.append("done")
        except Exception as error:  # noqa: BLE001 -- whatever it is, the test compares its name
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    return sorted(outcomes)
