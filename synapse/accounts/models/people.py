"""People who sign in, what they may do, how colleagues come, and who guesses passwords."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from synapse.accounts.roles import CAPABILITIES, Permission, Role
from synapse.common.models import Timestamped


class User(AbstractUser):
    """A practitioner, receptionist or administrator. Patients never sign in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    role = models.CharField(max_length=20, choices=Role.choices)

    # What the token a request came with grants; None where a person signed in. Never stored: see `tokens.find_token`.
    limited_to: frozenset[Permission] | None = None

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(role__in=Role.values), name="user_has_known_role")]

    def may(self, permission: Permission) -> bool:
        """Say whether role and token both grant a capability; nobody deactivated holds any."""
        if self.limited_to is not None and permission not in self.limited_to:
            return False
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
    npi = models.CharField("NPI", max_length=10, blank=True, help_text="Ten digits; stands on insurance claims.")
    taxonomy_code = models.CharField(
        max_length=10, blank=True, help_text="Of the speciality, such as 2084P0800X; stands on insurance claims."
    )
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


class SignInThrottle(models.Model):
    """Wrong codes and links of one name from one address, both hashed; cleared by a right one."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveSmallIntegerField(default=0)
    first_failure_at = models.DateTimeField()
    blocked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.key[:8]
