"""Date what was recorded so far by the clinic's zone of today, by which its months were counted."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import migrations
from django.db.models import F, Max, Min

A_DAY = timedelta(days=1)


def fill(apps, schema_editor):
    clinic = apps.get_model("accounts", "ClinicSettings").objects.first()
    zone = ZoneInfo(clinic.timezone if clinic else "Asia/Kolkata")
    for name in ("LedgerEntry", "Payment"):
        rows = apps.get_model("billing", name).objects.filter(booked_on=None)
        ends = rows.aggregate(first=Min("at"), last=Max("at"))
        if ends["first"] is None:
            continue
        day, last = (ends[end].astimezone(zone).date() for end in ("first", "last"))
        while day <= last:
            start, end = (datetime.combine(each, time(), tzinfo=zone) for each in (day, day + A_DAY))
            # The trigger lets a row be written anew in a statement that raises this number.
            rows.filter(at__gte=start, at__lt=end).update(booked_on=day, key_generation=F("key_generation") + 1)
            day += A_DAY


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0020_day_of_an_entry"),
        ("accounts", "0005_claim_identifiers"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
