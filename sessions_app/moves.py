"""Move a session that was begun under the wrong patient to the right one; the other apps' part is in `workflows`."""

from datetime import datetime
from functools import partial

from django.db import transaction

from patients import services as patients
from patients.models import Patient, PatientAccess
from sessions_app import permissions, watchers
from sessions_app.models import ConsultationSession, SessionMove
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError


class ReasonMissing(DomainError):
    """A move needs its reason."""

    code = "reason_missing"


def move_session(session: ConsultationSession, to: Patient, *, reason: str, by: User, at: datetime) -> SessionMove:
    """Give a session with its sound, words, marks and notes to another patient.

    The doctor's access to both records follows. Raises ReasonMissing and what `permissions.check_can_move` raises.
    """
    if not reason.strip():
        raise ReasonMissing("Say why the session is moved.")
    with unit_of_work():
        session.refresh_from_db(fields=["patient", "status", "audio_deleted_at"])
        permissions.check_can_move(by, session, to, at=at)
        was = session.patient
        move = SessionMove.objects.create(
            session=session, from_patient=was, to_patient=to, reason=reason.strip(), by=by, at=at
        )
        session.patient, session.updated_at = to, at
        session.save(update_fields=["patient", "updated_at"])
        patients.grant_access(to, doctor=session.doctor, source=PatientAccess.Source.SEEN, by=by, at=at)
        if not ConsultationSession.objects.filter(patient__in=was.records(), doctor=session.doctor).exists():
            patients.end_access(was, doctor=session.doctor, source=PatientAccess.Source.SEEN, by=by, at=at)
        for patient in (was, to):
            latest = ConsultationSession.objects.filter(patient__in=patient.records()).order_by("-started_at").first()
            patients.set_last_seen(patient, latest.started_at if latest else None)
        # One row in the trail of each record: both were touched.
        for patient, verb in ((was, "move_away"), (to, "move_here")):
            record(Action.UPDATE, by=by, target=session, patient_id=patient.pk, detail={"verb": verb})
        transaction.on_commit(partial(watchers.session_changed, session.pk))
    return move
