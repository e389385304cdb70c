"""What piles up and is of no use to anybody."""

from datetime import datetime

from django.contrib.sessions.backends.db import SessionStore

from synapse.common import jobs


def clean_up(at: datetime) -> None:
    """Delete jobs done long ago and expired sign-ins."""
    jobs.purge_finished(at)
    SessionStore.clear_expired()
