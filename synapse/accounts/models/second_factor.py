"""The second factor of an account: an authenticator app, passkeys, and the recovery codes for when both are lost."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django_otp.models import Device, TimestampMixin
from django_otp.oath import TOTP

from synapse.accounts.models.people import User
from synapse.common.models import Timestamped
from synapse.encryption.fields import EncryptedCharField

# One step before and after the present one: clocks of phones differ, and people type slowly.
TOLERANCE = 1


class Authenticator(TimestampMixin, Device):
    """An app that shows a new six-digit code every 30 seconds (TOTP, RFC 6238), not in use until it is confirmed."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = EncryptedCharField(max_length=40, help_text="The secret the app shares, in hexadecimal.")
    last_step = models.BigIntegerField(default=-1, help_text="The time step of the code used last.")
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed=True, confirmed_at__isnull=False) | Q(confirmed=False, confirmed_at=None),
                name="authenticator_confirmed_has_time",
            ),
            # Beside the app in use one may wait that is to replace it.
            models.UniqueConstraint(fields=["user", "confirmed"], name="authenticator_one_in_use_one_waiting"),
        ]

    def __str__(self) -> str:
        return f"authenticator {self.pk}"

    @property
    def secret(self) -> bytes:
        return bytes.fromhex(self.key)

    def step_of(self, code: int, *, at: datetime) -> int | None:
        """Return the time step a code belongs to, if it is valid now and none so late was used before."""
        clock = TOTP(self.secret)
        clock.time = at.timestamp()
        return clock.t() if clock.verify(code, tolerance=TOLERANCE, min_t=self.last_step + 1) else None


class Passkey(Timestamped):
    """A key pair (WebAuthn) in a device or a key chain; the private half never leaves it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=80, help_text="What its owner calls the device.")
    credential_id = models.CharField(max_length=1400, unique=True, help_text="URL-safe base64.")
    public_key = models.BinaryField(help_text="COSE.")
    sign_count = models.PositiveBigIntegerField(default=0, help_text="Some authenticators count, others say 0.")
    last_challenge_hash = models.CharField(max_length=64, blank=True, help_text="An answer counts once.")
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"passkey {self.pk}"


class RecoveryCode(Timestamped):
    """One of the codes that stand in for a lost authenticator, each once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"
