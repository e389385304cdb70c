"""The search finds who is meant, best first, and only in scope."""

from datetime import date, timedelta

import pytest

from patients import services
from patients.finding.search import search_patients, with_plain_dates
from patients.models import PatientAccess
from patients.tests.factories import make_patient
from synapse.encryption.blind_index import Level

TODAY = date(2026, 6, 1)


def find(text, *, by, limit=50):
    """Return (full name, level) of the hits."""
    hits = search_patients(text, by=by, region="IN", today=TODAY, limit=limit)
    return [(hit.patient.full_name, hit.level) for hit in hits]


@pytest.fixture
def maria(asha):
    return make_patient(
        asha,
        first_name="María José",
        last_name="de la Cruz",
        date_of_birth=date(1991, 5, 2),
        phone_primary="+919820055123",
        phone_secondary="+912026050199",
        email="Maria@Example.org",
    )


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("maria", Level.EXACT),
        ("cruz maria", Level.EXACT),
        ("ma", Level.PREFIX),
        ("mar cru", Level.PREFIX),
        ("mraia", Level.TYPO),
        ("cruzz mari", Level.TYPO),
        ("maria 1991", Level.EXACT),
        ("mar 1991", Level.PREFIX),
        ("1991", Level.EXACT),
        ("maria 2 5 1991", Level.EXACT),
        ("2 5 1991", Level.EXACT),
        ("2/5/91", Level.EXACT),
        ("02.05.1991", Level.EXACT),
        ("1991-05-02", Level.EXACT),
        ("2 May 1991", Level.EXACT),
        ("2nd may 91", Level.EXACT),
        ("May 2, 1991", Level.EXACT),
        ("cruz, 2 MAY 1991", Level.EXACT),
        ("+91 98200 55", Level.PREFIX),
        ("98200 55", Level.PREFIX),
        ("+91 98200 55123", Level.EXACT),
        ("098200 55123", Level.EXACT),
        ("020 2605 0199", Level.EXACT),
        ("5123", Level.EXACT),
        ("0199", Level.EXACT),
        ("maria 5123", Level.EXACT),
        ("maria@example.org", Level.EXACT),
    ],
)
def test_a_patient_is_found_by(asha, maria, text, level):
    assert find(text, by=asha) == [(maria.full_name, level)]


@pytest.mark.parametrize(
    "text", ["anna", "maria 1990", "maria anna", "+91 98201", "2 6 1991", "maria@example.com", "m", "", "%", "' OR 1=1"]
)
def test_a_patient_is_not_found_by(asha, maria, text):
    assert find(text, by=asha) == []


def test_a_number_is_typed_whole_in_part_or_as_its_last_figures(asha, maria):
    number = maria.patient_id
    sequence = str(int(number[8:]))

    for text in (number, number.lower(), number.replace("-", " "), number[4:], f"pat {sequence}", sequence):
        assert find(text, by=asha) == [(maria.full_name, Level.EXACT)], text
    assert find(number[:-1], by=asha) == [(maria.full_name, Level.PREFIX)]
    assert find(f"pat {int(sequence) + 1}", by=asha) == []


def test_better_hits_come_first_and_among_equals_the_one_seen_last(asha, now):
    names = ["Kaavya Menon", "Kavyashree Rao", "Kavya Iyer", "Kavya Nair", "Daniel Okafor"]
    patients = {
        name: make_patient(asha, first_name=name.split()[0], last_name=name.split()[1], at=now) for name in names
    }
    seen = PatientAccess.Source.SEEN
    services.grant_access(patients["Kavya Iyer"], doctor=asha, source=seen, by=asha, at=now - timedelta(days=2))
    services.grant_access(patients["Kavya Nair"], doctor=asha, source=seen, by=asha, at=now - timedelta(days=9))

    assert find("kavya", by=asha) == [
        ("Kavya Iyer", Level.EXACT),
        ("Kavya Nair", Level.EXACT),
        ("Kavyashree Rao", Level.PREFIX),
        ("Kaavya Menon", Level.TYPO),
    ]


def test_a_doctor_finds_own_patients_and_reception_finds_all(asha, ben, rita, omar, maria):
    assert find("maria", by=ben) == find("5123", by=ben) == find(maria.patient_id, by=ben) == []
    assert len(find("maria", by=rita)) == len(find("maria", by=omar)) == 1


def test_a_share_makes_a_patient_found_and_its_end_hides_them(asha, ben, maria, now):
    access = services.share_patient(maria, doctor=ben, by=asha, at=now)
    assert len(find("maria", by=ben)) == 1

    services.end_share(access, by=asha, at=now)

    assert find("maria", by=ben) == []


def test_an_archived_patient_is_not_found(asha, maria, now):
    services.archive_patient(maria, by=asha, at=now)

    assert find("maria", by=asha) == find(maria.patient_id, by=asha) == []


def test_a_former_name_finds_nobody(asha, maria, now):
    services.update_patient(maria, {"last_name": "Fernandes"}, by=asha, at=now)

    assert find("cruz", by=asha) == []
    assert len(find("fernandes", by=asha)) == 1


def test_the_answer_is_capped_with_the_best(asha):
    for _ in range(4):
        make_patient(asha, first_name="Mariam")
    exact = make_patient(asha, first_name="Maria")

    assert find("maria", by=asha, limit=3)[0] == (exact.full_name, Level.EXACT)
    assert len(find("maria", by=asha, limit=3)) == 3


def test_a_shared_deletion_is_no_likeness(asha):
    """Two words less one letter each may meet at two typos; the decrypted name decides."""
    make_patient(asha, first_name="Bcde", last_name="Xyzw")

    assert find("abcd", by=asha) == []


def test_every_single_typo_of_a_name_finds_it(asha):
    name = "leila"
    make_patient(asha, first_name="Leila", last_name="Qx")
    swaps = {name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1)}
    deletions = {name[:at] + name[at + 1 :] for at in range(len(name))}
    replacements = {name[:at] + "u" + name[at + 1 :] for at in range(len(name))}
    insertions = {name[:at] + "u" + name[at:] for at in range(len(name) + 1)}

    missed = [typed for typed in swaps | deletions | replacements | insertions if not find(typed, by=asha)]

    assert missed == []


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("2 May 1991", "1991-05-02"),
        ("maria 2 may 1991", "maria 1991-05-02"),
        ("31 feb 1991", "31 feb 1991"),
        ("+91 98 20 1991", "+91 98 20 1991"),
        ("98 20 05 51 23", "98 20 05 51 23"),
        ("may", "may"),
        ("1 2 26", " 1/2/2026 "),
        ("1 2 27", " 1/2/1927 "),
    ],
)
def test_dates_are_told_apart_from_other_figures(typed, plain):
    assert with_plain_dates(typed, TODAY) == plain


def test_a_search_costs_the_same_for_few_and_for_many(asha, django_assert_max_num_queries):
    for _ in range(30):
        make_patient(asha)

    with django_assert_max_num_queries(9):
        assert len(find("kavya", by=asha)) == 30
