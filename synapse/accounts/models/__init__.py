"""People who sign in, where, their second factor and the tokens of their programs, and the one row of clinic settings."""

from synapse.accounts.models.clinic import ClinicSettings, default_reminder_hours
from synapse.accounts.models.people import Invitation, SignInThrottle, User, UserProfile
from synapse.accounts.models.second_factor import Authenticator, Passkey, RecoveryCode
from synapse.accounts.models.sessions import LONGEST_SIGN_IN, UserSession
from synapse.accounts.models.tokens import ApiToken

__all__ = [
    "LONGEST_SIGN_IN",
    "ApiToken",
    "Authenticator",
    "ClinicSettings",
    "Invitation",
    "Passkey",
    "RecoveryCode",
    "SignInThrottle",
    "User",
    "UserProfile",
    "UserSession",
    "default_reminder_hours",
]
