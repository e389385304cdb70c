"""A patient about whom everything is known, and the search for what of it is left."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.db import connection, models

from billing.tests.factories import make_bill, pay
from patients import holds
from patients.merging import services as merging
from patients.models import Consent, ConsentLink, Patient
from patients.tests.factories import make_patient
from reports.models import StyleRule
from reports.services import addenda, sharing
from reports.tests.factories import CONSULTATION, make_report, make_words
from scheduling.models import WaitingEntry, WalkIn
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from sessions_app.models import AudioUpload, ConsultationSession
from sessions_app.tests.factories import make_consent, make_session, record_audio
from synapse.accounts.models import User
from synapse.api.models import IdempotencyKey
from synapse.common.models import Job
from synapse.encryption import erasing
from synapse.encryption.rotation import encrypted_fields

CANARY = "Quetzalcoatlus"
ORDER = "District Court, 4 C 112/26"


def make_known_patient(doctor: User, admin: User, at: datetime) -> Patient:
    """Make a patient with a recording, words, a signed report that was shared, visits, bills, and a merged record."""
    patient = make_patient(doctor=doctor, first_name=CANARY, email=f"{CANARY}@mail.example", tags=[CANARY])
    session = make_session(doctor, patient=patient, at=at - timedelta(hours=9))
    make_consent(patient, by=doctor, kind=Consent.Kind.KEEP_AUDIO, at=at - timedelta(hours=9))
    record_audio(session, at=at - timedelta(hours=9))
    sessions.complete_session(session, by=doctor, at=at - timedelta(hours=8))
    session.transcriptions.all().delete()
    Job.objects.all().delete()  # nobody writes its words while the test looks
    make_words(session, [*CONSULTATION, ("patient", f"My brother {CANARY} drove me here.")])
    report = make_report(doctor, session=session, status="signed")
    addendum = addenda.open_addendum(report, by=doctor, at=at)
    addenda.sign_addendum(addendum, CANARY, by=doctor, at=at, password_checked=True)
    make_consent(patient, by=doctor, kind=Consent.Kind.DATA_SHARING)
    _share(report, doctor, at)
    make_appointment(
        doctor, patient=patient, scheduled_at=at - timedelta(days=3), status="completed", chief_complaint=CANARY
    )
    bill = make_bill(doctor, patient=patient, status="sent", at=at - timedelta(hours=4))
    pay(bill, bill.total_amount, by=doctor, at=at, reference=CANARY)
    hold = holds.place_hold(patient, reason=CANARY, by=admin, at=at)
    holds.release_hold(hold, by=admin, at=at)
    other = make_patient(doctor=doctor, last_name=CANARY)
    merging.merge_records(patient, other, choices={}, reason=CANARY, by=admin, at=at)
    _more(patient, session, doctor, at)
    fill(patient)
    return Patient.objects.get(pk=patient.pk)


def fill(patient: Patient) -> None:
    """Put the canary into every free text about a patient that is not sealed."""
    for rows in erasing.covered().values():
        columns = [
            column
            for column in encrypted_fields(rows.table)
            if isinstance(column, models.TextField | models.CharField) and column.name not in rows.keep
        ]
        names = {column.name for column in rows.table._meta.concrete_fields}
        if not columns or "key_generation" in names or rows.model == "patients.Patient":
            continue
        rows.of(patient.pk).update(**{column.name: CANARY for column in columns})


def readable(word: str) -> list[str]:
    """Return where in the whole database a word can be read with the keys of the settings."""
    found = []
    for model in apps.get_models():
        names = [column.name for column in encrypted_fields(model)]
        found += [
            model._meta.label
            for values in (model._base_manager.values_list(*names) if names else ())
            if word in str(values)
        ]
    return found


def ciphertexts(patients: list[Patient]) -> list[bytes]:
    """Return what is stored of the texts about these patients that an erasure destroys, as bytes on the disk."""
    found: list[bytes] = []
    with connection.cursor() as cursor:
        for rows in erasing.covered().values():
            columns = [column.column for column in encrypted_fields(rows.table) if column.name not in rows.keep]
            keys = [key for patient in patients for key in rows.of(patient.pk).values_list("pk", flat=True)]
            table, key = rows.table._meta.db_table, rows.table._meta.pk.column
            for one in keys if columns else ():
                value = rows.table._meta.pk.get_db_prep_value(one, connection)
                cursor.execute(f'SELECT {", ".join(columns)} FROM "{table}" WHERE {key} = %s', [value])
                found += [text.encode()[-120:] for text in cursor.fetchone() if text]
    return found


def _share(report: Any, doctor: User, at: datetime) -> None:
    shared = sharing.share_report(
        report,
        audience="provider",
        document="report",
        email=f"{CANARY}@hospital.example",
        expires_in_hours=24,
        uses=2,
        by=doctor,
        at=at,
    )
    sharing.open_share(shared.path.rstrip("/").rpartition("/")[2], pin="", device=CANARY, at=at)


def _more(patient: Patient, session: ConsultationSession, doctor: User, at: datetime) -> None:
    """Add rows whose way through the product is long."""
    asked = Consent.objects.create(
        patient=patient, kind="telehealth", method="link", status="expired", recorded_by=doctor, text_hash="0" * 64
    )
    ConsentLink.objects.create(consent=asked, channel="email", token_hash=uuid4().hex, due_at=at, status="sent")
    WaitingEntry.objects.create(patient=patient, doctor=doctor, appointment_type="followup", added_by=doctor)
    visit = patient.appointments.get()
    WalkIn.objects.create(noted_by=doctor, appointment=visit, arrived_at=at, note=CANARY)
    AudioUpload.objects.create(
        session=session, source="upload", status="failed", created_by=doctor, last_part_at=at - timedelta(days=2)
    )
    report = session.reports.get()
    StyleRule.objects.create(
        doctor=doctor,
        kind="wording",
        rule={"from": CANARY, "to": "x"},
        sources=[{"report": str(report.pk), "before": CANARY}],
    )
    for body in (f'{{"id": "{report.pk}", "text": "{CANARY}"}}', '{"id": "something else"}'):
        IdempotencyKey.objects.create(
            user=doctor, key_hash=uuid4().hex, request_hash=uuid4().hex, status_code=201, body=body
        )
