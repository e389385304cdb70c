import io
from datetime import UTC, date, timedelta
from uuid import uuid4

import pytest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from patients.tests.factories import make_patient
from synapse.accounts.models import ApiToken, UserSession
from synapse.audit import services as audit
from synapse.audit.context import request_context
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.common.errors import Conflict, DomainError, InvalidTransition, NotAllowed
from synapse.oversight import incidents
from synapse.oversight.models import AccessAlert, Incident
from synapse.testing.plugin import PASSWORD

WORDS = {
    "nature": "Names and notes.",
    "person": "A former colleague.",
    "acquired": "Opened on a screen.",
    "mitigated": "A written assurance.",
    "is_breach": True,
    "happened": "An account was used by somebody else.",
    "done": "The account is closed.",
    "advice": "Call us with questions.",
}


@pytest.fixture
def seen(asha, ben):
    """Write what ben's account opened: two charts, a list of one more; of another account a fourth, and a refusal."""
    people = [make_patient(asha, first_name="Kavya", last_name=name) for name in ("Iyer", "Shah", "Das", "Nair")]
    with request_context("203.0.113.7"), audit.unit_of_work():
        for patient in people[:2]:
            audit.record(Action.READ, by=ben, target=patient, patient_id=patient.pk)
        audit.record(Action.READ, by=ben, target=("reports.Report", "x"), patient_id=people[0].pk)
        audit.record(Action.SEARCH, by=ben, subjects=[people[2].pk])
        audit.record(Action.DENY, by=ben, patient_id=people[3].pk, outcome=Outcome.DENIED)
    with audit.unit_of_work():
        audit.record(Action.READ, by=asha, target=people[3], patient_id=people[3].pk)
    return people


def open_one(by, *, person=None, address=None, at=None) -> Incident:
    at = at or timezone.now()
    return incidents.open_incident(
        title="A password that leaked",
        discovered_on=date(2025, 3, 4),
        first=at - timedelta(hours=1),
        until=at + timedelta(hours=1),
        person=person,
        address=address,
        by=by,
        at=at,
    )


def test_it_is_kept_what_was_opened_of_whom(seen, ben, omar, now):
    incident = open_one(omar, person=ben, at=now)

    touched = {row.patient_id: row for row in incident.patients.all()}
    assert set(touched) == {patient.pk for patient in seen[:3]}
    assert touched[seen[0].pk].kinds == ["name, contact and record", "reports"]
    assert touched[seen[2].pk].kinds == ["name in a list"]
    assert (touched[seen[0].pk].events, incident.events) == (2, 4)
    assert incidents.kinds_of(incident)[0] == ("name, contact and record", 2)
    by_address = open_one(omar, address="203.0.113.7", at=now)
    assert by_address.patients.count() == 3
    assert incidents.people_of(by_address) == [("ben", 4)]


def test_what_is_too_much_to_look_at_is_told_with_its_number(seen, ben, omar, now, monkeypatch):
    monkeypatch.setattr(incidents, "MOST_EVENTS", 2)

    incident = open_one(omar, person=ben, at=now)

    assert (incident.events, incident.left_out) == (2, 2)
    assert {row.patient_id for row in incident.patients.all()} == {patient.pk for patient in seen[:2]}
    assert incidents.people_of(incident) == [("ben", 2)]
    written = AuditEvent.objects.get(target_type="oversight.Incident", detail__verb="open_incident").detail
    assert (written["events"], written["left_out"]) == (2, 2)
    page = render_to_string("documents/breach_summary.html", {"incident": incident, "zone": UTC})
    assert "Later entries of the audit log in this window that were not looked at here: 2." in page


def test_what_happens_while_it_is_read_is_not_half_in_it(seen, ben, omar, now, monkeypatch):
    read = incidents._touched

    def go_on_meanwhile(events):
        with audit.unit_of_work():
            audit.record(Action.READ, by=ben, target=seen[3], patient_id=seen[3].pk)
        return read(events)

    monkeypatch.setattr(incidents, "_touched", go_on_meanwhile)
    incident = open_one(omar, person=ben, at=now)

    assert (incident.events, incident.left_out, incident.patients.count()) == (4, 0, 3)
    assert incidents.people_of(incident) == [("ben", 4)]


def test_what_one_browser_did_is_looked_into_from_the_log(seen, ben, omar, signed_in):
    with request_context("203.0.113.7", uuid4()) as origin, audit.unit_of_work():
        audit.record(Action.READ, by=ben, target=seen[3], patient_id=seen[3].pk)
    admin = signed_in(omar)

    listed = admin.get(reverse("dashboard:audit"), {"q": str(origin.sign_in_id)}).content.decode()
    address = f"{reverse('oversight:incident_new')}?sign_in={origin.sign_in_id}"
    form = admin.get(address).context["form"]
    sent = {
        "title": "A lost phone",
        **{name: form.initial[name] for name in ("discovered_on", "first", "last", "sign_in")},
    }

    assert f'href="{address}"' in listed
    assert admin.post(address, sent).status_code == 302
    incident = Incident.objects.get()
    assert (incident.sign_in_id, incident.events) == (origin.sign_in_id, 1)
    assert [row.patient_id for row in incident.patients.all()] == [seen[3].pk]
    assert incidents.people_of(incident) == [("ben", 1)]


