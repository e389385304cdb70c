"""Start with a fee schedule a clinic can edit: code numbers with our own short words, prices in rupees.

Lengths follow the usual midpoints of the timed psychotherapy codes: 16 to 37, 38 to 52, 53 minutes and more.
"""

import datetime
from decimal import Decimal

from django.db import migrations

VALID_FROM = datetime.date(2020, 1, 1)
TIMED = [
    (0, "99213", "Medication review", "800"),
    (16, "90832", "Psychotherapy, 30 minutes", "1400"),
    (38, "90834", "Psychotherapy, 45 minutes", "2000"),
    (53, "90837", "Psychotherapy, 60 minutes", "2600"),
]
SCHEDULE = {
    "new_patient": [(0, "90791", "First psychiatric assessment", "2500")],
    "followup": TIMED,
    "telemedicine": [(minutes, code, f"{words}, by video", price) for minutes, code, words, price in TIMED],
    "consultation": [
        (0, "99212", "Short consultation", "600"),
        (20, "99213", "Consultation, 20 minutes", "800"),
        (30, "99214", "Consultation, 30 minutes", "1200"),
        (40, "99215", "Consultation, 40 minutes", "1600"),
    ],
    "emergency": [
        (0, "99214", "Urgent visit", "1800"),
        (30, "90839", "Crisis session, 60 minutes", "3500"),
    ],
}


def add_items(apps, schema_editor):
    FeeScheduleItem = apps.get_model("billing", "FeeScheduleItem")
    FeeScheduleItem.objects.bulk_create(
        FeeScheduleItem(
            session_type=session_type,
            description=words,
            cpt_code=code,
            minimum_minutes=minutes,
            unit_price=Decimal(price),
            currency="INR",
            valid_from=VALID_FROM,
        )
        for session_type, items in SCHEDULE.items()
        for minutes, code, words, price in items
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunPython(add_items, migrations.RunPython.noop)]
