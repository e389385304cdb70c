from datetime import timedelta

from django.utils import timezone

from synapse.backups import readiness
from synapse.common import backup_state
from synapse.common.readiness import State


def states():
    return [check.look().state for check in readiness.checks()]


def test_no_backup_an_old_one_and_a_fresh_one_are_told_apart(db, settings, tmp_path):
    settings.DATA_DIR, settings.BACKUP_DIR = tmp_path, ""
    assert states() == [State.OPEN, State.OPEN]

    settings.BACKUP_DIR = str(tmp_path)
    now = timezone.now()
    for kind in ("backup", "drill"):
        backup_state.note(kind, backup_state.Event(now - timedelta(days=30), "one"))
    assert states() == [State.OPEN, State.OPEN]

    for kind in ("backup", "drill"):
        backup_state.note(kind, backup_state.Event(now, "two"))
    assert states() == [State.DONE, State.DONE]
