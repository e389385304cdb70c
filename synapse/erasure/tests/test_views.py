"""The pages of holds and erasures: who gets in, what they do, and what the table of keeping says."""

import os
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from patients.models import LegalHold, Patient
from patients.tests.factories import make_patient
from synapse.accounts.browser_sessions import PROVEN_KEY
from synapse.accounts.models import Invitation
from synapse.api.models import IdempotencyKey
from synapse.audit.models import AuditEvent
from synapse.erasure import purging
from synapse.erasure.models import Erasure

pytestmark = pytest.mark.django_db


def test_only_administrators_get_in_and_what_matters_asks_who_is_there(asha, rita, omar, signed_in):
    patient = make_patient(asha)
    addresses = [reverse("erasure:index"), reverse("erasure:periods"), reverse("erasure:patient", args=[patient.pk])]
    for person in (asha, rita):
        client = signed_in(person)
        assert {client.get(address).status_code for address in addresses} == {403}
        assert client.post(reverse("erasure:ask", args=[patient.pk])).status_code == 403
    client = signed_in(omar)
    assert {client.get(address).status_code for address in addresses} == {200}
    session = client.session
    session[PROVEN_KEY] = session[PROVEN_KEY] - 3600
    session.save()

    asked = client.post(reverse("erasure:ask", args=[patient.pk]), {"asked_by": "patient", "reason": "Wishes it"})

    assert asked.status_code == 403
    assert not Erasure.objects.exists()


def test_an_administrator_holds_asks_and_erases_on_the_page(asha, omar, signed_in):
    patient = make_patient(asha, first_name="Quetzal")
    client, page = signed_in(omar), reverse("erasure:patient", args=[patient.pk])
    client.post(reverse("erasure:place_hold", args=[patient.pk]), {"reason": "A court asked"})
    refused = client.post(reverse("erasure:ask", args=[patient.pk]), {"asked_by": "patient", "reason": "Wishes it"})
    hold = LegalHold.objects.get()
    client.post(reverse("erasure:release_hold", args=[patient.pk, hold.pk]))
    empty = client.post(reverse("erasure:ask", args=[patient.pk]), {"asked_by": "patient", "reason": ""})
    client.post(reverse("erasure:ask", args=[patient.pk]), {"asked_by": "patient", "reason": "Wishes it"})
    erasure = Erasure.objects.get()
    too_early = client.post(reverse("erasure:carry_out", args=[erasure.pk]), follow=True)
    Erasure.objects.update(not_before=timezone.now() - timedelta(days=1))
    assert "Quetzal" in client.get(reverse("dashboard:worklist")).content.decode()

    done = client.post(reverse("erasure:carry_out", args=[erasure.pk]), follow=True)

    assert (refused.status_code, empty.status_code) == (422, 422)
    assert "legal hold" in refused.content.decode()
    assert "Somebody else carries it out" in too_early.content.decode()
    assert "Erased. The certificate is ERA-" in done.content.decode()
    assert "Quetzal" not in client.get(page).content.decode()
    assert client.get(reverse("patients:detail", args=[patient.pk])).status_code == 404
    denials = AuditEvent.objects.filter(patient_id=patient.pk, outcome="denied").values_list(
        "detail__reason", flat=True
    )
    assert list(denials) == ["legal_hold", "too_early", "not_found"]


def test_purging_counts_first_destroys_what_is_past_its_time_and_never_records_or_the_trail(asha, now):
    patient = make_patient(asha)
    Patient.objects.filter(pk=patient.pk).update(due_for_erasure_since=now)
    Invitation.objects.create(
        email="x@clinic.example",
        role="doctor",
        token_hash="a" * 64,
        invited_by=asha,
        expires_at=now - timedelta(days=31),
    )
    for hours in (1, 25):
        key = IdempotencyKey.objects.create(user=asha, key_hash=f"{hours:064}", request_hash="b" * 64)
        IdempotencyKey.objects.filter(pk=key.pk).update(created_at=now - timedelta(hours=hours))
    left = settings.DATA_DIR / "tmp" / "left"
    left.parent.mkdir(exist_ok=True)
    left.touch()
    os.utime(left, (0, 0))
    copy = settings.DATA_DIR / "backups" / "before-migration-20240101-120000"
    copy.mkdir(parents=True, exist_ok=True)
    events = AuditEvent.objects.count()
    said = StringIO()

    call_command("purge_expired", "--dry-run", stdout=said)
    counted = purging.purge_expired(now, is_dry_run=True)
    still_there = left.exists() and Invitation.objects.exists()
    purged = purging.purge_expired(now)
    again = purging.purge_expired(now)

    assert still_there
    assert counted == purged
    assert {name: count for name, count in purged.items() if count} == {
        "Answers kept for programs": 1,
        "Invitations of colleagues": 1,
        "Temporary files": 1,
        "Backups made before a migration": 1,
        "Records of patients": 1,
    }
    assert "     1 Answers kept for programs" in said.getvalue()
    assert {name for name, count in again.items() if count} == {"Records of patients"}
    assert IdempotencyKey.objects.count() == 1
    assert not left.exists()
    assert not copy.exists()
    assert Patient.objects.filter(pk=patient.pk, erased_at=None).exists()
    assert AuditEvent.objects.count() == events


def test_a_temporary_file_that_goes_while_they_are_counted_stops_no_purge(now, monkeypatch):
    used = settings.DATA_DIR / "tmp" / "used"
    used.parent.mkdir(exist_ok=True)
    list_folder = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: [*list_folder(folder), used])

    assert purging.purge_expired(now)["Temporary files"] == 0
