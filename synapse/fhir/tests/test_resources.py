"""Rows as resources: R4 whatever a row holds, and nothing in them that is not meant for other systems."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import Bill
from billing.money import Line, add_up
from patients.choices import GENDERS, MARITAL_STATUSES, RELATIONSHIPS
from patients.models import Consent, Patient
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User, UserProfile
from synapse.fhir.everything import everything_about
from synapse.fhir.resources.appointment import appointment_resource
from synapse.fhir.resources.composition import composition_resource
from synapse.fhir.resources.consent import consent_resource
from synapse.fhir.resources.document_reference import document_reference_resource
from synapse.fhir.resources.encounter import encounter_resource
from synapse.fhir.resources.invoice import invoice_resource
from synapse.fhir.resources.organization import organization_resource
from synapse.fhir.resources.patient import patient_resource
from synapse.fhir.tests.checking import address_of, check, references_of
from synapse.fhir.tests.practice import NEVER_SHOWN, add_second_words, canary, make_practice

AT = datetime(2026, 5, 3, 9, 30, tzinfo=UTC)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), max_size=40).filter(
    lambda text: not text or text.strip()
)
some_words = words.filter(bool)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
values_of = lambda choices: st.sampled_from([value for value, _ in choices])  # noqa: E731


def a_patient(**fields):
    return Patient(**{
        "patient_id": "PAT-20260001", "first_name": "Kavya", "last_name": "Iyer", "date_of_birth": date(1991, 5, 2),
        "created_at": AT, "updated_at": AT, **fields,
    })  # fmt: skip


@pytest.fixture
def everything(asha, ben, now):
    practice = make_practice(asha, at=now)
    add_second_words(practice.report, by=asha, supervisor=ben, at=now)
    return practice, list(everything_about(practice.patient, by=asha, at=now))


def test_a_full_record_is_r4_and_its_references_resolve(everything):
    practice, resources = everything

    kinds = {check(resource)["resourceType"] for resource in resources}
    assert kinds == {
        "Patient", "Organization", "Practitioner", "Encounter", "Appointment", "Composition", "DocumentReference",
        "Consent", "Invoice",
    }  # fmt: skip
    addresses = [address_of(resource) for resource in resources]
    assert len(addresses) == len(set(addresses))
    assert references_of(resources) <= set(addresses)
    text = json.dumps(resources)
    assert f"Composition/{practice.draft.pk}" not in text
    assert str(practice.draft_bill.pk) not in text


def test_what_is_private_is_in_no_resource(everything):
    _, resources = everything

    text = json.dumps(resources)
    shown = [
        canary(model, name) for model, names in NEVER_SHOWN.items() for name in names if canary(model, name) in text
    ]
    assert shown == []
    # The test can fail: the words a record does show are there.
    for word in ("Reasonword", "Visitword", "Penicillin", "kavya@mail.example", "The sister called."):
        assert word in text
    assert "F32.1" not in text
    assert "asha@clinic.example" not in text


def test_a_record_with_nothing_in_it_is_r4(asha, now):
    from patients.tests.factories import make_patient

    patient = make_patient(asha, phone_primary="", gender="")
    UserProfile.objects.filter(user=asha).delete()
    Patient.objects.filter(pk=patient.pk).update(created_at=now)

    resources = list(everything_about(patient, by=User.objects.get(pk=asha.pk), at=now))

    assert [check(resource)["resourceType"] for resource in resources] == ["Patient", "Organization"]
    assert resources[0]["gender"] == "unknown"


@settings(max_examples=40, deadline=None)
@given(
    first_name=some_words, last_name=some_words, gender=st.one_of(st.just(""), values_of(GENDERS), some_words),
    phone_primary=words, phone_secondary=words, email=words, address=words,
    marital_status=st.one_of(st.just(""), values_of(MARITAL_STATUSES), some_words), preferred_language=words,
    emergency_contact_name=words, emergency_contact_phone=words,
    emergency_contact_relationship=st.one_of(st.just(""), values_of(RELATIONSHIPS), some_words),
    archived_at=st.none() | moments, merged_into_id=st.none() | st.uuids(), merged=st.lists(st.uuids(), max_size=2),
)  # fmt: skip
def test_any_patient_is_r4(merged, **fields):
    resource = check(patient_resource(a_patient(**fields), merged_ids=merged))

    assert resource["active"] is (fields["archived_at"] is None)
    assert [link["type"] for link in resource.get("link", [])].count("replaces") == len(merged)


@settings(max_examples=40, deadline=None)
@given(
    status=st.sampled_from(Appointment.Status.values), kind=st.sampled_from(Appointment.Type.values),
    priority=st.sampled_from(Appointment.Priority.values), at=moments, minutes=st.integers(1, 600), reason=words,
    notes=words, is_walk_in=st.booleans(), by_patient=st.booleans(), arrived=st.none() | moments,
)  # fmt: skip
def test_any_visit_is_r4(status, kind, priority, at, minutes, reason, notes, is_walk_in, by_patient, arrived):
    visit = Appointment(
        patient=a_patient(), doctor_id=uuid4(), scheduled_at=at, ends_at=at + timedelta(minutes=minutes),
        duration_minutes=minutes, status=status, appointment_type=kind, priority=priority, chief_complaint=reason,
        notes=notes, cancellation_reason=reason, reschedule_reason=reason, is_walk_in=is_walk_in,
        cancelled_by_patient=by_patient, arrived_at=arrived, created_at=at, updated_at=at,
    )  # fmt: skip
    resource = check(appointment_resource(visit))

    assert ("cancelationReason" in resource) == (resource["status"] == "cancelled")  # app-4
    if status in Appointment.OPEN:
        assert resource["status"] == ("arrived" if arrived else "booked")


@settings(max_examples=30, deadline=None)
@given(
    status=st.sampled_from(ConsultationSession.Status.values), telehealth=st.booleans(), started=moments,
    minutes=st.none() | st.integers(0, 900), reason=words, with_reason=st.booleans(),
)  # fmt: skip
def test_any_session_is_r4(status, telehealth, started, minutes, reason, with_reason):
    session = ConsultationSession(
        session_id="SESS-20260001", patient=a_patient(), doctor_id=uuid4(), status=status, telehealth=telehealth,
        started_at=started, ended_at=None if minutes is None else started + timedelta(minutes=minutes),
        duration_minutes=minutes, chief_complaint=reason, session_notes="canary", private_context="canary",
        created_at=started, updated_at=started,
    )  # fmt: skip
    resource = check(encounter_resource(session, appointment_id=uuid4(), with_reason=with_reason))

    assert ("reasonCode" in resource) == (with_reason and bool(reason))
    assert "canary" not in json.dumps(resource)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(Consent.Kind.values), status=st.sampled_from(Consent.Status.values), given_at=moments,
    expires_at=st.none() | moments, version=st.sampled_from(["1", "999"]),
)  # fmt: skip
def test_any_consent_is_r4(kind, status, given_at, expires_at, version):
    is_given = status in (Consent.Status.LIVE, Consent.Status.WITHDRAWN, Consent.Status.EXPIRED)
    consent = Consent(
        patient=a_patient(), kind=kind, status=status, method="verbal", text_version=version, text_hash="0" * 64,
        given_at=given_at if is_given else None, expires_at=expires_at, created_at=given_at, updated_at=given_at,
        withdrawn_at=given_at if status == Consent.Status.WITHDRAWN else None,
    )  # fmt: skip
    resource = check(consent_resource(consent, at=AT))

    assert "sourceAttachment" not in resource  # the hash is of other words
    if status == Consent.Status.LIVE:
        assert resource["status"] == ("inactive" if expires_at and expires_at <= AT else "active")


@settings(max_examples=40, deadline=None)
@given(
    prices=st.lists(st.decimals("0", "99999", places=2), min_size=1, max_size=4), quantity=st.integers(1, 9),
    tax_rate=st.sampled_from(["0", "7.5", "18"]), takes_off=st.booleans(), is_included=st.booleans(),
    status=st.sampled_from([state for state in Bill.Status.values if state != "pending"]), notes=words,
)  # fmt: skip
def test_any_issued_bill_is_r4_and_adds_up(prices, quantity, tax_rate, takes_off, is_included, status, notes):
    lines = [Line("Visit", price, quantity, cpt_code="90834") for price in prices]
    discount = min(prices) if takes_off else Decimal(0)
    totals = add_up(
        lines, discount=discount, tax_rate=Decimal(tax_rate), currency="INR", prices_include_tax=is_included
    )
    bill = Bill(
        bill_number="INV-202605-000001", patient=a_patient(), doctor_id=uuid4(), bill_type="followup", status=status,
        currency="INR", line_items=[line.dump("INR") for line in lines], discount_amount=discount,
        prices_include_tax=is_included, tax_rate=Decimal(tax_rate), tax_amount=totals.tax, total_amount=totals.total,
        bill_date=date(2026, 5, 3), due_date=date(2026, 5, 17), notes=notes, internal_notes="canary", updated_at=AT,
    )  # fmt: skip
    resource = check(invoice_resource(bill))

    def value(money):
        return Decimal(str(money["value"]))

    components = resource.get("totalPriceComponent", [])
    taken_off = sum(value(part["amount"]) for part in components if part["type"] == "discount")
    tax = sum(value(part["amount"]) for part in components if part["type"] == "tax")
    charged = sum(value(line["priceComponent"][0]["amount"]) for line in resource["lineItem"])
    assert value(resource["totalGross"]) == totals.total == charged - taken_off + (0 if is_included else tax)
    assert value(resource["totalGross"]) - value(resource["totalNet"]) == tax
    assert ("cancelledReason" in resource) == (status == "cancelled")
    assert "canary" not in json.dumps(resource)


def test_a_clinic_with_and_without_address_is_r4():
    check(organization_resource(ClinicSettings(name="Clinic")))
    full = ClinicSettings(name="Clinic", address="1 Road\nTown", phone="+91221", email="a@clinic.example")
    assert check(organization_resource(full))["address"][0]["country"] == "IN"


def test_neither_a_draft_nor_a_bill_that_was_not_issued_becomes_a_resource(asha, now):
    from reports.tests.factories import make_report

    draft = make_report(asha)
    with pytest.raises(ValueError, match="signed"):
        composition_resource(draft, updated_at=now)
    with pytest.raises(ValueError, match="signed"):
        document_reference_resource(draft, is_superseded=False, amended_is_shown=False, with_pdf=True, updated_at=now)
    with pytest.raises(ValueError, match="issued"):
        invoice_resource(Bill(bill_number=None, status="pending"))


def test_the_version_changes_when_and_only_when_something_else_is_told():
    pk = uuid4()
    first, same = (patient_resource(a_patient(pk=pk), merged_ids=()) for _ in range(2))
    moved = patient_resource(a_patient(pk=pk, address="Elsewhere"), merged_ids=())
    noted = patient_resource(a_patient(pk=pk, notes="Not told"), merged_ids=())

    versions = [resource["meta"]["versionId"] for resource in (first, same, moved, noted)]
    assert versions[0] == versions[1] == versions[3] != versions[2]


def test_the_words_of_a_consent_come_with_the_hash_fhir_asks_for(asha, now):
    practice = make_practice(asha, at=now)

    resource = consent_resource(practice.consent, at=timezone.now())

    assert resource["sourceAttachment"]["title"] == "Treatment"
    assert resource["scope"]["coding"][0]["code"] == "treatment"
