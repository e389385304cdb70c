"""What follows a signature: addenda, a supervisor's signature, and the chain of a patient's seals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from patients.models import Patient
from reports.models.report import Report
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class AddendumQuerySet(models.QuerySet["Addendum"]):
    def visible_to(self, user: User) -> AddendumQuerySet:
        """Return the signed addenda of reports this person sees, and their own drafts."""
        return self.filter(
            Q(status=Addendum.Status.SIGNED) | Q(author=user), report__in=Report.objects.visible_to(user)
        )

    def begun_by(self, author: User) -> AddendumQuerySet:
        """Return the drafts an author has typed something into: one that was only opened is no work."""
        return self.visible_to(author).filter(author=author, status=Addendum.Status.DRAFT, revision__gt=0)

    def signed(self) -> AddendumQuerySet:
        """Return the signed addenda in their order, with their authors."""
        return self.filter(status=Addendum.Status.SIGNED).select_related("author").order_by("number")


AddendumManager = models.Manager.from_queryset(AddendumQuerySet)


class Addendum(Timestamped):
    """A text added after a report was signed. It never alters the report; once signed it does not change either."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SIGNED = "signed", "Signed"

    TRANSITIONS = {Status.DRAFT: {Status.SIGNED}, Status.SIGNED: set()}

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="addenda")
    number = models.PositiveIntegerField(help_text="1, 2, ... within the report.")
    text = EncryptedTextField(blank=True, default="")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.DRAFT)
    revision = models.PositiveIntegerField(default=0, help_text="Raised by each save of the draft.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="addenda")
    signed_at = models.DateTimeField(null=True, blank=True)
    content_hash = models.CharField(max_length=64, blank=True, default="")
    signature = models.CharField(max_length=120, blank=True, default="")
    key_generation = models.PositiveIntegerField(default=1, help_text="Raised by a key rotation.")
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = AddendumManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="addendum_one_per_number"),
            models.UniqueConstraint(
                fields=["report", "author"], condition=Q(status="draft"), name="addendum_one_draft_per_author"
            ),
            models.CheckConstraint(
                condition=(
                    Q(status="signed", signed_at__isnull=False) & ~Q(content_hash="")
                    | (~Q(status="signed") & Q(signed_at=None, content_hash=""))
                ),
                name="addendum_signed_with_its_facts",
            ),
        ]

    def __str__(self) -> str:
        return f"addendum {self.number} of {self.report}"

    @property
    def is_signed(self) -> bool:
        return self.status == self.Status.SIGNED


class CoSignatureQuerySet(models.QuerySet["CoSignature"]):
    def visible_to(self, user: User) -> CoSignatureQuerySet:
        """Return the requests on reports this person sees; a supervisor sees hers while they wait or once signed."""
        if not user.may(Permission.WRITE_REPORTS):
            return self.none()
        return self.filter(_opens_to(user) | Q(report__in=Report.objects.visible_to(user)))

    def open_to_supervisor(self, user: User) -> CoSignatureQuerySet:
        """Return the requests that open their report to this supervisor."""
        return self.filter(_opens_to(user)) if user.may(Permission.WRITE_REPORTS) else self.none()

    def signed(self) -> CoSignatureQuerySet:
        """Return the signatures that were given, with their supervisors."""
        return self.filter(status=CoSignature.Status.SIGNED).select_related("supervisor")


def _opens_to(user: User) -> Q:
    return Q(supervisor=user, status__in=(CoSignature.Status.PENDING, CoSignature.Status.SIGNED))


CoSignatureManager = models.Manager.from_queryset(CoSignatureQuerySet)


class CoSignature(Timestamped):
    """A supervisor asked to sign a signed report too; she signs it or returns it for revision with a comment."""

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting for the supervisor"
        SIGNED = "signed", "Co-signed"
        RETURNED = "returned", "Returned for revision"
        WITHDRAWN = "withdrawn", "Withdrawn"

    TRANSITIONS = {
        Status.PENDING: {Status.SIGNED, Status.RETURNED, Status.WITHDRAWN},
        Status.SIGNED: set(),
        Status.RETURNED: set(),
        Status.WITHDRAWN: set(),
    }

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="co_signatures")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    supervisor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="co_signatures")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    comment = EncryptedTextField(blank=True, default="", help_text="Why it was returned.")
    decided_at = models.DateTimeField(null=True, blank=True)
    content_hash = models.CharField(max_length=64, blank=True, default="", help_text="The report's, as it was signed.")
    signature = models.CharField(max_length=120, blank=True, default="")
    key_generation = models.PositiveIntegerField(default=1, help_text="Raised by a key rotation.")
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = CoSignatureManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["report"], condition=Q(status__in=["pending", "signed"]), name="co_signature_one_per_report"
            ),
            models.CheckConstraint(
                condition=Q(status="pending", decided_at=None) | (~Q(status="pending") & Q(decided_at__isnull=False)),
                name="co_signature_decided_with_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"co-signature of {self.report}"

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def is_signed(self) -> bool:
        return self.status == self.Status.SIGNED

    @property
    def is_returned(self) -> bool:
        return self.status == self.Status.RETURNED


class SealEntry(models.Model):
    """One signature in a patient's chain: each entry hashes the one before it. Rows are only added."""

    class Kind(models.TextChoices):
        REPORT = "report", "Report"
        ADDENDUM = "addendum", "Addendum"
        CO_SIGNATURE = "co_signature", "Co-signature"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="seals")
    number = models.PositiveIntegerField(help_text="1, 2, ... within the patient.")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    object_id = models.UUIDField(help_text="Of the report, addendum or co-signature.")
    code = models.CharField(max_length=24, unique=True, help_text="Printed on the document; opens the verify page.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was signed.")
    previous_digest = models.CharField(max_length=64, blank=True, default="", help_text="chain_digest before it.")
    chain_digest = models.CharField(max_length=64)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sealed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "number"], name="seal_one_per_number"),
            models.UniqueConstraint(fields=["kind", "object_id"], name="seal_one_per_object"),
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"
