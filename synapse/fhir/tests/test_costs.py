"""A page asks the database as often for thirty rows as for three, and decrypts only what it shows."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import Bill
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from reports.tests.factories import make_report
from scheduling.models import Appointment
from scheduling.tests.factories import make_appointment
from sessions_app.models import ConsultationSession
from sessions_app.tests.factories import make_session
from synapse.encryption import crypto
from synapse.fhir.everything import everything_about
from synapse.fhir.kind import Reader
from synapse.fhir.kinds import KINDS
from synapse.fhir.search import Search, run
from synapse.fhir.tests.practice import NEVER_SHOWN

NEVER_SHOWN_COLUMNS = {f"{model._meta.label}.{name}" for model, names in NEVER_SHOWN.items() for name in names}


def count_queries(work):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        work()
    return len(queries)


def copies(row, count, **fields):
    """Store a row several times over, under keys of their own; `fields` are functions of the copy's number."""
    for number in range(count):
        row.pk = None
        row._state.adding = True
        for name, value in fields.items():
            setattr(row, name, value(number))
        row.save()


@pytest.fixture
def patient(asha):
    return make_patient(asha)


def fill(patient, doctor, count):
    """Give a patient rows of every kind whose copies are as good as the first."""
    at = timezone.now() + timedelta(days=400)
    copies(patient.consents.get_or_create(
        kind="treatment", method="verbal", status="withdrawn", text_version="1", text_hash="0", recorded_by=doctor,
        given_at=timezone.now(), withdrawn_at=timezone.now(),
    )[0], count)  # fmt: skip
    copies(
        ConsultationSession.objects.filter(patient=patient).first(), count,
        session_id=lambda number: f"SESS-9{count:03}{number:04}",
    )  # fmt: skip
    start = at + timedelta(days=count)
    copies(
        Appointment.objects.filter(patient=patient).first(), count, status=lambda number: "no_show",
        scheduled_at=lambda number: start + timedelta(hours=number), ends_at=lambda number: start + timedelta(hours=number, minutes=50),
    )  # fmt: skip
    copies(
        Bill.objects.filter(patient=patient, bill_number__isnull=False).first(), count,
        bill_number=lambda number: f"INV-9{count:03}-{number:06}",
    )  # fmt: skip
    for _ in range(count):
        make_patient(doctor)


def test_a_page_of_thirty_asks_as_often_as_one_of_three(asha, patient):
    make_session(asha, patient=patient, status="completed")
    make_appointment(asha, patient=patient)
    make_bill(asha, patient=patient, status="sent")
    names = ("Patient", "Practitioner", "Encounter", "Appointment", "Consent", "Invoice")
    reader = Reader(asha, timezone.now())

    def costs(count):
        one_by_one = [count_queries(lambda: run(KINDS[name], Search({}, count), reader)) for name in names]  # noqa: B023
        return [*one_by_one, count_queries(lambda: list(everything_about(patient, by=asha, at=timezone.now())))]

    fill(patient, asha, 3)
    few = costs(3)
    fill(patient, asha, 30)

    assert costs(30) == few
    assert max(few[:-1]) <= 9


def test_a_page_of_reports_asks_as_often_for_six_as_for_two(asha, ben, patient):
    reader = Reader(asha, timezone.now())
    sessions = [make_report(asha, status="signed").session for _ in range(2)]

    def read(name, count):
        page = None

        def work():
            nonlocal page
            page = run(KINDS[name], Search({}, count), reader)

        asked = count_queries(work)
        assert len(page.resources) == count
        return asked

    few = {name: read(name, 2) for name in ("Composition", "DocumentReference")}
    sessions += [make_report(asha, status="signed").session for _ in range(4)]
    many = {name: read(name, 6) for name in few}

    assert few == many
    assert max(many.values()) <= 15


def test_what_is_not_shown_is_not_decrypted(asha, monkeypatch):
    report = make_report(asha, status="signed")
    make_appointment(asha, patient=report.session.patient)
    make_bill(asha, patient=report.session.patient, status="sent")
    opened = set()
    decrypt = crypto.decrypt

    def note(stored, *, label):
        opened.add(label)
        return decrypt(stored, label=label)

    monkeypatch.setattr(crypto, "decrypt", note)
    for name, kind in KINDS.items():
        opened.clear()
        run(kind, Search({}, 20), Reader(asha, timezone.now()))
        opened.discard("accounts.ClinicSettings.vocabulary")  # its row is read for the zone

        assert opened & NEVER_SHOWN_COLUMNS == set(), name
        if name != "Patient":
            assert "patients.Patient.address" not in opened
        if name in ("DocumentReference", "Consent"):
            assert opened == set()
