"""Disclosures that no program made: a call to an authority, a court's order."""

from django.conf import settings
from django.db import models

from patients.models import Patient
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField, EncryptedTextField


class Ground(models.TextChoices):
    """Why the law lets it happen (45 CFR 164.508 and 164.512)."""

    CONSENT = "consent", "The patient agreed"
    LAW = "law", "Required by law"
    COURT = "court", "Court order or subpoena"
    AUTHORITY = "authority", "Public health or supervising authority"
    ABUSE = "abuse", "Report of abuse or neglect"
    DANGER = "danger", "Serious danger to somebody"
    POLICE = "police", "Law enforcement"
    OTHER = "other", "Other"


class NotedDisclosure(Timestamped):
    """One disclosure, noted by the person who made it."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="noted_disclosures")
    disclosed_on = models.DateField()
    recipient = EncryptedCharField(max_length=200)
    address = EncryptedCharField(max_length=300, blank=True, default="")
    what = EncryptedTextField(max_length=1000)
    ground = models.CharField(max_length=9, choices=Ground.choices)
    purpose = EncryptedTextField(max_length=1000)
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"disclosure {self.pk}"
