"""What patients agreed to, and what holds of it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from patients.contact.languages import NATIVE_NAMES
from patients.models.patient import Patient
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField

# When a patient said what a consent row holds: an end counts from when it was asked for.
ANSWERED_AT = Coalesce("withdrawn_at", "given_at", "declined_at", "created_at")


class ConsentQuerySet(models.QuerySet["Consent"]):
    def answered(self) -> ConsentQuerySet:
        """Leave out what the patient was asked by link and never answered."""
        return self.exclude(status=Consent.Status.PENDING).exclude(status=Consent.Status.EXPIRED, given_at=None)

    def holding(self, at: datetime) -> ConsentQuerySet:
        """Return what a patient agreed to and stands by at a moment.

        Of one record the live row is the latest answer. Of two records of one person the latest answer of either
        counts: a yes that the person took back, or let run out, on the other record afterwards does not hold.
        """
        in_time = Q(expires_at=None) | Q(expires_at__gt=at)
        refusals = (
            Consent.objects.answered()
            .exclude(in_time, status=Consent.Status.LIVE)
            .alias(said_at=ANSWERED_AT)
            .filter(kind=OuterRef("kind"), said_at__gte=OuterRef("given_at"))
        )
        # Three conditions, each by its index: one with OR between them would read every consent there is.
        on_merged = refusals.filter(patient__merged_into=OuterRef("patient_id"))
        on_kept = refusals.filter(patient=OuterRef("patient__merged_into"))
        beside = refusals.filter(patient__merged_into=OuterRef("patient__merged_into")).exclude(
            patient=OuterRef("patient_id")
        )
        return self.filter(in_time, ~Exists(on_merged), ~Exists(on_kept), ~Exists(beside), status=Consent.Status.LIVE)


ConsentManager = models.Manager.from_queryset(ConsentQuerySet)


class Consent(Timestamped):
    """What a patient agreed to, how, to which words, and until when."""

    class Kind(models.TextChoices):
        RECORDING = "recording", "Recording the session"
        AI_NOTE = "ai_note", "Writing the note with a cloud service"
        KEEP_AUDIO = "keep_audio", "Keeping the audio"
        TELEHEALTH = "telehealth", "Telehealth"
        DATA_SHARING = "data_sharing", "Sharing data"
        TREATMENT = "treatment", "Treatment"
        HIPAA_NOTICE = "hipaa_notice", "Privacy notice"

    class Method(models.TextChoices):
        VERBAL = "verbal", "Said in the room"
        WRITTEN = "written", "Signed on paper"
        LINK = "link", "By the patient's own link"

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        LIVE = "live", "Agreed"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"
        DECLINED = "declined", "Declined"

    class Relation(models.TextChoices):
        PARENT = "parent", "Parent"
        GUARDIAN = "guardian", "Legal guardian"
        REPRESENTATIVE = "representative", "Representative"

    TRANSITIONS = {
        Status.PENDING: {Status.LIVE, Status.DECLINED, Status.EXPIRED},
        Status.LIVE: {Status.WITHDRAWN, Status.EXPIRED},
        Status.WITHDRAWN: set(),
        Status.EXPIRED: set(),
        Status.DECLINED: set(),
    }

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    method = models.CharField(max_length=10, choices=Method.choices)
    status = models.CharField(max_length=10, choices=Status.choices)
    text_version = models.CharField(max_length=20)
    text_hash = models.CharField(max_length=64, help_text="SHA-256 of title and text as they were shown.")
    text_language = models.CharField(max_length=5, choices=NATIVE_NAMES.items(), default="en")
    text_title = models.CharField(max_length=120, blank=True, default="")
    text_words = models.TextField(blank=True, default="", help_text="As shown; empty for the first shipped texts.")
    given_at = models.DateTimeField(null=True, blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    declined_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="While it waits: how long the link works.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    heard_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who heard a spoken answer; empty: whoever recorded it.",
    )
    paper_place = EncryptedCharField(max_length=200, blank=True, default="", help_text="Where the signed paper is.")
    signer_name = EncryptedCharField(max_length=120, blank=True, default="", help_text="Who answered for the patient.")
    signer_relation = models.CharField(max_length=14, choices=Relation.choices, blank=True, default="")
    interpreter = EncryptedCharField(max_length=120, blank=True, default="", help_text="Who translated, if anybody.")
    signature_hash = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 of text, signature and time; empty: not signed here."
    )

    objects = ConsentManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "kind"], condition=Q(status="live"), name="consent_one_live_per_kind"
            ),
            models.UniqueConstraint(
                fields=["patient", "kind"], condition=Q(status="pending"), name="consent_one_pending_per_kind"
            ),
            models.CheckConstraint(
                condition=~Q(status="pending") | Q(expires_at__isnull=False), name="consent_pending_ends"
            ),
            models.CheckConstraint(
                condition=~Q(status="live") | Q(given_at__isnull=False), name="consent_live_was_given"
            ),
            models.CheckConstraint(
                condition=~Q(status="withdrawn") | Q(withdrawn_at__isnull=False), name="consent_withdrawn_when"
            ),
        ]
        indexes = [models.Index(fields=["status", "expires_at"], name="consent_status_expiry")]

    def __str__(self) -> str:
        return f"consent {self.pk}"

    @property
    def answered_at(self) -> datetime:
        """Return when the patient said this; `ANSWERED_AT` is the same for the database."""
        return self.withdrawn_at or self.given_at or self.declined_at or self.created_at

    @property
    def was_answered(self) -> bool:
        """Whether the patient said anything; `ConsentQuerySet.answered` is the same for the database."""
        return self.given_at is not None or self.status == self.Status.DECLINED

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def key(self) -> str:
        """Return the id as templates put it together with words."""
        return str(self.pk)

    @property
    def is_signed(self) -> bool:
        """Whether the patient signed here: drawn on the tablet, or by a typed name."""
        return bool(self.signature_hash)

    @property
    def how(self) -> str:
        """Return how it was answered, in words."""
        is_on_tablet = self.is_signed and self.method == self.Method.WRITTEN
        return "Signed on the tablet" if is_on_tablet else str(self.Method(self.method).label)

    def waits_at(self, at: datetime) -> bool:
        """Tell whether the patient may still answer this by link at a moment."""
        return self.is_pending and self.expires_at is not None and self.expires_at > at

    @property
    def is_live(self) -> bool:
        return self.status == self.Status.LIVE

    @property
    def is_agreement(self) -> bool:
        """Whether the patient said yes, even if that is over."""
        return self.given_at is not None
