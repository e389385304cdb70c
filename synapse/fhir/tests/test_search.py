"""Searches: what each parameter finds, what cannot be read, and pages that show every row once."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from django.conf import settings
from django.utils import timezone

from billing.tests.factories import make_bill
from patients import services as patients
from patients.models import Consent
from patients.tests.factories import make_patient
from scheduling.tests.factories import make_appointment
from sessions_app.tests.factories import make_consent, make_session
from synapse import workflows
from synapse.fhir.parameters import read_range
from synapse.fhir.tests.checking import check

INDIA = datetime.fromisoformat("2026-01-01T00:00:00+05:30").tzinfo


def found(ask, user, path):
    body = ask(user, path).body
    assert body["resourceType"] == "Bundle", body
    ids = [entry["resource"]["id"] for entry in body.get("entry", [])]
    assert body["total"] == len(ids)
    return ids


@pytest.fixture
def people(asha):
    return {
        "kavya": make_patient(asha, first_name="Kavya", last_name="Iyer", date_of_birth=date(1991, 5, 2)),
        "kiran": make_patient(asha, first_name="Kiran", last_name="Kavyansh", date_of_birth=date(1991, 5, 2)),
        "jose": make_patient(asha, first_name="José", last_name="de la Cruz", date_of_birth=date(1980, 1, 1)),
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=kav", {"kavya", "kiran"}),
        ("given=KAV", {"kavya"}),
        ("family=kav", {"kiran"}),
        ("name=jose", {"jose"}),
        ("name=la+cruz", {"jose"}),
        ("name=kavya&birthdate=1991-05-02", {"kavya", "kiran"}),
        ("family=iyer&given=kavya", {"kavya"}),
        ("birthdate=1991-05-02", {"kavya", "kiran"}),
        ("birthdate=eq1980-01-01", {"jose"}),
        ("name=kawya", set()),
        ("name=kavya&birthdate=1980-01-01", set()),
        ("", {"kavya", "kiran", "jose"}),
    ],
)
def test_patients_are_found_by_how_their_names_begin_and_by_birth_date(asha, ask, people, query, names):
    assert set(found(ask, asha, f"Patient?{query}")) == {str(people[name].pk) for name in names}


def test_patients_are_found_by_number_and_id(asha, ask, people):
    kavya, jose = people["kavya"], people["jose"]
    number = kavya.patient_id
    system = quote(f"{settings.BASE_URL}/identifiers/patient|{number}")

    assert found(ask, asha, f"Patient?identifier={number}") == [str(kavya.pk)]
    assert found(ask, asha, f"Patient?identifier={system}") == [str(kavya.pk)]
    assert found(ask, asha, f"Patient?identifier=http://other|{number}") == []
    assert set(found(ask, asha, f"Patient?_id={kavya.pk},{jose.pk}")) == {str(kavya.pk), str(jose.pk)}


def test_an_archived_patient_is_read_but_not_found(asha, ask, people, now):
    patient = people["kavya"]
    patients.archive_patient(patient, by=asha, at=now)

    assert found(ask, asha, "Patient?name=kavya&given=kavya") == []
    assert ask(asha, f"Patient/{patient.pk}").body["active"] is False


def test_a_search_may_be_posted_and_its_next_page_names_nobody(asha, signed_in, people):
    client = signed_in(asha)

    answer = client.post(
        "/api/v1/fhir/Patient/_search?_count=1", {"name": "kav"}, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 400  # the form has to be written as one
    answer = client.generic(
        "POST", "/api/v1/fhir/Patient/_search?_count=1", "name=kav", content_type="application/x-www-form-urlencoded"
    )

    bundle = answer.json()
    assert bundle["total"] == 2
    following = next(link["url"] for link in bundle["link"] if link["relation"] == "next")
    assert "kav" not in following.lower().partition("?")[0]
    assert "name" not in following
    assert len(client.get(following).json()["entry"]) == 1
    assert client.post("/api/v1/fhir/Patient/_search", "{}", content_type="application/json").status_code == 415
    assert client.generic("POST", "/api/v1/fhir/Patient/_search", content_type="").status_code == 200


def test_a_merged_record_leads_to_the_one_that_is_kept(asha, omar, ask, now):
    kept, other = make_patient(asha, last_name="Banerjee"), make_patient(asha, last_name="Sen")
    session = make_session(asha, patient=other, status="completed")
    workflows.merge_patients(kept, other, choices={}, reason="Same card.", by=omar, at=now)

    assert found(ask, asha, f"Patient?identifier={other.patient_id}") == [str(kept.pk)]
    assert ask(asha, f"Patient/{other.pk}").body["link"] == [
        {"other": {"reference": f"Patient/{kept.pk}"}, "type": "replaced-by"}
    ]
    assert ask(asha, f"Patient/{kept.pk}").body["link"][0]["type"] == "replaces"
    for asked in (kept, other):
        assert found(ask, asha, f"Encounter?patient={asked.pk}") == [str(session.pk)]
    assert ask(asha, f"Encounter/{session.pk}").body["subject"] == {"reference": f"Patient/{kept.pk}"}
    whole = ask(asha, f"Patient/{kept.pk}/$everything").body
    assert {str(kept.pk), str(other.pk), str(session.pk)} <= {entry["resource"]["id"] for entry in whole["entry"]}


@pytest.fixture
def rows(asha):
    noon = datetime(2026, 5, 3, 12, tzinfo=UTC)
    patient, other = make_patient(asha), make_patient(asha)
    return {
        "patient": patient,
        "session": make_session(asha, patient=patient, status="completed", at=noon, consent=False),
        "other session": make_session(
            asha, patient=other, status="cancelled", at=noon + timedelta(days=1), consent=False
        ),
        "visit": make_appointment(asha, patient=patient, scheduled_at=noon, status="confirmed"),
        "other visit": make_appointment(asha, patient=other, scheduled_at=noon + timedelta(days=1), status="cancelled"),
        "consent": make_consent(patient, by=asha),
    }


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("Encounter?patient={patient}", "session"),
        ("Encounter?patient=Patient/{patient}", "session"),
        ("Encounter?subject=Patient/{patient}", "session"),
        ("Encounter?status=finished", "session"),
        ("Encounter?status=cancelled", "other session"),
        ("Encounter?date=2026-05-03", "session"),
        ("Encounter?date=gt2026-05-03", "other session"),
        ("Encounter?date=ge2026-05-03T12:00:00Z&date=lt2026-05-04", "session"),
        ("Encounter?date=2026-05-03T17:30:00%2B05:30", "session"),
        ("Appointment?patient={patient}", "visit"),
        ("Appointment?status=booked", "visit"),
        ("Appointment?status=cancelled", "other visit"),
        ("Appointment?date=le2026-05-03", "visit"),
        ("Appointment?date=ne2026-05-03", "other visit"),
        ("Appointment?patient={patient}&practitioner=Practitioner/{asha}", "visit"),
        ("Consent?patient={patient}", "consent"),
        ("Consent?status=active", "consent"),
    ],
)
def test_rows_are_found_by_patient_date_and_status(asha, ask, rows, query, name):
    path = query.format(patient=rows["patient"].pk, asha=asha.pk)

    assert found(ask, asha, path) == [str(rows[name].pk)]


def test_a_consent_ends_at_its_time_also_for_a_search(asha, ask, rows, now):
    Consent.objects.filter(pk=rows["consent"].pk).update(expires_at=now - timedelta(minutes=1))

    assert found(ask, asha, "Consent?status=active") == []
    assert found(ask, asha, "Consent?status=inactive") == [str(rows["consent"].pk)]


def test_bills_are_found_by_number_status_and_day(asha, ask):
    bill, paid = make_bill(asha, status="sent"), make_bill(asha, status="paid")
    day = bill.bill_date.isoformat()

    assert found(ask, asha, f"Invoice?identifier={bill.bill_number}") == [str(bill.pk)]
    assert found(ask, asha, "Invoice?status=balanced") == [str(paid.pk)]
    assert set(found(ask, asha, f"Invoice?date={day}")) == {str(bill.pk), str(paid.pk)}
    assert found(ask, asha, f"Invoice?date=lt{day}") == []


def test_what_changed_since_is_found_by_the_time_told(asha, ask):
    first, second = make_patient(asha), make_patient(asha)
    told = ask(asha, f"Patient/{first.pk}").body["meta"]["lastUpdated"]

    assert found(ask, asha, f"Patient?_lastUpdated=gt{quote(told)}") == [str(second.pk)]
    assert set(found(ask, asha, f"Patient?_lastUpdated=ge{quote(told)}")) == {str(first.pk), str(second.pk)}


def test_practitioners_are_found_by_name(asha, ben, omar, ask):
    assert found(ask, asha, "Practitioner?name=ok") == [str(ben.pk)]
    assert set(found(ask, asha, "Practitioner")) == {str(asha.pk), str(ben.pk)}


@pytest.mark.parametrize(
    "query",
    [
        "Patient?birthdate=1991", "Patient?birthdate=ge1991-05-02", "Patient?birthdate=1991-13-45", "Patient?name=",
        "Patient?name=%00", "Patient?name=...", "Patient?name:exact=x", "Patient?_count=-1", "Patient?_count=1.5",
        "Patient?_count=%D9%A3", "Patient?_sort=name", "Patient?_id=1", "Patient?_page=v1.x.y", "Patient?_page=",
        "Patient?_include=Patient:link", "Patient?_lastUpdated=yesterday", "Encounter?patient=Encounter/1",
        "Encounter?patient=1", "Encounter?date=2026-02-30", "Encounter?date=xx2026", "Encounter?date=ap2026",
        "Encounter?date=2026-05-03T25:00", "Encounter?date=9999-12-31", "Encounter?date=0000", "Encounter?status=odd",
        "Encounter?date=2026-05-03T12:00:00%2B99:99", "Appointment?status=pending", "Invoice?date=9999",
        "Invoice?date=9999-12-31T23:00:00Z",
        "Composition?type=11506-3", "Practitioner?name=%00", "Encounter?date=0001", "Patient?name=" + "a" * 501,
    ],
)  # fmt: skip
def test_bad_values_are_400_and_name_the_parameter(asha, ask, query):
    answer = ask(asha, query)

    assert answer.status_code == 400
    issue = check(answer.json())["issue"][0]
    assert issue["expression"][0].startswith("http.")


@pytest.mark.parametrize(
    "query",
    [
        "_type=Observation",
        "_since=yesterday",
        "_since=2026-05-03",
        "_since=gt2026-05-03T10:00Z",
        "_count=0",
        "start=2026",
    ],
)
def test_bad_values_of_everything_are_400(asha, ask, query):
    patient = make_patient(asha)

    assert ask(asha, f"Patient/{patient.pk}/$everything?{query}").status_code == 400


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("2026", "2026-01-01T00:00:00+05:30", "2027-01-01T00:00:00+05:30"),
        ("2026-12", "2026-12-01T00:00:00+05:30", "2027-01-01T00:00:00+05:30"),
        ("2024-02-29", "2024-02-29T00:00:00+05:30", "2024-03-01T00:00:00+05:30"),
        ("2026-05-03T09:30", "2026-05-03T09:30:00+05:30", "2026-05-03T09:31:00+05:30"),
        ("2026-05-03T09:30:15Z", "2026-05-03T09:30:15+00:00", "2026-05-03T09:30:16+00:00"),
        ("2026-05-03T09:30:15.25Z", "2026-05-03T09:30:15.250+00:00", "2026-05-03T09:30:15.260+00:00"),
    ],
)
def test_a_date_is_as_long_as_it_is_written(value, start, end):
    assert read_range("date", value, INDIA) == ("eq", datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_a_walk_shows_every_row_once_whatever_comes_meanwhile(asha, ask, walk):
    wanted = [str(make_patient(asha).pk) for _ in range(7)]
    first = ask(asha, "Patient?_count=3").body
    following = first["link"][1]["url"].partition("/api/v1/fhir/")[2]
    make_patient(asha)  # newest first: it would shift a page that is counted

    pages = [first, *walk(asha, following)]

    assert [entry["resource"]["id"] for page in pages for entry in page["entry"]] == wanted[::-1]
    assert [len(page["entry"]) for page in pages] == [3, 3, 1]
    assert first["total"] == 7


@pytest.mark.parametrize(
    ("sort", "is_reversed"), [("date", False), ("-date", True), ("_lastUpdated", False), ("-_lastUpdated", True)]
)
def test_a_walk_is_sorted_as_asked(asha, walk, sort, is_reversed):
    at = timezone.now().replace(microsecond=0) + timedelta(days=3)
    visits = [str(make_appointment(asha, scheduled_at=at + timedelta(hours=hour)).pk) for hour in range(4)]

    pages = walk(asha, f"Appointment?_sort={sort}&_count=2")

    ids = [entry["resource"]["id"] for page in pages for entry in page["entry"]]
    assert ids == (visits[::-1] if is_reversed else visits)


def test_rows_of_one_moment_are_shown_once(asha, walk):
    from patients.models import Patient

    wanted = {str(make_patient(asha).pk) for _ in range(5)}
    Patient.objects.update(created_at=timezone.now())

    ids = [entry["resource"]["id"] for page in walk(asha, "Patient?_count=2") for entry in page["entry"]]

    assert len(ids) == 5
    assert set(ids) == wanted


def test_no_rows_may_be_asked_for_and_more_than_a_hundred_are_not_given(asha, ask):
    make_patient(asha)

    none = ask(asha, "Patient?_count=0").body
    assert none["total"] == 1
    assert "entry" not in none
    assert len(none["link"]) == 1
    assert ask(asha, "Patient?_count=5000").status_code == 200


def test_a_link_to_a_page_is_of_one_search_alone(asha, ask):
    for _ in range(2):
        make_patient(asha)
    following = ask(asha, "Patient?_count=1").body["link"][1]["url"].partition("?")[2]

    assert ask(asha, f"Encounter?{following}").status_code == 400
    assert ask(asha, f"Patient?{following}&name=kavya").status_code == 400
    assert ask(asha, f"Patient/{make_patient(asha).pk}/$everything?{following}").status_code == 400


def test_searchsets_are_r4(asha, ask, rows):
    for name in ("Patient", "Encounter", "Appointment", "Consent", "Practitioner", "Organization"):
        bundle = ask(asha, f"{name}?_count=1").body
        check(bundle)
        entry = bundle["entry"][0]
        assert entry["fullUrl"] == f"{settings.BASE_URL}/api/v1/fhir/{name}/{entry['resource']['id']}"


def test_everything_comes_once_whatever_the_size_of_its_pages(asha, walk, rows):
    patient = rows["patient"]
    make_bill(asha, patient=patient, status="sent")

    walks = {count: walk(asha, f"Patient/{patient.pk}/$everything?_count={count}") for count in (1, 2, 3, 100)}

    for count, pages in walks.items():
        told = [
            (entry["resource"]["resourceType"], entry["resource"]["id"]) for page in pages for entry in page["entry"]
        ]
        assert len(told) == len(set(told)) == pages[0]["total"]
        assert all(len(page["entry"]) <= count for page in pages)
        assert {kind for kind, _ in told} == {
            "Patient", "Organization", "Practitioner", "Encounter", "Appointment", "Consent", "Invoice",
        }  # fmt: skip
    check(walks[3][0])


def test_everything_can_be_narrowed(asha, ask, rows, now):
    path = f"Patient/{rows['patient'].pk}/$everything"

    kinds = {entry["resource"]["resourceType"] for entry in ask(asha, f"{path}?_type=Encounter,Consent").body["entry"]}
    assert kinds == {"Encounter", "Consent"}
    since = quote((now + timedelta(days=1)).isoformat())
    later = {entry["resource"]["resourceType"] for entry in ask(asha, f"{path}?_since={since}").body["entry"]}
    assert later == {"Organization", "Practitioner"}  # nothing says when these last changed
