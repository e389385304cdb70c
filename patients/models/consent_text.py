"""The words patients are asked, in every language and version that was ever in use."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models

from patients.contact.languages import NATIVE_NAMES
from patients.models.consent import Consent
from synapse.common.models import Timestamped


class ConsentTextQuerySet(models.QuerySet["ConsentTextVersion"]):
    def in_use(self, at: datetime) -> ConsentTextQuerySet:
        """Return the versions that hold at a moment, with those before them."""
        return self.filter(effective_at__lte=at)


ConsentTextManager = models.Manager.from_queryset(ConsentTextQuerySet)


class ConsentTextVersion(Timestamped):
    """One version of one question in one language; it never changes, a new one takes its place.

    The number counts per kind, whatever the language: a translation older than the last version that `asks_again` is
    out of use until it is written anew. A version without `made_by` was shipped.
    """

    kind = models.CharField(max_length=20, choices=Consent.Kind.choices)
    language = models.CharField(max_length=5, choices=NATIVE_NAMES.items())
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    text = models.TextField(max_length=4000)
    effective_at = models.DateTimeField()
    asks_again = models.BooleanField(default=False, help_text="Who agreed to an older version is asked again.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ConsentTextManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "language", "version"], name="consent_text_one_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.language} {self.version}"

    @property
    def is_shipped(self) -> bool:
        return self.made_by_id is None
