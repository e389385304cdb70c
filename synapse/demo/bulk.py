"""Many synthetic patients at once, for measuring lists and searches."""

import random
from datetime import date, datetime, timedelta

from django.db import transaction

from patients.finding import indexing
from patients.models import Patient, PatientAccess, PatientToken
from synapse.accounts.models import User
from synapse.common.models import Counter

FIRST_NAMES = (
    "Aarav Aditi Amit Ananya Anil Asha Bhavna Chetan Daniel Deepa Elena Farhan Fatima Gauri Hari Imran Jaya John Kabir "
    "Kavya Leela Manish Maria Meera Mohan Nadia Neha Nikhil Omar Pooja Priya Rahul Ravi Reena Rohan Sana Sara Sunil "
    "Tara Thomas Uma Varun Vikram Yash Zara"
).split()
LAST_NAME_STARTS = (
    "Agar Ban Bhat Chau Dau Desh Fern Gai Gup Iye Jos Kapo Khan Kulk Mal Men Nai Pat Pil Rao Sax Sha Var"
).split()
LAST_NAME_ENDS = (
    "a aj al am an ande ar asi at da de e ekar er i ia in kar la li ma na ni on ra ri sa ta wal ya"
).split()
BATCH = 500


def add_patients(count: int, *, doctor: User, at: datetime, seed: int = 1) -> None:
    """Add invented patients of a doctor in batches; the same seed invents the same people."""
    chance = random.Random(seed)  # noqa: S311  invented people, no secret
    for start in range(0, count, BATCH):
        _add_batch(min(BATCH, count - start), chance, doctor=doctor, at=at)


def _add_batch(size: int, chance: random.Random, *, doctor: User, at: datetime) -> None:
    with transaction.atomic():
        first_number = _take_numbers(size, str(at.year))
        people = [_invent(chance, f"PAT-{at.year}{first_number + place:04d}", doctor) for place in range(size)]
        Patient.objects.bulk_create(people)
        PatientAccess.objects.bulk_create(
            PatientAccess(
                patient=person,
                doctor=doctor,
                source=PatientAccess.Source.REGISTERED,
                granted_at=at,
                granted_by=doctor,
            )
            for person in people
        )
        PatientToken.objects.bulk_create(
            (PatientToken(token=token, patient=person) for person in people for token in indexing.tokens_of(person)),
            batch_size=2000,
        )


def _take_numbers(size: int, period: str) -> int:
    """Take a run of patient numbers and return the first."""
    Counter.objects.get_or_create(series="PAT", period=period)
    counter = Counter.objects.select_for_update().get(series="PAT", period=period)
    counter.last += size
    counter.save(update_fields=["last"])
    return counter.last - size + 1


def _invent(chance: random.Random, number: str, doctor: User) -> Patient:
    first = chance.choice(FIRST_NAMES)
    last = chance.choice(LAST_NAME_STARTS) + chance.choice(LAST_NAME_ENDS)
    person = Patient(
        patient_id=number,
        first_name=first,
        last_name=last,
        date_of_birth=date(1940, 1, 1) + timedelta(days=chance.randrange(25_000)),
        gender=chance.choice(["female", "male", "non-binary"]),
        phone_primary=f"+9198{chance.randrange(10**8):08d}",
        email=f"{first.lower()}.{chance.randrange(10**6)}@example.in",
        created_by=doctor,
    )
    indexing.set_hashes(person)
    return person
