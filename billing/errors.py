"""Broken rules of billing."""

from synapse.common.errors import Conflict, DomainError


class NotIssuable(Conflict):
    """The bill cannot get its number yet."""

    code = "not_issuable"


class Locked(Conflict):
    """The bill's state forbids the change."""

    code = "bill_locked"


class BadAmount(DomainError):
    """A figure cannot be."""

    code = "bad_amount"
