"""Give every report signed before there was a chain its entry, in the order of signing."""

from types import SimpleNamespace

from django.db import migrations

from reports.sealing import chain


def add_entries(apps, schema_editor):
    Report = apps.get_model("reports", "Report")
    SealEntry = apps.get_model("reports", "SealEntry")
    last = {}
    chained = set(SealEntry.objects.filter(kind="report").values_list("object_id", flat=True))
    signed = Report.objects.filter(status="signed").exclude(pk__in=chained)
    rows = signed.order_by("signed_at", "created_at", "pk").values_list(
        "pk", "session__patient_id", "content_hash", "signed_by_id", "signed_at"
    )
    for report_id, patient_id, digest, signed_by_id, signed_at in rows.iterator():
        if patient_id not in last:
            end = SealEntry.objects.filter(patient_id=patient_id).order_by("-number").first()
            last[patient_id] = (end.number, end.chain_digest) if end else (0, "")
        number, previous = last[patient_id]
        fields = {
            "patient_id": patient_id,
            "number": number + 1,
            "kind": "report",
            "object_id": report_id,
            "code": chain.new_code(),
            "digest": digest,
            "previous_digest": previous,
            "signed_by_id": signed_by_id,
            "sealed_at": signed_at,
        }
        link = chain.link_digest(SimpleNamespace(**fields))
        SealEntry.objects.create(chain_digest=link, **fields)
        last[patient_id] = (number + 1, link)


class Migration(migrations.Migration):
    dependencies = [("reports", "0005_co_signature_rotation")]
    operations = [migrations.RunPython(add_entries, migrations.RunPython.noop)]
