"""People who sign in, what they may do, and the one row of clinic settings."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from synapse.accounts.choices import AudioRetention
from synapse.accounts.roles import CAPABILITIES, Permission, Role
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedTextField


class User(AbstractUser):
    """A practitioner, receptionist or administrator. Patients never sign in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(role__in=Role.values), name="user_has_known_role")]

    def may(self, permission: Permission) -> bool:
        """Say whether this person's role holds a capability; nobody deactivated holds any."""
        return self.is_active and permission in CAPABILITIES.get(self.role, frozenset())

    @property
    def is_doctor(self) -> bool:
        return self.role == Role.DOCTOR

    @property
    def display_name(self) -> str:
        name = self.get_full_name() or self.username
        return f"Dr {name}" if self.is_doctor else name

    @property
    def initials(self) -> str:
        return ((self.first_name[:1] + self.last_name[:1]) or self.username[:2]).upper()


class UserProfile(Timestamped):
    """What a practitioner's documents and preferences need."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="profile")
    phone = models.CharField(max_length=32, blank=True)
    license_number = models.CharField(max_length=60, blank=True)
    specialization = models.CharField(max_length=80, blank=True)
    organization = models.CharField(max_length=120, blank=True)
    clinic_name = models.CharField(max_length=120, blank=True)
    clinic_address = models.TextField(max_length=400, blank=True)
    logo = models.BinaryField(null=True, blank=True, help_text="PNG, re-encoded from the upload.")
    timezone = models.CharField(max_length=60, blank=True, help_text="Empty: the clinic's.")
    language = models.CharField(max_length=12, default="en-US", help_text="Language of speech and documents.")
    notification_settings = models.JSONField(default=dict, blank=True, help_text="Event name to 'mail' or 'none'.")

    def __str__(self) -> str:
        return f"profile of {self.user_id}"


class Invitation(Timestamped):
    """A one-use, expiring way for a new colleague to set a password."""

    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role.choices)
    first_name = models.CharField(max_length=80, blank=True)
    last_name = models.CharField(max_length=80, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations_sent")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"invitation {self.pk}"


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
    consent_valid_days = models.PositiveSmallIntegerField(default=365)
    opening_hour = models.PositiveSmallIntegerField(default=8)
    closing_hour = models.PositiveSmallIntegerField(default=19)
    vocabulary = EncryptedTextField(
        blank=True, default="", help_text="Words the speech engine should know, one a line: medicines, places, names."
    )
    abandoned_session_hours = models.PositiveSmallIntegerField(
        default=12, help_text="A session without audio for so long is completed with what is there."
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
        return cls.objects.get_or_create(pk=1)[0]

    @property
    def audio_rule(self) -> str:
        """Return the rule for recordings a patient agreed to keep, in words."""
        if self.audio_retention == AudioRetention.DAYS:
            return f"delete it after {self.audio_retention_days} days"
        label = str(AudioRetention(self.audio_retention).label)
        return label[0].lower() + label[1:]

    def date_of(self, at: datetime) -> date:
        """Return the date a moment has at the clinic: the one numbers, bills and due dates go by."""
        return at.astimezone(ZoneInfo(self.timezone)).date()


class SignInThrottle(models.Model):
    """Failed sign-ins of one account name from one address, both hashed; cleared by a right password."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveSmallIntegerField(default=0)
    first_failure_at = models.DateTimeField()
    blocked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.key[:8]
