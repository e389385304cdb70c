"""The clinic's prices."""

from django.conf import settings
from django.db import models

from billing.models.bills import Bill, BillType
from synapse.common.models import Timestamped


class FeeScheduleItem(Timestamped):
    """The price of one kind of visit by the minutes it took, or of a visit that did not take place.

    An item of one doctor goes before the clinic's own for the same kind and length.
    """

    session_type = models.CharField(
        max_length=20, choices=BillType.choices, blank=True, default="", help_text="Empty: any kind; for missed visits."
    )
    purpose = models.CharField(max_length=12, choices=Bill.Purpose.choices, default=Bill.Purpose.VISIT)
    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the price of every doctor.",
    )
    description = models.CharField(max_length=120)
    cpt_code = models.CharField(max_length=10, blank=True, default="")
    minimum_minutes = models.PositiveSmallIntegerField(default=0, help_text="Applies from this many minutes on.")
    unit_price = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    tax_rate = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, help_text="Percent; empty: the clinic's rate."
    )
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["session_type", "valid_from"], name="fee_type_from")]

    def __str__(self) -> str:
        return f"{self.description} from {self.minimum_minutes} min"
