"""The pages of privacy, security and compliance: each on a desk by day and on a phone at night, on one set-up."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from patients import holds
from patients.emergency import services as emergency
from patients.tests.factories import make_patient
from reports.tests.factories import make_report, make_written_session
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common import jobs
from synapse.common.models import Job
from synapse.erasure import services as erasure
from synapse.outside.models import OutsideCall
from synapse.oversight import associates, disclosing, incidents
from synapse.oversight.models import AccessAlert
from synapse.psychotherapy import services as private_notes
from synapse.records import amendments
from synapse.records.exports import services as exports
from synapse.records.models import RecordExport
from synapse.testing.browser import PHONE, assert_page_is_clean, launched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def make_pages(asha: User, ben: User, rita: User, omar: User, at: datetime) -> list[tuple[User | None, str]]:
    """Fill every page with something, and return who opens which."""
    today = at.date()
    kavya = make_patient(asha, first_name="Kavya", last_name="Iyer")
    noah = make_patient(ben, first_name="Noah", last_name="Sen")
    zoe = make_patient(ben, first_name="Zoë", last_name="Müller")
    mina = make_patient(asha, first_name="Mina", last_name="Das")
    report = make_report(asha, session=make_written_session(asha, patient=kavya), status="signed")

    note = private_notes.begin_note(kavya, by=asha, at=at)
    private_notes.save_note(note, text="What I wondered about.", based_on=note.saved_at, by=asha, at=at)
    asked = exports.note_request(kavya, asked_by="patient", way="in_person", received_on=today, by=asha, at=at)
    file = exports.start_export(asked, with_drafts=False, by=asha, at=at)
    jobs.run_job(str(Job.objects.get(object_id=file.pk).pk))
    link = exports.make_link(RecordExport.objects.get(pk=file.pk), hours=24, uses=1, with_pin=True, by=asha, at=at)
    terms = {"statement": "Sleeps well.", "wanted": "I said I sleep badly.", "received_on": today}
    change = amendments.note_amendment(kavya, report=report, by=rita, at=at, **terms)
    disclosing.note_disclosure(
        kavya,
        {
            "disclosed_on": today,
            "recipient": "District court, Judge Menon",
            "address": "Court Road 1",
            "what": "Dates of treatment",
            "ground": "court",
            "purpose": "Order 12/2026",
        },
        by=asha,
        at=at,
    )
    OutsideCall.objects.create(
        at=at, ended_at=at, purpose="report", engine="gemini", model="gemini-2.5-pro", host="models.example",
        patient_id=kavya.pk, bytes_out=48_213, bytes_in=9_120, sha256="5e" * 32, outcome="answered",
    )  # fmt: skip

    with audit.unit_of_work():
        rows = [
            audit.record(Action.READ, by=ben, target=kavya, patient_id=kavya.pk),
            audit.record(Action.READ, by=ben, target=mina, patient_id=mina.pk),
        ]
    alert = AccessAlert.objects.create(
        rule="many_patients", key="many:ben", actor_id=ben.pk, actor_label="ben", address="203.0.113.7",
        started_at=at, ended_at=at, number=41, events=[row.seq for row in rows],
    )  # fmt: skip
    incident = incidents.open_incident(
        title="A password that leaked",
        discovered_on=today - timedelta(days=2),
        first=at - timedelta(hours=1),
        until=at + timedelta(hours=1),
        person=ben,
        address=None,
        by=omar,
        at=at,
    )
    values = {"name": "Mail Ltd", "service": "email", "sees": "Names and addresses", "contact": "privacy@mail.example"}
    associates.save_associate(None, {**values, "signed_on": today, "ends_on": None}, by=omar)

    reason = "Found unconscious, the ward asks what she takes."
    opened = emergency.open_record(mina, kind="danger", reason=reason, by=ben, at=at)
    holds.place_hold(noah, reason="District Court, 4 C 112/26", by=omar, at=at)
    order = {"order": "District Court, 9 C 41/26"}
    erasure.request_erasure(zoe, asked_by="patient", reason="Asked in a letter.", by=omar, at=at, **order)
    gone = make_patient(ben, last_name="Gone")
    erasure.erase_at_once(gone, asked_by="patient", reason="Asked in a letter.", at=at, **order)

    return [
        (asha, reverse("accounts:security")),
        (asha, reverse("accounts:begin_second_factor")),
        (asha, reverse("accounts:begin_passkey")),
        (asha, reverse("accounts:prove")),
        (asha, reverse("private_notes:mine")),
        (asha, reverse("private_notes:for_patient", args=[kavya.pk])),
        (asha, reverse("private_notes:detail", args=[note.pk])),
        (asha, reverse("private_notes:delete", args=[note.pk])),
        (asha, reverse("dashboard:outside_for_patient", args=[kavya.pk])),
        (asha, reverse("oversight:disclosures", args=[kavya.pk])),
        (asha, reverse("oversight:note_disclosure", args=[kavya.pk])),
        (asha, reverse("record_requests:for_patient", args=[kavya.pk])),
        (asha, reverse("record_requests:detail", args=[asked.pk])),
        (asha, reverse("amendments:for_patient", args=[kavya.pk])),
        (asha, reverse("amendments:for_report", args=[report.pk])),
        (asha, reverse("amendments:detail", args=[change.pk])),
        (None, link.path),
        (ben, reverse("patients:emergency")),
        (ben, reverse("patients:detail", args=[mina.pk])),
        (rita, reverse("dashboard:consents")),
        (rita, reverse("patients:consents", args=[kavya.pk])),
        (omar, reverse("dashboard:audit")),
        (omar, reverse("dashboard:outside")),
        (omar, reverse("oversight:alerts")),
        (omar, reverse("oversight:alert_rules")),
        (omar, reverse("oversight:alert", args=[alert.pk])),
        (omar, reverse("oversight:incidents")),
        (omar, reverse("oversight:incident_new")),
        (omar, reverse("oversight:incident", args=[incident.pk])),
        (omar, reverse("oversight:incident_assess", args=[incident.pk])),
        (omar, reverse("oversight:associates")),
        (omar, reverse("oversight:associate_new")),
        (omar, reverse("dashboard:emergencies")),
        (omar, reverse("dashboard:emergency", args=[opened.pk])),
        (omar, reverse("consent_texts:list")),
        (omar, reverse("consent_texts:edit", args=["recording", "hi"])),
        (omar, reverse("erasure:index")),
        (omar, reverse("erasure:periods")),
        (omar, reverse("erasure:patient", args=[noah.pk])),
        (omar, reverse("erasure:patient", args=[zoe.pk])),
        (omar, reverse("erasure:patient", args=[gone.pk])),
        (omar, reverse("records:archives")),
        (omar, reverse("oversight:going_live")),
        (omar, reverse("dashboard:system")),
        (omar, reverse("accounts:person_access", args=[ben.pk])),
    ]


@pytest.fixture
def pages(asha, ben, rita, omar, now):
    return make_pages(asha, ben, rita, omar, now)


@pytest.fixture
def chromium(pages):
    """Start the browser after the set-up, which signs PDFs in an event loop of its own."""
    with launched() as browser:
        yield browser


def test_every_page_is_clean_on_a_desk_by_day_and_on_a_phone_at_night(browse, pages):
    found = []
    for person in dict.fromkeys(person for person, _ in pages):
        desk, phone = browse(person, "/health/live"), browse(person, "/health/live", viewport=PHONE, dark=True)
        for path in [path for opener, path in pages if opener == person]:
            for page in (desk, phone):
                page.problems.clear()
                answer = page.goto(path)
                try:
                    assert (answer.status, page.title().startswith("Error")) == (200, False), path
                    assert_page_is_clean(page)
                except AssertionError as problem:
                    found.append(str(problem))

    assert not found, "\n\n".join(found)
