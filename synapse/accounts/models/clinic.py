"""The clinic this installation serves: one row of settings."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q

from synapse.accounts.choices import AudioRetention, MessageChannels
from synapse.common.single_rows import single_row
from synapse.encryption.fields import EncryptedTextField


def default_reminder_hours() -> list[int]:
    return [72, 24, 2]


class ClinicSettings(models.Model):
    """The clinic this installation serves. One row, made on first use by `ClinicSettings.load()`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=120, default="Clinic")
    address = models.TextField(max_length=400, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    email = models.EmailField(blank=True)
    region = models.CharField(
        max_length=2, default="IN", help_text="ISO 3166 code; decides how phone numbers are read."
    )
    currency = models.CharField(max_length=3, default="INR", help_text="ISO 4217 code.")
    timezone = models.CharField(max_length=60, default="Asia/Kolkata")
    language = models.CharField(max_length=12, default="en-US")
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(0), help_text="Percent.")
    payment_terms_days = models.PositiveSmallIntegerField(default=14)
    payment_instructions = models.TextField(max_length=600, blank=True)
    audio_retention = models.CharField(
        max_length=14, choices=AudioRetention.choices, default=AudioRetention.KEEP, help_text="With consent to keep it."
    )
    audio_retention_days = models.PositiveSmallIntegerField(default=30)
    record_retention_years = models.PositiveSmallIntegerField(default=10)
    majority_age = models.PositiveSmallIntegerField(default=18)
    minor_retention_years = models.PositiveSmallIntegerField(
        default=10, help_text="Years from majority, of who was treated as a minor."
    )
    erasure_cool_off_days = models.PositiveSmallIntegerField(
        default=7, help_text="Days to think an erasure over, where no second person carries it out."
    )
    backup_warn_hours = models.PositiveSmallIntegerField(
        default=48, help_text="A backup older than this is told in the worklist."
    )
    consent_valid_days = models.PositiveSmallIntegerField(default=365)
    opening_hour = models.PositiveSmallIntegerField(default=8)
    closing_hour = models.PositiveSmallIntegerField(default=19)
    vocabulary = EncryptedTextField(
        blank=True, default="", help_text="Words the speech engine should know, one a line: medicines, places, names."
    )
    abandoned_session_hours = models.PositiveSmallIntegerField(
        default=12, help_text="A session without audio for so long is completed with what is there."
    )
    unsigned_report_days = models.PositiveSmallIntegerField(
        default=3, help_text="A report not signed so long after the session is named in the note audit."
    )
    crisis_line = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="Whom to call in a crisis; stands under what patients are given.",
    )
    reminder_hours = models.JSONField(
        default=default_reminder_hours, help_text="How many hours before a visit its patient is reminded."
    )
    message_channels = models.CharField(
        max_length=5,
        choices=MessageChannels.choices,
        default=MessageChannels.EMAIL,
        help_text="How patients hear about visits where they named no wish of their own.",
    )
    quiet_from_hour = models.PositiveSmallIntegerField(default=21, help_text="No message from this hour on …")
    quiet_until_hour = models.PositiveSmallIntegerField(default=8, help_text="… until this one.")
    cancel_notice_hours = models.PositiveSmallIntegerField(
        default=24, help_text="Up to so long before a visit its patient may cancel by link."
    )
    waiting_offer_minutes = models.PositiveSmallIntegerField(
        default=15, help_text="How long a free time is held for the patient it was offered to."
    )
    holiday_country = models.CharField(
        max_length=12, blank=True, default="", help_text="Whose public holidays; empty: the region's."
    )
    idle_lock_minutes = models.PositiveSmallIntegerField(default=15, help_text="Lock the screen after so long.")

    class Meta:
        verbose_name_plural = "clinic settings"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="clinic_settings_one_row")]

    def __str__(self) -> str:
        return "Clinic settings"

    @classmethod
    def load(cls) -> "ClinicSettings":
        """Return the one row, made with its defaults when it is not there yet."""
        return single_row(cls)

    @property
    def audio_rule(self) -> str:
        """Return the rule for recordings a patient agreed to keep, in words."""
        if self.audio_retention == AudioRetention.DAYS:
            return f"delete it after {self.audio_retention_days} days"
        label = str(AudioRetention(self.audio_retention).label)
        return label[0].lower() + label[1:]

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone of the clinic's own clock."""
        return ZoneInfo(self.timezone)

    def date_of(self, at: datetime) -> date:
        """Return the date a moment has at the clinic: the one numbers, bills and due dates go by."""
        return at.astimezone(self.zone).date()
