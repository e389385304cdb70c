"""A change of a session leaves its row in the audit trail, and the pages that watch the session hear of it."""

from functools import partial

from django.db import models, transaction

from sessions_app import watchers
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record


def record_change(
    session: ConsultationSession,
    verb: str,
    *,
    by: User | None,
    action: Action = Action.UPDATE,
    target: models.Model | None = None,
    **detail: str,
) -> None:
    """Record what was done to a session, or to a `target` of it; details that are empty are left out.

    Runs inside the caller's unit of work.
    """
    told = {"verb": verb, **{name: value for name, value in detail.items() if value}}
    record(action, by=by, target=target or session, patient_id=session.patient_id, detail=told)
    transaction.on_commit(partial(watchers.session_changed, session.pk))
