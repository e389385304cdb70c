from datetime import timedelta

import pytest
from django.test import RequestFactory

from synapse.accounts import people, scopes, services, tokens
from synapse.accounts.models import ApiToken
from synapse.accounts.roles import CAPABILITIES, Permission, Role
from synapse.accounts.scopes import Scope
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import NotAllowed
from synapse.testing.plugin import PASSWORD

ADDRESS = "203.0.113.7"
MONTH = timedelta(days=30)


def make_token(user, at, *, name="Export", chosen=("read", "write"), lifetime=MONTH):
    return tokens.create_token(user, name=name, scopes=chosen, lifetime=lifetime, by=user, at=at)


def sign_in(at, name="asha", password=PASSWORD, **more):
    request = RequestFactory().post("/")
    return tokens.sign_in_for_token(request, name, password, address=ADDRESS, at=at, **more)


def test_every_capability_is_granted_by_every_token_by_exactly_one_scope_or_by_none():
    groups = [scopes.BASE, scopes.SCREEN_ONLY, *scopes.GRANTS.values()]

    assert {permission: sum(permission in group for group in groups) for permission in Permission} == dict.fromkeys(
        Permission, 1
    )


@pytest.mark.parametrize("role", Role.values)
def test_the_scopes_of_a_role_together_grant_all_it_holds_but_what_needs_a_screen(role):
    granted = scopes.permissions_of(scopes.scopes_of_role(role))

    assert CAPABILITIES[role] - scopes.SCREEN_ONLY <= granted
    assert not granted & scopes.SCREEN_ONLY


def test_a_role_is_offered_only_scopes_that_open_something_to_it():
    assert Scope.ADMIN not in scopes.scopes_of_role(Role.DOCTOR)
    assert scopes.scopes_of_role(Role.ADMIN) == list(Scope)
    assert scopes.scopes_of_role("cook") == [Scope.READ, Scope.WRITE]


def test_a_capability_counts_only_where_role_and_token_grant_it(asha, now):
    _, secret = make_token(asha, now, chosen=["read", "billing"])

    limited = tokens.find_token(secret, at=now).user

    assert limited == asha
    assert limited.may(Permission.VIEW_PATIENTS)
    assert limited.may(Permission.VIEW_BILLS)
    assert not limited.may(Permission.VIEW_CLINICAL)
    assert not limited.may(Permission.VIEW_ALL_PATIENTS)
    assert asha.may(Permission.VIEW_CLINICAL)


def test_a_token_narrows_with_its_owners_role(asha, omar, now):
    _, secret = make_token(asha, now, chosen=["read", "clinical"])

    people.change_role(asha, Role.RECEPTIONIST, by=omar)

    limited = tokens.find_token(secret, at=now).user
    assert not limited.may(Permission.VIEW_CLINICAL)
    assert not limited.may(Permission.VIEW_BILLS)


def test_read_and_write_are_the_tokens_own(asha, now):
    token, _ = make_token(asha, now, chosen=["read"])

    assert (token.may_read, token.may_write) == (True, False)


def test_the_secret_is_recognisable_and_nowhere_stored(asha, now):
    token, secret = make_token(asha, now)

    assert secret.startswith("syn_")
    assert len(secret) == 47
    assert secret.startswith(token.prefix)
    row = ApiToken.objects.values().get()
    assert not any(secret[8:] in str(value) for value in row.values())
    assert not any(secret[8:] in str(event) for event in AuditEvent.objects.values())


def test_a_new_token_is_audited_by_its_id_and_scopes(asha, now):
    token, _ = make_token(asha, now)

    event = AuditEvent.objects.get(action=Action.ADMINISTER)
    assert event.target_id == str(token.pk)
    assert event.detail == {"verb": "create_token", "user": str(asha.pk), "scopes": ["read", "write"]}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"chosen": ["read", "admin"]}, "scopes"),
        ({"chosen": ["read", "everything"]}, "scopes"),
        ({"chosen": ["billing"]}, "scopes"),
        ({"lifetime": timedelta(minutes=59)}, "expires_in_hours"),
        ({"lifetime": timedelta(days=366)}, "expires_in_hours"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 81}, "name"),
    ],
)
def test_an_unusable_token_is_refused_by_the_field_that_is_wrong(asha, now, wrong, field):
    with pytest.raises(tokens.UnusableToken) as refused:
        make_token(asha, now, **wrong)

    assert refused.value.field == field
    assert not ApiToken.objects.exists()


def test_nobody_makes_a_token_in_somebody_elses_name(asha, omar, now):
    with pytest.raises(NotAllowed):
        tokens.create_token(asha, name="x", scopes=["read"], lifetime=MONTH, by=omar, at=now)


