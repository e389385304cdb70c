"""The demo clinic in plain data: invented people, their visits and what became of them."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

CLINIC = {
    "name": "Banyan Clinic",
    "address": "14 Fergusson College Road\nPune 411004",
    "phone": "+91 20 2553 1187",
    "email": "desk@banyan.example",
    "payment_instructions": "UPI: banyanclinic@bank, or cash and card at the desk.",
}


@dataclass(frozen=True)
class Colleague:
    """Somebody who signs in."""

    username: str
    role: str
    first_name: str
    last_name: str
    specialization: str = ""
    license_number: str = ""


COLLEAGUES = (
    Colleague("admin", "admin", "Omar", "Khan"),
    Colleague("doctor", "doctor", "Asha", "Rao", "Psychiatrist", "MMC-2011-04417"),
    Colleague("doctor2", "doctor", "Ben", "Mehta", "Clinical psychologist", "RCI-A-58214"),
    Colleague("receptionist", "receptionist", "Rita", "Fernandes"),
)


@dataclass(frozen=True)
class DemoPatient:
    """A patient and the doctor who looks after them."""

    key: str
    doctor: str
    fields: dict[str, Any] = field(default_factory=dict)
    consents: tuple[str, ...] = ("treatment", "recording", "keep_audio")


def _person(first: str, last: str, born: date, gender: str, phone: str, **more: Any) -> dict[str, Any]:
    return {
        "first_name": first,
        "last_name": last,
        "date_of_birth": born,
        "gender": gender,
        "phone_primary": phone,
        **more,
    }


PATIENTS = (
    DemoPatient(
        "kavya",
        "doctor",
        _person(
            "Kavya",
            "Iyer",
            date(1991, 5, 2),
            "female",
            "+919820055011",
            email="kavya.iyer@example.in",
            address="7 Model Colony\nPune 411016",
            allergies="Penicillin",
            current_medications="Sertraline 50 mg in the morning",
            medical_history="Generalised anxiety disorder since 2023.",
            occupation="Product manager",
            preferred_language="English",
            emergency_contact_name="Meera Iyer",
            emergency_contact_phone="+919820055012",
            emergency_contact_relationship="Sister",
            insurance_provider="Star Health",
            insurance_policy_number="SH-4471-9920",
            tags=["anxiety"],
        ),
    ),
    DemoPatient(
        "tomas",
        "doctor",
        _person(
            "Tomás",
            "Herrera",
            date(1978, 11, 23),
            "male",
            "+919820055021",
            email="tomas.herrera@example.in",
            occupation="Music teacher",
            marital_status="Married",
            tags=["new"],
        ),
    ),
    DemoPatient(
        "sana",
        "doctor2",
        _person(
            "Sana", "Qureshi", date(1996, 2, 14), "female", "+919820055031", occupation="Analyst", tags=["CBT", "panic"]
        ),
    ),
    DemoPatient(
        "arjun",
        "doctor",
        _person(
            "Arjun",
            "Nair",
            date(2003, 7, 9),
            "male",
            "+919820055041",
            current_medications="Lithium carbonate 800 mg at night",
            medical_history="Bipolar disorder, type I, since 2022.",
            occupation="Student",
            tags=["bipolar"],
        ),
    ),
    DemoPatient(
        "leela",
        "doctor2",
        _person(
            "Leela",
            "Kulkarni",
            date(1985, 9, 30),
            "female",
            "+919820055051",
            current_medications="Prazosin 2 mg at bedtime",
            allergies="Ibuprofen, Shellfish",
            occupation="Nurse",
            tags=["trauma"],
        ),
    ),
    DemoPatient(
        "rohan",
        "doctor",
        _person("Rohan", "Deshpande", date(1969, 1, 17), "male", "+919820055061", occupation="Shopkeeper"),
    ),
    DemoPatient(
        "maria",
        "doctor",
        _person("Maria", "D'Souza", date(1991, 8, 21), "female", "+919820055071", insurance_provider="HDFC Ergo"),
    ),
    DemoPatient(
        "ishaan",
        "doctor2",
        _person("Ishaan", "Bhatt", date(2008, 4, 5), "male", "+919820055081", emergency_contact_name="Nisha Bhatt"),
        consents=("treatment",),
    ),
    DemoPatient("grace", "doctor", _person("Grace", "Thomas", date(1957, 12, 3), "female", "+919820055091")),
    DemoPatient("vikram", "doctor2", _person("Vikram", "Shetty", date(1988, 3, 28), "male", "+919820055101")),
    DemoPatient(
        "farah",
        "doctor",
        _person("Farah", "Ansari", date(1999, 6, 11), "female", "+919820055111"),
        consents=("treatment",),
    ),
    DemoPatient("noor", "doctor2", _person("Noor", "Gill", date(1993, 10, 8), "non-binary", "+919820055121")),
)


@dataclass(frozen=True)
class RecordedVisit:
    """A past visit whose session was recorded, and what the doctor did with its report."""

    patient: str
    recording: str
    days_ago: int
    hour: int
    session_type: str
    reason: str
    report: str
    bill: str


# `recording` is a file beside this module; "" is a microphone that heard a quiet room.
RECORDED_VISITS = (
    RecordedVisit("arjun", "mood_stabiliser_review", 6, 10, "followup", "Lithium review", "signed", "paid"),
    RecordedVisit("leela", "returning_to_work", 5, 11, "followup", "Return to work", "signed", "sent"),
    RecordedVisit("sana", "worry_and_homework", 4, 12, "followup", "CBT, session 5", "draft", "partially_paid"),
    RecordedVisit(
        "tomas", "low_mood_first_visit", 3, 15, "new_patient", "Low mood for three months", "draft", "pending"
    ),
    RecordedVisit(
        "kavya",
        "sleep_and_sertraline",
        1,
        10,
        "followup",
        "Sleep and sertraline",
        "unsupported",
        "sent",
    ),
    RecordedVisit("grace", "", 2, 16, "consultation", "Hearing difficulties", "none", "pending"),
)

# Why they come, where no recorded visit says so.
REASONS = {
    "rohan": "Panic when driving on the motorway",
    "maria": "Sleep since the second night shift",
    "vikram": "Back at work, medication check",
    "noor": "Exam stress, session 3",
    "farah": "Low energy, asked for by her physician",
    "ishaan": "Trouble concentrating at school",
    "grace": "Memory and mood, review",
    "leela": "Return to work, second month",
    "arjun": "Lithium level and side effects",
    "sana": "CBT, session 6",
    "tomas": "Low mood, second visit",
    "kavya": "Sleep and sertraline, review",
}

# Past visits without a recording: patient, days ago, hour, what became of the bill.
UNRECORDED_VISITS = (
    ("rohan", 20, 9, "overdue"),
    ("maria", 13, 14, "refunded"),
    ("vikram", 12, 10, "cancelled"),
    ("noor", 8, 13, "paid"),
)

# Visits that did not happen: patient, days ago, hour, what happened instead.
MISSED_VISITS = (("farah", 7, 15, "no_show"), ("ishaan", 5, 9, "cancelled"), ("maria", 2, 9, "rescheduled"))

# Visits of today: patient, minutes after the first free slot, type, confirmed.
TODAYS_VISITS = (
    ("rohan", 0, "followup", True),
    ("farah", 60, "consultation", False),
    ("ishaan", 0, "followup", False),
    ("vikram", 90, "telemedicine", True),
)

# Visits to come: patient, working days ahead, hour, minute, type, confirmed.
COMING_VISITS = (
    ("grace", 1, 10, 0, "followup", True),
    ("noor", 1, 11, 30, "followup", False),
    ("leela", 2, 11, 0, "followup", True),
    ("arjun", 3, 9, 30, "followup", False),
    ("sana", 3, 12, 0, "followup", True),
    ("tomas", 4, 15, 0, "followup", False),
    ("farah", 5, 10, 0, "followup", False),
    ("rohan", 6, 9, 0, "followup", False),
    ("vikram", 7, 14, 30, "telemedicine", False),
    ("maria", 8, 12, 0, "followup", False),
    ("kavya", 9, 10, 0, "followup", False),
)

ROOMS = ("Room 1", "Room 2", "Room 3")

# Type of visit, minutes, minutes kept free afterwards.
VISIT_LENGTHS = (
    ("new_patient", 60, 10),
    ("followup", 50, 10),
    ("consultation", 50, 10),
    ("telemedicine", 25, 5),
    ("emergency", 30, 0),
)

# When they work: weekday (0 is Monday) to spans of hours; True marks a break.
_LONG_DAY = ((9, 18, False), (13, 14, True))
_SHORT_DAY = ((9, 13, False),)
HOURS: dict[str, dict[int, tuple[tuple[int, int, bool], ...]]] = {
    "doctor": dict.fromkeys(range(5), _LONG_DAY),
    "doctor2": {**dict.fromkeys(range(4), _LONG_DAY), 4: _SHORT_DAY},
}

# Visits that repeat: patient, every so many weeks, how many, working days until the first, hour.
SERIES = (("sana", 1, 10, 5, 16), ("noor", 2, 2, 6, 15))

# Who waits: patient, for their own doctor, priority, from hour, until hour.
WAITING = (
    ("farah", True, "urgent", 0, 0),
    ("kavya", True, "normal", 14, 0),
    ("grace", False, "normal", 9, 13),
    ("ishaan", True, "high", 15, 18),
)
