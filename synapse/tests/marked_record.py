"""A consultation through the product's own doors, every word of the patient marked, all of it committed.

What hangs on the patient is made by `make_known_patient`, which marks every encrypted text; what leads past the record
(forms, searches, programs, files brought in and given away) is done here.
"""

import io
import random
import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from billing.models import Bill
from billing.services import issuing
from billing.tests.factories import make_bill
from patients.emergency import services as emergency
from patients.models import Patient
from patients.tests.factories import make_patient
from reports.tests.factories import make_report
from scheduling.services import appointments, sending
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from sessions_app.tests.factories import make_session, record_audio, tone
from sessions_app.tests.speech_jobs import run_jobs
from sessions_app.tests.uploading import begin, bring, send
from synapse.accounts.models import ClinicSettings, User
from synapse.erasure.tests.factories import CANARY, make_known_patient
from synapse.psychotherapy import services as private_notes
from synapse.records import amendments
from synapse.records import services as imports
from synapse.records.exports import services as exports
from synapse.webhooks.kinds import NEEDS, Kind
from synapse.webhooks.tests.factories import make_endpoint

# What a message to the patient may hold: whom it is for.
NAME = f"{CANARY}name"
PHONE = "9820047113"
BORN = "1937-03-14"
WRITTEN = (
    *("address", "occupation", "emergency_contact_name", "insurance_provider", "insurance_policy_number"),
    *("allergies", "medical_history", "current_medications", "notes"),
)
# An hour at which messages go out, whenever the test runs.
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# What the speech engine hears; the writing engine takes it over.
SAID = f"I have been feeling depressed and my sleep is poor since {CANARY} left."


def pcm_with_mark(milliseconds: int = 2_000) -> bytes:
    """Return noise that has the mark in its samples."""
    noise = random.Random(7).randbytes(milliseconds * 32)
    word = CANARY.encode().ljust(32, b".")
    return noise[:16_000] + word * 50 + noise[16_000 + 50 * len(word) :]


def wave_with_mark() -> bytes:
    """Return a sound file of it."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(pcm_with_mark())
    return out.getvalue()


def fill_the_house(
    doctor: User, stranger: User, desk: User, admin: User, api: Callable[..., APIClient], *, at: datetime
) -> Patient:
    """Do everything a clinic does with a patient's words; return one of the patients."""
    clinic = ClinicSettings.load()
    clinic.message_channels = "email"
    clinic.save()
    make_endpoint(admin, *(Kind(kind) for kind in NEEDS))
    make_known_patient(doctor, admin, at)
    patient = make_patient(
        doctor,
        first_name=NAME,
        last_name=NAME,
        phone_primary=f"+91{PHONE}",
        date_of_birth=datetime.fromisoformat(BORN).date(),
        email="reader@mail.example",
        **dict.fromkeys(WRITTEN, CANARY),
    )
    _be_seen(doctor, patient)
    _visit_and_pay(doctor, patient)
    private = private_notes.begin_note(patient, by=doctor, at=timezone.now())
    private_notes.save_note(private, text=CANARY, based_on=private.saved_at, by=doctor, at=timezone.now())
    emergency.open_record(patient, kind="danger", reason=f"{CANARY} was found.", by=stranger, at=timezone.now())
    today = timezone.now().date()
    amendments.note_amendment(patient, wanted=CANARY, received_on=today, by=desk, at=timezone.now(), statement=CANARY)
    _type_and_search(_signed_in(doctor), api(doctor), patient)
    _take_in(doctor, desk)
    _give_away(doctor, patient)
    return patient


def _be_seen(doctor: User, patient: Patient) -> None:
    """Record, write, bring a file, and have a report written of what was said."""
    session = make_session(doctor, patient=patient, chief_complaint=CANARY)
    for pad in sessions.PADS:
        sessions.save_pad(session, pad, text=CANARY, based_on=None, by=doctor, at=timezone.now())
    record_audio(session, pcm_with_mark())
    sessions.complete_session(session, by=doctor, at=timezone.now())
    run_jobs()
    report = make_report(doctor, session=session, status="signed")
    assert CANARY in str(report.structured_data)
    by_phone = make_session(doctor, patient=patient, status="completed", with_recording=False)
    bring(by_phone, wave_with_mark())
    waiting = make_session(doctor, patient=patient, status="completed", with_recording=False)
    half = wave_with_mark() + tone(4_000)
    send(begin(waiting, half), half, end=100_000)


def _visit_and_pay(doctor: User, patient: Patient) -> None:
    """Book, be written to, cancel, bill."""
    day, said = MORNING + timedelta(days=9), {"chief_complaint": CANARY, "notes": CANARY}
    visit = make_appointment(doctor, patient=patient, scheduled_at=day, at=MORNING, **said)
    sending.send_due(MORNING + timedelta(hours=1))
    cancelled_at = MORNING + timedelta(hours=2)
    appointments.cancel_appointment(visit, reason=CANARY, by=doctor, at=cancelled_at)
    sending.send_due(cancelled_at + timedelta(hours=1))
    bill = make_bill(doctor, patient=patient)
    Bill.objects.filter(pk=bill.pk).update(notes=CANARY, internal_notes=CANARY)
    bill.refresh_from_db()
    issuing.send_bill(bill, by=doctor, at=timezone.now())


def _type_and_search(browser: Client, program: APIClient, patient: Patient) -> None:
    """Type the words into forms and searches, of pages and of the API, rightly and wrongly, and read them again."""
    typed = {"first_name": CANARY, "last_name": CANARY, "gender": "female", "notes": CANARY, "date_of_birth_day": "x"}
    assert browser.post("/patients/new/", typed).status_code == 422
    assert NAME in browser.post("/patients/search/", {"query": NAME}).content.decode()
    new = {
        "first_name": CANARY,
        "last_name": CANARY,
        "date_of_birth": BORN,
        "gender": "female",
        "phone_primary": "+919820047114",
        "notes": CANARY,
    }
    answers = [program.post("/api/v1/patients/", new, headers={"Idempotency-Key": CANARY}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert NAME in program.post("/api/v1/patients/search/", {"query": NAME}).content.decode()
    assert NAME in program.get("/api/v1/patients/", {"search": NAME}).content.decode()
    assert program.post("/api/v1/patients/", {**new, "gender": CANARY}).status_code == 400
    for path in (f"/patients/{patient.pk}/", "/", "/reports/", "/calendar/"):
        assert browser.get(path, follow=True).status_code == 200


def _take_in(doctor: User, desk: User) -> None:
    """Bring two files of another system, one taken in, one left waiting."""
    text = f"First name,Last name,Date of birth,Doctor\n{CANARY},Sen,2001-09-09,asha\n{CANARY},Bad,31.02.1990,nobody\n"
    for row in ("one", "two"):
        staged = imports.stage_import("patients", f"{text}{CANARY}{row},Rao,1999-01-02,asha\n".encode(),
                                      doctor=doctor, by=desk, at=timezone.now())  # fmt: skip
        if row == "one":
            imports.start_import(staged, duplicates="take", choices={}, by=desk, at=timezone.now())


def _give_away(doctor: User, patient: Patient) -> None:
    """Have the archive of the whole record made by its job."""
    asked = exports.note_request(
        patient,
        asked_by="representative",
        representative=CANARY,
        way="in_person",
        received_on=timezone.now().date(),
        by=doctor,
        at=timezone.now(),
    )
    export = exports.start_export(asked, with_drafts=True, by=doctor, at=timezone.now())
    export.refresh_from_db()
    assert export.status == "ready"


def _signed_in(user: User) -> Any:
    client = Client()
    client.force_login(user)
    return client
