from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse

from patients.models import PatientAccess
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit import services as audit
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.common.errors import DomainError, InvalidTransition, NotAllowed
from synapse.oversight import alerts
from synapse.oversight.alert_sweep import look
from synapse.oversight.models import AccessAlert, AlertSettings
from synapse.oversight.models.alerts import Rule

NOON = datetime(2026, 3, 4, 12, 10, tzinfo=UTC)
NIGHT = datetime(2026, 3, 4, 23, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clinic(db):
    clinic = ClinicSettings.load()
    clinic.timezone = "UTC"
    clinic.save()


@pytest.fixture
def write(monkeypatch):
    """Return `write(at, by, patient, …)`: an audit row of a moment."""

    def write_row(at, by, patient=None, *, action=Action.READ, outcome=Outcome.ALLOWED, **fields):
        monkeypatch.setattr(audit.timezone, "now", lambda: at)
        with audit.unit_of_work():
            patient_id = patient.pk if patient else None
            return audit.record(action, by=by, target=patient, patient_id=patient_id, outcome=outcome, **fields)

    yield write_row
    monkeypatch.undo()


@pytest.fixture
def limits():
    rules = AlertSettings.load()
    rules.patients_an_hour = rules.refusals_an_hour = rules.exports_an_hour = rules.sign_ins_an_hour = 3
    rules.swept_seq = AuditEvent.objects.count()
    rules.save()
    return rules


def since_now():
    """Leave out what building the test wrote."""
    AlertSettings.objects.update(swept_seq=AuditEvent.objects.order_by("-seq").values("seq")[:1])


def found() -> list[str]:
    look(NOON + timedelta(days=2))
    return sorted(AccessAlert.objects.values_list("rule", flat=True))


def test_a_quiet_day_raises_nothing(asha, ben, rita, write, limits):
    own = [make_patient(asha, last_name=name) for name in ("Iyer", "Shah")]
    since_now()
    for hour in range(8):
        at = NOON.replace(hour=9 + hour)
        for patient in own:
            write(at, asha, patient)
            write(at + timedelta(minutes=3), rita, patient)
        write(at + timedelta(minutes=5), rita, action=Action.DENY, outcome=Outcome.DENIED)
        write(at + timedelta(minutes=7), asha, own[0], action=Action.EXPORT)
    write(NOON, None, action=Action.SIGN_IN_FAILED, outcome=Outcome.DENIED)

    assert found() == []


def test_each_rule_finds_what_it_is_for(asha, ben, rita, write, limits):
    many = [make_patient(asha, last_name=name) for name in ("Iyer", "Shah", "Das")]
    namesake = make_patient(asha, last_name="OKAFOR")
    colleague = make_patient(asha, last_name="Nair", email="rita@clinic.example")
    since_now()
    for minute, patient in enumerate(many):
        write(NOON + timedelta(minutes=minute), rita, patient)
    for minute in range(3):
        write(NOON + timedelta(minutes=minute), ben, action=Action.DENY, outcome=Outcome.DENIED)
        write(NOON + timedelta(hours=1, minutes=minute), asha, many[0], action=Action.EXPORT)
        write(NOON, None, action=Action.SIGN_IN_FAILED, outcome=Outcome.DENIED)
    write(NOON + timedelta(hours=2), ben, namesake)
    write(NOON + timedelta(hours=2), asha, colleague)
    write(NIGHT, asha, many[1])

    assert found() == sorted(set(Rule.values) - {Rule.AFTER_END})
    rows = {alert.rule: alert for alert in AccessAlert.objects.all()}
    assert rows[Rule.MANY_PATIENTS].actor_id == rita.pk
    assert rows[Rule.MANY_PATIENTS].number == 3
    assert rows[Rule.SAME_NAME].patient_id == namesake.pk
    assert AuditEvent.objects.get(seq=rows[Rule.COLLEAGUE].events[0]).patient_id == colleague.pk


def test_looking_twice_finds_nothing_twice_and_a_finding_grows(rita, asha, write, limits):
    chosen = [make_patient(asha) for _ in range(4)]
    since_now()
    for patient in chosen[:3]:
        write(NOON, rita, patient)
    assert found() == found() == [Rule.MANY_PATIENTS]

    write(NOON + timedelta(minutes=20), rita, chosen[3])
    assert found() == [Rule.MANY_PATIENTS]

    alert = AccessAlert.objects.get()
    assert (alert.number, len(alert.events)) == (4, 4)
    AlertSettings.objects.update(swept_seq=0)
    assert found() == [Rule.MANY_PATIENTS]


def test_who_works_at_night_is_left_alone(asha, write, limits):
    patient = make_patient(asha)
    since_now()
    for days in (1, 2, 3):
        write(NIGHT - timedelta(days=days), asha, patient)
    since_now()

    write(NIGHT, asha, patient)

    assert found() == []


def test_a_record_asked_for_after_access_ended_is_found(asha, ben, write, limits, monkeypatch):
    shared = make_patient(asha)
    PatientAccess.objects.create(
        patient=shared, doctor=ben, source="shared", granted_by=asha, granted_at=NOON - timedelta(days=9), ended_at=NOON
    )
    since_now()

    write(NOON - timedelta(hours=1), ben, shared)
    assert found() == []

    target = ("patients.Patient", str(shared.pk))
    with monkeypatch.context() as patch, audit.unit_of_work():
        patch.setattr(audit.timezone, "now", lambda: NOON + timedelta(hours=1))
        audit.record(Action.DENY, by=ben, target=target, outcome=Outcome.DENIED)
    assert found() == [Rule.AFTER_END]
    assert AccessAlert.objects.get().patient_id == shared.pk


def test_administrators_are_told_without_a_word_about_whom(asha, rita, omar, write, limits):
    patient = make_patient(asha, first_name="Kavya", last_name="Mehta")
    since_now()
    write(NOON, rita, patient)

    assert found() == [Rule.SAME_NAME]

    [letter] = mail.outbox
    assert letter.to == [omar.email]
    assert "/audit/alerts/" in letter.body
    for word in ("Kavya", "Mehta", patient.patient_id, "Rita"):
        assert word not in letter.body + letter.subject
    stored = [str(value) for value in AccessAlert.objects.values().get().values()]
    assert not any("Mehta" in value or "Kavya" in value for value in stored)


@pytest.fixture
def alert(rita, asha):
    patient = make_patient(asha, last_name="Mehta")
    with audit.unit_of_work():
        event = audit.record(Action.READ, by=rita, target=patient, patient_id=patient.pk)
    look(event.at)
    return AccessAlert.objects.get(rule=Rule.SAME_NAME)


def test_a_finding_is_explained_with_a_note_and_judged_by_nobody_about_themselves(alert, omar, rita, now):
    with pytest.raises(DomainError, match="Write down"):
        alerts.decide(alert, "explained", note=" ", by=omar, at=now)
    with pytest.raises(NotAllowed):
        alerts.decide(alert, "seen", note="", by=rita, at=now)

    alerts.decide(alert, "explained", note="Not related.", by=omar, at=now)

    with pytest.raises(InvalidTransition):
        alerts.decide(alert, "seen", note="", by=omar, at=now)
    AccessAlert.objects.filter(pk=alert.pk).update(actor_id=omar.pk)
    alert.refresh_from_db()
    assert alert.note == "Not related."
    with pytest.raises(NotAllowed, match="your own"):
        alerts.decide(alert, "escalated", note="x", by=omar, at=now)


def test_the_pages_are_for_administrators_and_leave_a_row(alert, signed_in, asha, rita, omar):
    addresses = [
        reverse("oversight:alerts"),
        reverse("oversight:alert", args=[alert.pk]),
        reverse("oversight:alert_rules"),
    ]
    for address in addresses:
        assert [signed_in(person).get(address).status_code for person in (asha, rita, omar)] == [403, 403, 200]
    assert AuditEvent.objects.filter(actor_id=omar.pk, target_type="oversight.AccessAlert").count() == 2

    admin = signed_in(omar)
    decide = reverse("oversight:alert_decide", args=[alert.pk])
    assert admin.post(decide, {"to": "escalated"}).status_code == 422
    assert admin.post(decide, {"to": "escalated", "note": "Ask her."}).status_code == 302
    assert "with the same surname" in admin.get(addresses[0] + "?show=escalated").content.decode()
    changed = dict.fromkeys(("patients_an_hour", "exports_an_hour", "refusals_an_hour", "sign_ins_an_hour"), 5)
    assert admin.post(addresses[2], {**changed, "night_from_hour": 21, "night_until_hour": 5}).status_code == 302
    assert AlertSettings.load().patients_an_hour == 5
    assert not AlertSettings.load().watches_names


def test_a_finding_waits_on_the_worklist(alert, signed_in, omar):
    assert "with the same surname" in signed_in(omar).get(reverse("dashboard:worklist")).content.decode()
