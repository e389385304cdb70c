"""Who works here: invitations, roles, deactivation."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import Q
from django.urls import reverse

from synapse.accounts import browser_sessions
from synapse.accounts.models import ApiToken, Invitation, User, UserProfile
from synapse.accounts.roles import Permission, Role
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.links.tokens import hash_token, new_token

INVITATION_LIFETIME = timedelta(days=7)


class InvitationGone(DomainError):
    """The invitation is used, revoked, too old or never was; all look the same."""

    code = "invitation_gone"
    status = 404

    def __init__(self) -> None:
        super().__init__("This invitation can't be used any more. Ask the clinic's administrator for a new one.")


@dataclass(frozen=True)
class SentInvitation:
    """A new invitation and the one time its path is known."""

    invitation: Invitation
    path: str


def check_can_manage(by: User) -> None:
    """Raise NotAllowed unless this person manages people."""
    if not by.may(Permission.MANAGE_PEOPLE):
        raise NotAllowed("Only the clinic's administrator manages people.")


def invite_person(
    email: str, role: str, *, by: User, at: datetime, first_name: str = "", last_name: str = ""
) -> SentInvitation:
    """Make a one-use link for a new colleague; earlier open links to the address end.

    Raises NotAllowed, or Conflict when the address has an account. The caller hands the link over (mail, screen).
    """
    check_can_manage(by)
    email = email.strip().lower()
    if User.objects.filter(Q(email__iexact=email) | Q(username__iexact=email)).exists():
        raise Conflict("Somebody with this e-mail address already has an account.")
    token, token_hash = new_token()
    with unit_of_work():
        Invitation.objects.filter(email__iexact=email, used_at=None, revoked_at=None).update(revoked_at=at)
        invitation = Invitation.objects.create(
            email=email,
            role=Role(role),
            first_name=first_name,
            last_name=last_name,
            token_hash=token_hash,
            invited_by=by,
            expires_at=at + INVITATION_LIFETIME,
        )
        detail = {"verb": "invite", "role": invitation.role}
        record(Action.ADMINISTER, by=by, target=("accounts.Invitation", str(invitation.pk)), detail=detail)
    return SentInvitation(invitation, reverse("accounts:join", args=[token]))


def find_invitation(token: str, *, at: datetime) -> Invitation:
    """Return the invitation a link stands for. Raises InvitationGone."""
    open_ones = Invitation.objects.filter(used_at=None, revoked_at=None, expires_at__gt=at)
    invitation = open_ones.filter(token_hash=hash_token(token)).first()
    if invitation is None:
        raise InvitationGone
    return invitation


def accept_invitation(invitation: Invitation, *, first_name: str, last_name: str, password: str, at: datetime) -> User:
    """Make the invited person's account and use the link up. Raises InvitationGone when somebody was faster."""
    try:
        with unit_of_work():
            taken = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None, expires_at__gt=at)
            if taken.update(used_at=at) != 1:
                raise InvitationGone
            return _create_person(
                username=invitation.email,
                email=invitation.email,
                password=password,
                role=invitation.role,
                first_name=first_name,
                last_name=last_name,
                verb="accept_invitation",
                by=None,
            )
    except IntegrityError:
        raise InvitationGone from None


def revoke_invitation(invitation: Invitation, *, by: User, at: datetime) -> None:
    """End an open invitation; ending it twice changes nothing. Raises NotAllowed."""
    check_can_manage(by)
    with unit_of_work():
        open_one = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None)
        if open_one.update(revoked_at=at):
            record(
                Action.ADMINISTER,
                by=by,
                target=("accounts.Invitation", str(invitation.pk)),
                detail={"verb": "revoke_invitation"},
            )


def create_admin(*, username: str, email: str, password: str, first_name: str = "", last_name: str = "") -> User:
    """Make an administrator, for a new installation. Raises Conflict when the name or address is taken."""
    with unit_of_work():
        if User.objects.filter(Q(username__iexact=username) | Q(email__iexact=email)).exists():
            raise Conflict("This user name or e-mail address is taken. Choose another one.")
        return _create_person(
            username=username,
            email=email,
            password=password,
            role=Role.ADMIN,
            first_name=first_name,
            last_name=last_name,
            verb="create_admin",
            by=None,
        )


def change_role(person: User, role: str, *, by: User) -> None:
    """Give a person another role, from their next request on. Raises NotAllowed, or Conflict for the last admin."""
    check_can_manage(by)
    if person.pk == by.pk:
        raise NotAllowed("You can't change your own role. Ask another administrator.")
    if person.role == Role(role):
        return
    with unit_of_work():
        _keep_an_admin(person)
        before, person.role = person.role, Role(role)
        person.save(update_fields=["role"])
        detail = {"verb": "change_role", "from": before, "to": person.role}
        record(Action.ADMINISTER, by=by, target=("accounts.User", str(person.pk)), detail=detail)


def deactivate_person(person: User, *, by: User, at: datetime) -> None:
    """Close an account at once and end its sessions and tokens. Raises NotAllowed, or Conflict for the last admin."""
    check_can_manage(by)
    if person.pk == by.pk:
        raise NotAllowed("You can't deactivate your own account. Ask another administrator.")
    if not person.is_active:
        return
    with unit_of_work():
        _keep_an_admin(person)
        person.is_active = False
        person.save(update_fields=["is_active"])
        browser_sessions.end_all(person, by=by)
        ApiToken.objects.filter(user=person).revoke(at)
        record(Action.ADMINISTER, by=by, target=("accounts.User", str(person.pk)), detail={"verb": "deactivate"})


def reactivate_person(person: User, *, by: User) -> None:
    """Open a closed account again; the person signs in with the old password. Raises NotAllowed."""
    check_can_manage(by)
    if person.is_active:
        return
    with unit_of_work():
        person.is_active = True
        person.save(update_fields=["is_active"])
        record(Action.ADMINISTER, by=by, target=("accounts.User", str(person.pk)), detail={"verb": "reactivate"})


def _create_person(*, verb: str, by: User | None, password: str, **fields: Any) -> User:
    user = User.objects.create_user(password=password, **fields)
    UserProfile.objects.create(user=user)
    detail = {"verb": verb, "role": user.role}
    record(Action.ADMINISTER, by=by or user, target=("accounts.User", str(user.pk)), detail=detail)
    return user


def _keep_an_admin(person: User) -> None:
    """Refuse a change that would leave nobody to manage the clinic; the chain's lock makes the count safe."""
    others = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=person.pk)
    if person.role == Role.ADMIN and person.is_active and not others.exists():
        raise Conflict("This is the last administrator. Make another one first.")
