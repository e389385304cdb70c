"""A record opened in an emergency, through every door: what shows, what stays closed, and when it is over."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from billing.services import drafting as billing
from billing.tests.factories import make_bill
from patients.emergency import services as emergency
from patients.models import EmergencyAccess, PatientAccess
from patients.tests.factories import make_patient
from reports.models import Report
from reports.tests.factories import make_report, make_written_session
from scheduling.services import waiting
from synapse.accounts import tokens
from synapse.accounts.browser_sessions import PROVEN_KEY
from synapse.accounts.scopes import Scope
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import NotAllowed
from synapse.oversight import disclosing
from synapse.records import amendments
from synapse.records.exports import services as exports

REASON = "Found unconscious, the ward asks what she takes."
ALLERGY = "penicillin-canary"


@pytest.fixture
def patient(asha):
    return make_patient(doctor=asha, first_name="Kavya", last_name="Iyer", allergies=ALLERGY)


def open_it(patient, by):
    return emergency.open_record(patient, kind="danger", reason=REASON, by=by, at=timezone.now())


def run_out(opened):
    over = timezone.now() - timedelta(seconds=1)
    opened.accesses.update(expires_at=over)
    EmergencyAccess.objects.filter(pk=opened.pk).update(started_at=over - emergency.LASTS, expires_at=over)


def test_a_doctor_finds_says_why_reads_under_a_strip_and_gives_back(patient, ben, signed_in):
    client = signed_in(ben)
    find, chart = reverse("patients:emergency"), reverse("patients:detail", args=[patient.pk])

    closed = client.get(chart).status_code
    found = client.post(find, {"number": patient.patient_id})
    shown = found.content.decode()
    sent = {"patient": found.context["form"].initial["patient"], "kind": "danger"}
    without_reason = client.post(reverse("patients:emergency_open"), sent)
    opened = client.post(reverse("patients:emergency_open"), {**sent, "reason": REASON})
    page = client.get(chart).content.decode()
    elsewhere = client.get(reverse("accounts:profile")).content.decode()
    client.post(reverse("patients:end_emergency", args=[EmergencyAccess.objects.get().pk]))

    assert closed == 404
    assert ("Kavya" in shown, "Iyer" in shown, "K" in shown, "1991" in shown) == (False, False, True, True)
    assert without_reason.status_code == 422
    assert opened.url == chart
    assert ALLERGY in page
    assert "Emergency access to" in page
    assert "60</span> min left" in page
    assert "Start session" not in page
    assert "Emergency access to" in elsewhere
    assert client.get(chart).status_code == 404


def test_the_ticket_of_a_look_is_for_whoever_looked(patient, ben, signed_in):
    client = signed_in(ben)
    forged = {"patient": str(patient.pk), "kind": "danger", "reason": REASON}

    answer = client.post(reverse("patients:emergency_open"), forged)

    assert answer.url == reverse("patients:emergency")
    assert not EmergencyAccess.objects.exists()


def test_an_old_proof_is_asked_for_again_and_other_roles_get_nothing(patient, ben, rita, omar, signed_in):
    client = signed_in(ben)
    session = client.session
    session[PROVEN_KEY] -= 301
    session.save()

    asked = client.get(reverse("patients:emergency"))
    others = [signed_in(person).get(reverse("patients:emergency")).status_code for person in (rita, omar)]

    assert asked.url.startswith(reverse("accounts:prove"))
    assert others == [403, 403]


def test_signed_reports_open_drafts_sessions_and_bills_stay_closed(patient, asha, ben, signed_in):
    signed = make_report(asha, session=make_written_session(asha, patient=patient), status="signed")
    draft = make_report(asha, session=make_written_session(asha, patient=patient))
    bill = make_bill(asha, patient=patient)
    opened = open_it(patient, ben)
    client = signed_in(ben)
    doors = {
        "signed": reverse("reports:detail", args=[signed.pk]),
        "draft": reverse("reports:detail", args=[draft.pk]),
        "session": reverse("sessions:detail", args=[signed.session_id]),
        "bill": reverse("billing:detail", args=[bill.pk]),
        "account": reverse("billing:account", args=[patient.pk]),
        "api session": f"/api/v1/sessions/{signed.session_id}/",
    }

    during = {name: client.get(door).status_code for name, door in doors.items()}
    amend = client.post(reverse("reports:amend", args=[signed.pk]), {"reason": "A reason that is long enough"})
    share = client.get(reverse("reports:sharing", args=[signed.pk]))
    run_out(opened)

    assert during == {
        "signed": 200,
        "draft": 404,
        "session": 404,
        "bill": 404,
        "account": 404,
        "api session": 404,
    }
    assert (amend.status_code, share.status_code) == (403, 403)
    assert client.get(doors["signed"]).status_code == 404
    assert not Report.objects.visible_to(ben).exists()


def test_a_token_sees_what_its_person_sees_and_books_nothing(patient, ben, client):
    made = tokens.create_token(
        ben,
        name="test",
        scopes=[Scope.READ, Scope.WRITE, Scope.CLINICAL],
        lifetime=timedelta(days=1),
        by=ben,
        at=timezone.now(),
    )
    bearer = {"Authorization": f"Bearer {made.secret}"}
    addresses = [f"/api/v1/patients/{patient.pk}/", f"/api/v1/fhir/Patient/{patient.pk}"]

    def ask():
        return [client.get(address, headers=bearer).status_code for address in addresses]

    before = ask()
    opened = open_it(patient, ben)
    during = ask()
    started = client.post(
        "/api/v1/sessions/", {"patient": str(patient.pk)}, content_type="application/json", headers=bearer
    )
    changed = client.patch(addresses[0], {"occupation": "x"}, content_type="application/json", headers=bearer)
    run_out(opened)

    assert (before, during, ask()) == ([404, 404], [200, 200], [404, 404])
    assert (started.status_code, changed.status_code) == (403, 403)
    assert not PatientAccess.objects.treating().filter(doctor=ben).exists()


def test_it_gives_nothing_away_and_leaves_nothing_in_the_record(patient, asha, ben, signed_in):
    """A file of the whole record holds every word of every session, and a link to it would outlive the hour."""
    at, day = timezone.now(), timezone.localdate()
    terms = {"asked_by": "patient", "way": "letter", "received_on": day}
    asked = exports.note_request(patient, **terms, by=asha, at=at)
    export = exports.start_export(asked, with_drafts=False, by=asha, at=at)
    wish = amendments.note_amendment(patient, wanted="A date", received_on=day, by=asha, at=at)
    open_it(patient, ben)
    said = {"recipient": "x", "what": "x", "ground": "law", "purpose": "x", "disclosed_on": day}
    deeds = {
        "ask for the record": lambda: exports.note_request(patient, **terms, by=ben, at=at),
        "have it made": lambda: exports.start_export(asked, with_drafts=True, by=ben, at=at),
        "download it": lambda: exports.download(export, by=ben, at=at),
        "link it": lambda: exports.make_link(export, hours=24, uses=1, with_pin=False, by=ben, at=at),
        "deny it": lambda: exports.deny_request(asked, reason="endanger", note="x", by=ben, at=at),
        "note a correction": lambda: amendments.note_amendment(patient, wanted="x", received_on=day, by=ben, at=at),
        "decide one": lambda: amendments.deny_amendment(wish, reason="accurate", note="x", by=ben, at=at),
        "note a disclosure": lambda: disclosing.note_disclosure(patient, said, by=ben, at=at),
        "wait for a time": lambda: waiting.add_entry(patient, appointment_type="followup", by=ben, at=at),
        "bill": lambda: billing.draft_by_hand(patient, doctor=None, bill_type=None, by=ben, at=at),
    }
    outcomes = {}
    for name, deed in deeds.items():
        with pytest.raises(NotAllowed) as refused:
            deed()
        outcomes[name] = refused.value.code
    page = signed_in(ben).get(reverse("record_requests:detail", args=[asked.pk])).status_code

    assert set(outcomes.values()) == {"emergency_only"}, outcomes
    assert page == 404


def test_an_administrator_finds_it_on_the_worklist_sees_what_was_opened_and_judges(
    patient, asha, ben, omar, rita, signed_in
):
    opened = open_it(patient, ben)
    signed_in(ben).get(reverse("patients:history", args=[patient.pk]))
    run_out(opened)
    admin, page = signed_in(omar), reverse("dashboard:emergency", args=[opened.pk])

    work = admin.get(reverse("dashboard:worklist")).content.decode()
    told = signed_in(asha).get(reverse("dashboard:worklist")).content.decode()
    shown = admin.get(page).content.decode()
    for_doctor = signed_in(asha).get(page).content.decode()
    reception = signed_in(rita).get(page).status_code
    refused = signed_in(asha).post(page, {"verdict": "justified"}).status_code
    empty = admin.post(page, {"verdict": "not_justified"}).status_code
    kept = admin.post(page, {"verdict": "justified", "note": "The ward confirms."})

    assert page in work
    assert page in told
    assert REASON in shown
    assert "Your review" in shown
    assert REASON in for_doctor
    assert "Your review" not in for_doctor
    assert (reception, refused, empty, kept.status_code) == (404, 403, 422, 302)
    assert page not in admin.get(reverse("dashboard:worklist")).content.decode()
    assert "The ward confirms." in admin.get(page).content.decode()
    verbs = AuditEvent.objects.filter(action=Action.EMERGENCY).values_list("detail", flat=True)
    assert [detail["verb"] for detail in verbs] == ["open", "review"]


@pytest.mark.django_db(transaction=True)
def test_of_twenty_requests_at_once_one_row_comes(patient, ben):
    opened, barrier = [], threading.Barrier(20)

    def run():
        barrier.wait(60)
        try:
            opened.append(open_it(patient, ben).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(opened) == 20
    assert len(set(opened)) == 1
    assert EmergencyAccess.objects.count() == PatientAccess.objects.filter(doctor=ben).count() == 1
