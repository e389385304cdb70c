"""The audit trail: who did what to whose data, chained so that a change shows."""

import uuid

from django.db import models

from synapse.common.triggers import Trigger, not_replaced


class Action(models.TextChoices):
    """What was done, in words a filter offers; `detail` says more (`{"verb": "pause"}`, `{"fields": [...]}`)."""

    CREATE = "create", "Created"
    READ = "read", "Opened"
    UPDATE = "update", "Changed"
    ARCHIVE = "archive", "Archived"
    DELETE = "delete", "Deleted"
    EXPORT = "export", "Exported"
    PRINT = "print", "Printed"
    PLAY = "play", "Played audio"
    SEARCH = "search", "Searched"
    SHARE = "share", "Shared"
    SIGN = "sign", "Signed"
    CONSENT = "consent", "Consent"
    EMERGENCY = "emergency", "Emergency access"
    DENY = "deny", "Refused"
    SIGN_IN = "sign_in", "Signed in"
    SIGN_IN_FAILED = "sign_in_failed", "Sign-in failed"
    SIGN_OUT = "sign_out", "Signed out"
    ADMINISTER = "administer", "Administered"
    SYSTEM = "system", "System"


class Outcome(models.TextChoices):
    ALLOWED = "allowed"
    DENIED = "denied"


class AuditEvent(models.Model):
    """One thing that happened. Labels and ids only; no foreign keys, no clinical text."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField()
    action = models.CharField(max_length=20, choices=Action.choices)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.ALLOWED)
    actor_id = models.UUIDField(null=True, blank=True)
    actor_label = models.CharField(max_length=150, blank=True)
    target_type = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=40, blank=True)
    target_label = models.CharField(max_length=60, blank=True, help_text="The visible number only.")
    patient_id = models.UUIDField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True, help_text="Ids, codes and field names; never values.")
    subjects_digest = models.CharField(max_length=64, blank=True, help_text="Over the patients of AuditSubject.")
    ip = models.GenericIPAddressField(null=True, blank=True)
    request_id = models.UUIDField(null=True, blank=True)
    sign_in_id = models.UUIDField(null=True, blank=True, help_text="Of the browser session or the token.")
    key_id = models.CharField(max_length=8)
    previous_mac = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)

    class Meta:
        indexes = [
            models.Index(fields=["patient_id", "at"], name="audit_patient_at"),
            models.Index(fields=["actor_id", "at"], name="audit_actor_at"),
            models.Index(fields=["at"], name="audit_at"),
            # What the report is sorted by; each ends in the number, so that a page goes on where the last one ended.
            models.Index(fields=["actor_label", "seq"], name="audit_by_actor"),
            models.Index(fields=["action", "seq"], name="audit_by_action"),
            models.Index(fields=["outcome", "seq"], name="audit_by_outcome"),
            models.Index(fields=["target_label", "seq"], name="audit_by_target"),
            models.Index(fields=["ip", "seq"], name="audit_by_address"),
            models.Index(fields=["sign_in_id", "seq"], name="audit_by_sign_in"),
        ]

    def __str__(self) -> str:
        return f"audit {self.seq}"


class AuditSubject(models.Model):
    """One patient shown by a list or search, covered by its event's MAC."""

    event_seq = models.PositiveBigIntegerField(db_index=True)
    patient_id = models.UUIDField(db_index=True)

    def __str__(self) -> str:
        return f"subject of audit {self.event_seq}"


class ChainHead(models.Model):
    """The end of the chain; its row lock orders all writers. One row.

    The seal is keyed, so nobody without the key can cut rows off the end and set the head back.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    seq = models.PositiveBigIntegerField(default=0)
    mac = models.CharField(max_length=64, default="0" * 64)
    key_id = models.CharField(max_length=8, blank=True)
    seal = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"head at {self.seq}"


class ChainCheck(models.Model):
    """One walk over the chain and what it found."""

    checked_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    events = models.PositiveBigIntegerField()
    broken_seq = models.PositiveBigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes = [models.Index(fields=["checked_at"], name="audit_check_at")]

    def __str__(self) -> str:
        return f"check of {self.events} audit rows"

    @property
    def is_whole(self) -> bool:
        return self.broken_seq is None


TRIGGERS = [
    Trigger(
        name=f"{table}_no_{event.lower()}",
        model=f"audit.{model}",
        event=event,
        message=f"Audit rows are append-only: {event} refused.",
    )
    for table, model in (("audit_event", "AuditEvent"), ("audit_subject", "AuditSubject"))
    for event in ("UPDATE", "DELETE")
] + [
    Trigger(
        name="audit_head_no_delete",
        model="audit.ChainHead",
        event="DELETE",
        message="The head of the audit chain stays.",
    )
]
TRIGGERS += not_replaced(
    "audit_event",
    "audit.AuditEvent",
    "Audit rows are append-only: REPLACE refused.",
    keys=("kept_row.seq = NEW.seq", "kept_row.id = NEW.id"),
) + not_replaced(
    "audit_subject",
    "audit.AuditSubject",
    "Audit rows are append-only: REPLACE refused.",
    keys=("kept_row.id = NEW.id",),
)
