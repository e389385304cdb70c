"""Work on many bills at once, and what became of each."""

from django.conf import settings
from django.db import models

from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedJSONField


class BillBatch(Timestamped):
    """One press of a button above the list of bills. The id is the idempotency key of that press.

    A bill's outcome is written in the transaction of what was done to it, so a run that was cut short goes on where it
    stopped and does nothing twice.
    """

    class Action(models.TextChoices):
        SEND = "send", "Send bills"
        REMIND = "remind", "Remind"
        MAIL_STATEMENTS = "statements", "Mail statements"
        PRINT_STATEMENTS = "print", "Print statements"

    action = models.CharField(max_length=12, choices=Action.choices)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    bill_ids = models.JSONField(help_text="Opaque ids, in the order of the list.")
    outcomes = EncryptedJSONField(default=dict, help_text="Bill id to what was done, or why it was left out.")

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"
