"""Keep the insurers claims go to, and tie what patients call theirs to one of them."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from billing import permissions
from billing.models import Payer
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import DomainError

FIELDS = ("name", "electronic_id", "address", "coverage", "is_active")


class PayerExists(DomainError):
    """There is an insurer of this name already."""

    code = "payer_exists"


def find_payer(name: str, *, only_active: bool = True) -> Payer | None:
    """Return the insurer a patient means: the name counts, its case and spaces do not."""
    wanted = fold_name(name)
    if not wanted:
        return None
    # Databases fold case differently, and there are few insurers.
    payers = Payer.objects.filter(is_active=True) if only_active else Payer.objects.all()
    return next((payer for payer in payers if fold_name(payer.name) == wanted), None)


def fold_name(name: str) -> str:
    """Return a name for comparing: without case and double spaces."""
    return " ".join(name.split()).casefold()


def save_payer(payer: Payer | None, changes: Mapping[str, Any], *, by: User) -> Payer:
    """Add an insurer, or change one. Raises NotAllowed, and PayerExists when another has the name."""
    permissions.check_can_work_with_bills(by)
    is_new = payer is None
    payer = payer or Payer()
    for name in FIELDS:
        if name in changes:
            setattr(payer, name, changes[name])
    payer.name = " ".join(payer.name.split())
    payer.electronic_id = "".join(payer.electronic_id.split()).upper()
    with audit.unit_of_work():
        same = find_payer(payer.name, only_active=False)
        if same is not None and same.pk != payer.pk:
            raise PayerExists("There is an insurer of this name already. Change that one.")
        try:
            with transaction.atomic():
                payer.save(force_insert=is_new)
        except IntegrityError:
            raise PayerExists("There is an insurer of this name already. Change that one.") from None
        action = Action.CREATE if is_new else Action.UPDATE
        audit.record(action, by=by, target=payer, detail={"fields": " ".join(sorted(changes))})
    return payer
