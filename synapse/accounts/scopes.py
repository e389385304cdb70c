"""What an API token may be limited to.

`read` and `write` decide which verbs of HTTP a token may use; the others which of its owner's capabilities count. A
token never grants a capability the role lacks: `User.may` asks both. What is `SCREEN_ONLY` no token grants at all.
"""

from collections.abc import Iterable

from django.db import models

from synapse.accounts.roles import CAPABILITIES, Permission


class Scope(models.TextChoices):
    READ = "read", "Read"
    WRITE = "write", "Change"
    CLINICAL = "clinical", "Clinical records"
    BILLING = "billing", "Bills and payments"
    ADMIN = "admin", "Administration"

    @property
    def explanation(self) -> str:
        """Say what the scope opens, for whoever gives it."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    Scope.READ: "See patients' contact data, the calendar, and what else is chosen here",
    Scope.WRITE: "Register, book and change, within what else is chosen here",
    Scope.CLINICAL: "Histories, sessions, recordings, transcripts and reports; share and archive records",
    Scope.BILLING: "Bills, payments and claims",
    Scope.ADMIN: "People, clinic settings, audit log and state of the system",
}

VERBS = frozenset({Scope.READ, Scope.WRITE})

P = Permission
# What every token grants: who the patients are and when they come.
BASE = frozenset(
    {
        P.VIEW_PATIENTS,
        P.VIEW_ALL_PATIENTS,
        P.EDIT_PATIENTS,
        P.IMPORT_RECORDS,
        P.RECORD_CONSENT,
        P.VIEW_CALENDAR,
        P.MANAGE_ALL_APPOINTMENTS,
        P.VIEW_SESSION_TIMES,
    }
)
GRANTS: dict[Scope, frozenset[Permission]] = {
    Scope.CLINICAL: frozenset(
        {
            P.VIEW_CLINICAL,
            P.EDIT_CLINICAL,
            # Whom a record is opened to reads its clinical part.
            P.SHARE_PATIENTS,
            P.VIEW_SESSIONS,
            P.CONDUCT_SESSIONS,
            P.MOVE_ANY_SESSION,
            P.VIEW_REPORTS,
            P.WRITE_REPORTS,
            P.HAND_OVER_REPORTS,
            P.WRITE_TEMPLATES,
            P.EXPORT_RECORDS,
            P.DECIDE_AMENDMENTS,
        }
    ),
    Scope.BILLING: frozenset({P.VIEW_BILLS, P.RECORD_PAYMENTS, P.REFUND_BILLS}),
    Scope.ADMIN: frozenset(
        {
            P.MANAGE_PEOPLE,
            P.MANAGE_CLINIC,
            P.MANAGE_CLINIC_TEMPLATES,
            P.ERASE_PATIENTS,
            P.VIEW_AUDIT,
            P.VIEW_SYSTEM,
        }
    ),
}
# What only a person at a screen may do: a program has no emergency, and weighs nobody's reason for one.
SCREEN_ONLY = frozenset({P.OPEN_IN_EMERGENCY, P.REVIEW_EMERGENCIES})


def permissions_of(scopes: Iterable[str]) -> frozenset[Permission]:
    """Return the capabilities scopes grant, whatever the role; a name that is no scope grants none."""
    return BASE.union(*(GRANTS[Scope(scope)] for scope in scopes if scope in GRANTS))


def scopes_of_role(role: str) -> list[Scope]:
    """Return the scopes that mean something for a role: both verbs, and those it holds a capability of."""
    held = CAPABILITIES.get(role, frozenset())
    return [scope for scope in Scope if scope in VERBS or GRANTS[scope] & held]


def labels_of(scopes: Iterable[str]) -> list[str]:
    """Return scopes in words, in their order."""
    chosen = set(scopes)
    return [str(scope.label) for scope in Scope if scope in chosen]