def test_nobody_has_more_live_tokens_than_can_be_overlooked(asha, ben, now):
    for number in range(tokens.MAXIMUM_LIVE):
        make_token(asha, now, name=f"Script {number}")

    with pytest.raises(tokens.TooManyTokens):
        make_token(asha, now)
    make_token(ben, now)
    tokens.revoke_token(ApiToken.objects.filter(user=asha).first(), by=asha, at=now)
    make_token(asha, now)


def test_a_program_signs_in_for_twelve_hours_with_all_scopes_of_the_role(asha, now):
    token, secret = sign_in(now)

    assert token.expires_at == now + timedelta(hours=12)
    assert token.scopes == ["read", "write", "clinical", "billing"]
    assert tokens.find_token(secret, at=now).user == asha


def test_a_wrong_password_makes_no_token_and_counts_as_a_guess(asha, now):
    for _ in range(10):
        with pytest.raises(services.SignInRefused):
            sign_in(now, password="not the password")

    with pytest.raises(services.throttle.TooManyTries):
        sign_in(now)
    assert not ApiToken.objects.exists()


def test_a_program_that_signs_in_again_and_again_is_not_locked_out(asha, now):
    named, _ = make_token(asha, now - timedelta(minutes=1))
    _, oldest = sign_in(now)
    for _ in range(tokens.MAXIMUM_LIVE):
        _, newest = sign_in(now)

    assert tokens.tokens_of(asha, at=now).count() == tokens.MAXIMUM_LIVE
    assert tokens.tokens_of(asha, at=now).filter(pk=named.pk).exists()
    assert tokens.find_token(oldest, at=now) is None
    assert tokens.find_token(newest, at=now) is not None


@pytest.mark.parametrize("wrong", ["", "syn_", "syn_" + "A" * 43, "Bearer x"])
def test_a_wrong_secret_opens_nothing(asha, now, wrong):
    make_token(asha, now)

    assert tokens.find_token(wrong, at=now) is None


def test_a_token_ends_at_its_time(asha, now):
    _, secret = make_token(asha, now)

    assert tokens.find_token(secret, at=now + MONTH - timedelta(seconds=1)) is not None
    assert tokens.find_token(secret, at=now + MONTH) is None


def test_the_last_use_is_written_at_most_once_a_minute(asha, now, django_assert_num_queries):
    token, secret = make_token(asha, now)
    tokens.find_token(secret, at=now, address=ADDRESS)

    with django_assert_num_queries(1):
        tokens.find_token(secret, at=now + timedelta(seconds=59), address="203.0.113.8")
    token.refresh_from_db()
    assert (token.last_used_at, token.last_used_ip) == (now, ADDRESS)

    tokens.find_token(secret, at=now + timedelta(seconds=60))
    token.refresh_from_db()
    assert token.last_used_at == now + timedelta(seconds=60)


def test_an_ended_token_opens_nothing_and_its_end_is_audited_once(asha, now):
    token, secret = make_token(asha, now)

    tokens.revoke_token(token, by=asha, at=now)
    tokens.revoke_token(token, by=asha, at=now)

    assert tokens.find_token(secret, at=now) is None
    assert [event.detail["verb"] for event in AuditEvent.objects.order_by("seq")] == ["create_token", "revoke_token"]


def test_the_administrator_ends_anybodys_token_a_colleague_nobodys(asha, ben, omar, now):
    token, secret = make_token(asha, now)

    with pytest.raises(NotAllowed):
        tokens.revoke_token(token, by=ben, at=now)
    tokens.revoke_token(token, by=omar, at=now)

    assert tokens.find_token(secret, at=now) is None


def test_a_new_password_ends_every_token_of_its_owner_alone(asha, ben, now):
    _, own = make_token(asha, now)
    _, other = make_token(ben, now)

    services.change_password(asha, "three unrelated words", by=asha, at=now)

    assert tokens.find_token(own, at=now) is None
    assert tokens.find_token(other, at=now) is not None


def test_deactivation_ends_tokens_for_good(asha, omar, now):
    _, secret = make_token(asha, now)

    people.deactivate_person(asha, by=omar, at=now)
    assert tokens.find_token(secret, at=now) is None

    people.reactivate_person(asha, by=omar)
    assert tokens.find_token(secret, at=now) is None


def test_ended_tokens_are_deleted_live_ones_stay(asha, now):
    live, _ = make_token(asha, now)
    make_token(asha, now, lifetime=timedelta(hours=1))
    ended, _ = make_token(asha, now)
    tokens.revoke_token(ended, by=asha, at=now)

    tokens.purge_ended(now + timedelta(hours=1))

    assert [token.pk for token in ApiToken.objects.all()] == [live.pk]
