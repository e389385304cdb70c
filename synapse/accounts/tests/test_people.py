from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from synapse.accounts import people
from synapse.accounts.models import Invitation, User
from synapse.accounts.roles import Role
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.testing.plugin import PASSWORD

NEW_PASSWORD = "a gate of green wood"


def token_of(sent):
    return sent.path.strip("/").split("/")[-1]


def accept(invitation, at):
    return people.accept_invitation(invitation, first_name="Nila", last_name="Das", password=NEW_PASSWORD, at=at)


def test_an_invited_colleague_gets_an_account_with_the_role(omar, now):
    sent = people.invite_person("Nila@Clinic.example", "doctor", by=omar, at=now)
    user = accept(people.find_invitation(token_of(sent), at=now), now)

    assert (user.username, user.role, user.get_full_name()) == ("nila@clinic.example", "doctor", "Nila Das")
    assert user.check_password(NEW_PASSWORD)
    assert user.profile.pk


def test_the_token_is_stored_as_a_hash_only(omar, now):
    sent = people.invite_person("nila@clinic.example", "doctor", by=omar, at=now)

    assert token_of(sent) not in str(list(Invitation.objects.values()))


def test_an_invitation_works_once(omar, now):
    sent = people.invite_person("nila@clinic.example", "doctor", by=omar, at=now)
    invitation = people.find_invitation(token_of(sent), at=now)
    accept(invitation, now)

    with pytest.raises(people.InvitationGone):
        people.find_invitation(token_of(sent), at=now)
    with pytest.raises(people.InvitationGone):
        accept(invitation, now)


def test_looking_at_an_invitation_does_not_use_it_up(omar, now):
    sent = people.invite_person("nila@clinic.example", "doctor", by=omar, at=now)

    people.find_invitation(token_of(sent), at=now)

    assert people.find_invitation(token_of(sent), at=now) == sent.invitation


def test_an_old_invitation_is_gone(omar, now):
    sent = people.invite_person("nila@clinic.example", "doctor", by=omar, at=now)

    with pytest.raises(people.InvitationGone):
        people.find_invitation(token_of(sent), at=now + people.INVITATION_LIFETIME + timedelta(seconds=1))


def test_a_revoked_invitation_is_gone(omar, now):
    sent = people.invite_person("nila@clinic.example", "doctor", by=omar, at=now)
    people.revoke_invitation(sent.invitation, by=omar, at=now)

    with pytest.raises(people.InvitationGone):
        people.find_invitation(token_of(sent), at=now)


def test_a_new_invitation_ends_the_earlier_one(omar, now):
    first = people.invite_person("nila@clinic.example", "doctor", by=omar, at=now)
    second = people.invite_person("nila@clinic.example", "receptionist", by=omar, at=now)

    with pytest.raises(people.InvitationGone):
        people.find_invitation(token_of(first), at=now)
    assert people.find_invitation(token_of(second), at=now).role == "receptionist"


def test_an_address_with_an_account_cannot_be_invited(omar, asha, now):
    with pytest.raises(Conflict):
        people.invite_person("ASHA@clinic.example", "doctor", by=omar, at=now)


@pytest.mark.parametrize("who", ["asha", "rita"])
def test_only_the_administrator_invites(request, who, now):
    with pytest.raises(NotAllowed):
        people.invite_person("nila@clinic.example", "admin", by=request.getfixturevalue(who), at=now)


def test_a_changed_role_is_audited_with_both_roles(omar, asha):
    people.change_role(asha, "receptionist", by=omar)

    asha.refresh_from_db()
    assert asha.role == Role.RECEPTIONIST
    assert AuditEvent.objects.get(action=Action.ADMINISTER).detail == {
        "verb": "change_role",
        "from": "doctor",
        "to": "receptionist",
    }


def test_nobody_changes_or_closes_their_own_account(omar):
    with pytest.raises(NotAllowed):
        people.change_role(omar, "doctor", by=omar)
    with pytest.raises(NotAllowed):
        people.deactivate_person(omar, by=omar, at=timezone.now())


def test_the_last_administrator_stays(omar):
    # An admin whose account was closed still holds a page open: nobody else would be left.
    other = people.create_admin(username="nora", email="nora@clinic.example", password=PASSWORD)
    User.objects.filter(pk=other.pk).update(is_active=True)
    people.deactivate_person(omar, by=other, at=timezone.now())
    stale = User.objects.get(pk=other.pk)

    omar.is_active = True
    with pytest.raises(Conflict):
        people.change_role(stale, "doctor", by=omar)
    with pytest.raises(Conflict):
        people.deactivate_person(stale, by=omar, at=timezone.now())


def test_deactivation_ends_the_sessions_of_that_person_only(omar, asha, ben, signed_in):
    of_asha, of_ben = signed_in(asha), signed_in(ben)

    people.deactivate_person(asha, by=omar, at=timezone.now())

    assert of_asha.get("/settings/").status_code == 302
    assert of_ben.get("/settings/").status_code == 200


def test_a_deactivated_person_is_out_even_with_a_session_left(asha):
    client = Client()
    client.force_login(asha)
    User.objects.filter(pk=asha.pk).update(is_active=False)

    assert client.get("/settings/").status_code == 302


def test_a_reactivated_person_signs_in_again(omar, asha, client):
    people.deactivate_person(asha, by=omar, at=timezone.now())
    people.reactivate_person(asha, by=omar)

    answer = client.post("/sign-in/", {"name": "asha", "password": PASSWORD})

    assert answer.status_code == 302
