"""What was learned from a doctor's edits, as rules she can read, switch off and take back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from reports.models.templates import ReportTemplate
from synapse.accounts.roles import Permission
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedJSONField

if TYPE_CHECKING:
    from synapse.accounts.models import User


class StyleRuleQuerySet(models.QuerySet["StyleRule"]):
    def visible_to(self, user: User) -> StyleRuleQuerySet:
        """Return a doctor's own rules: they quote her edits, so nobody else sees them."""
        return self.filter(doctor=user) if user.may(Permission.WRITE_REPORTS) else self.none()


StyleRuleManager = models.Manager.from_queryset(StyleRuleQuerySet)


class StyleRule(Timestamped):
    """One readable rule of one doctor, for every template or for one."""

    class Kind(models.TextChoices):
        WORDING = "wording", "Write this instead of that"
        LAYOUT = "layout", "Bullets or running text in a section"
        LENGTH = "length", "Shorter or fuller in a section"
        LEAVE_OUT = "leave_out", "Leave this kind of line out"

    doctor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="style_rules")
    template = models.ForeignKey(
        ReportTemplate, on_delete=models.PROTECT, null=True, blank=True, related_name="style_rules"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    rule = EncryptedJSONField(default=dict, help_text="What it does; its keys depend on the kind.")
    sources = EncryptedJSONField(
        default=list, help_text="The edits it was learned from: report, sentence, before, after."
    )
    is_on = models.BooleanField(default=False, help_text="Proposed rules are off until the doctor switches them on.")
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Taken back; can be restored.")

    objects = StyleRuleManager()

    def __str__(self) -> str:
        return f"style rule {self.pk}"
