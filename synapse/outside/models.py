"""A row a call: written before the first byte leaves, completed once with the answer, never changed or deleted."""

import uuid

from django.db import models

from synapse.common.triggers import Trigger, not_replaced


class OutsideCall(models.Model):
    """What went to which service, about whom and why, in numbers and a hash; never the words themselves."""

    class Purpose(models.TextChoices):
        REPORT = "report", "Write a report"
        SECTION = "section", "Write a section again"
        BENCH = "bench", "Measure the writer on invented sessions"
        TRANSCRIPT = "transcript", "Write a recording’s words"
        LIVE_WORDS = "live_words", "Write words while recording"

    class Outcome(models.TextChoices):
        SENT = "sent", "No answer known"
        ANSWERED = "answered", "Answered"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    engine = models.CharField(max_length=20)
    model = models.CharField(max_length=80, blank=True)
    host = models.CharField(max_length=253)
    patient_id = models.UUIDField(null=True, blank=True)
    target_id = models.UUIDField(null=True, blank=True, help_text="The report, transcription or session it was for.")
    bytes_out = models.PositiveBigIntegerField(default=0)
    bytes_in = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of all that was sent; tells nothing about it.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.SENT)

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="outside_call_at"),
            models.Index(fields=["patient_id", "at"], name="outside_call_of_patient"),
        ]

    def __str__(self) -> str:
        return f"outside call {self.pk}"


_FIXED = ("id", "at", "purpose", "engine", "host", "patient_id", "target_id")
TRIGGERS = [
    Trigger(
        name="outside_call_no_delete",
        model="outside.OutsideCall",
        event="DELETE",
        message="What left the house stays recorded: DELETE refused.",
    ),
    Trigger(
        name="outside_call_completed_once",
        model="outside.OutsideCall",
        event="UPDATE",
        message="What left the house stays recorded: UPDATE refused.",
        when=f"OLD.outcome <> 'sent' OR {' OR '.join(f'OLD.{name} IS DISTINCT FROM NEW.{name}' for name in _FIXED)}",
    ),
    *not_replaced(
        "outside_call",
        "outside.OutsideCall",
        "What left the house stays recorded: REPLACE refused.",
        keys=("kept_row.id = NEW.id",),
    ),
]