def test_findings_are_listed_by_the_sign_in_they_rest_on(ben, omar, signed_in, now):
    for number in (1, 2):
        with request_context("203.0.113.7", uuid4()) as origin, audit.unit_of_work():
            row = audit.record(Action.READ, by=ben)
        times = {"started_at": now, "ended_at": now, "events": [row.seq]}
        AccessAlert.objects.create(rule="night", key=f"night {number}", actor_label=f"person {number}", **times)
    admin = signed_in(omar)

    def shown(sign_in):
        return [
            each.alert.actor_label
            for each in admin.get(reverse("oversight:alerts"), {"sign_in": sign_in}).context["shown"]
        ]

    assert shown(origin.sign_in_id) == ["person 2"]
    assert shown(uuid4()) == []
    assert len(shown("not an id")) == 2


def test_a_request_says_by_which_browser_or_token_it_came(seen, asha, client, bearer):
    patient = seen[0]
    client.post("/sign-in/", {"name": "asha", "password": PASSWORD})
    client.get(reverse("patients:detail", args=[patient.pk]))
    token = bearer(asha, scopes=["read"])
    token.get(f"/api/v1/patients/{patient.pk}/")

    by_browser, by_token = AuditEvent.objects.filter(
        actor_id=asha.pk, action="read", patient_id=patient.pk, sign_in_id__isnull=False
    ).order_by("seq")
    assert by_browser.sign_in_id == UserSession.objects.get().pk
    assert by_token.sign_in_id == ApiToken.objects.get().pk


def test_the_clock_runs_sixty_days_from_discovery(seen, ben, omar, now):
    incident = open_one(omar, person=ben, at=now)

    assert incident.notify_by == date(2025, 5, 3)
    assert incidents.days_left(incident, today=date(2025, 5, 1)) == 2
    assert incident.is_running


def test_letters_wait_for_the_assessment_and_it_closes_when_patients_were_told(seen, ben, omar, now):
    incident = open_one(omar, person=ben, at=now)
    with pytest.raises(Conflict, match="Assess"):
        incidents.letters(incident, by=omar, at=now)
    incidents.assess(incident, WORDS, by=omar, at=now)
    with pytest.raises(Conflict, match="Tell the patients"):
        incidents.close(incident, by=omar, at=now)

    letters = PdfReader(io.BytesIO(incidents.letters(incident, by=omar, at=now)))
    summary = PdfReader(io.BytesIO(incidents.summary(incident, by=omar, at=now)))

    assert len(letters.pages) == 3
    assert "Kavya Iyer" in letters.pages[0].extract_text()
    assert "An account was used by somebody else" in letters.pages[2].extract_text()
    assert "Kavya" not in summary.pages[0].extract_text()
    assert "Fewer than 500" in summary.pages[0].extract_text()
    assert not incident.patients.filter(letter_at=None).exists()
    incidents.mark_notified(incident, by=omar, at=now)
    incidents.close(incident, by=omar, at=now)
    with pytest.raises(InvalidTransition):
        incidents.assess(incident, WORDS, by=omar, at=now)


def test_no_breach_is_closed_without_letters(seen, ben, omar, now):
    incident = incidents.assess(open_one(omar, person=ben, at=now), {**WORDS, "is_breach": False}, by=omar, at=now)

    assert not incident.is_running
    with pytest.raises(Conflict):
        incidents.mark_notified(incident, by=omar, at=now)
    assert incidents.close(incident, by=omar, at=now).status == "closed"


def test_only_administrators_look_into_access(asha, omar, now):
    with pytest.raises(NotAllowed):
        open_one(asha, person=asha, at=now)
    with pytest.raises(DomainError, match="Choose"):
        open_one(omar, at=now)


def test_the_pages_lead_from_the_look_to_the_list(seen, ben, signed_in, asha, omar):
    today = timezone.now().date()
    pages = [reverse("oversight:incidents"), reverse("oversight:incident_new")]
    for page in pages:
        assert [signed_in(person).get(page).status_code for person in (asha, omar)] == [403, 200]
    admin = signed_in(omar)
    days = {
        "first": today - timedelta(days=2),
        "last": today + timedelta(days=2),
        "discovered_on": today - timedelta(days=2),
    }

    assert admin.post(pages[1], {"title": "x", **days}).status_code == 422
    answer = admin.post(pages[1], {"title": "A leak", **days, "person": ben.pk})

    incident = Incident.objects.get()
    assert answer["Location"] == reverse("oversight:incident", args=[incident.pk])
    page = admin.get(answer["Location"]).content.decode()
    assert seen[0].patient_id in page
    assert "Kavya" not in page
    assess = reverse("oversight:incident_assess", args=[incident.pk])
    assert admin.get(assess).status_code == 200
    assert admin.post(assess, {**WORDS, "is_breach": "1"}).status_code == 302
    for name in ("incident_letters", "incident_summary"):
        assert admin.post(reverse(f"oversight:{name}", args=[incident.pk])).content.startswith(b"%PDF")
    listed = admin.post(reverse("oversight:incident_affected", args=[incident.pk]))
    assert "Kavya Iyer" in listed.content.decode()
    assert admin.post(reverse("oversight:incident_advance", args=[incident.pk, "notified"])).status_code == 302
    assert incident.number in admin.get(pages[0]).content.decode()
    verbs = set(AuditEvent.objects.filter(target_type="oversight.Incident").values_list("action", flat=True))
    assert verbs == {"administer", "read", "print", "export"}
