from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test import RequestFactory
from django_otp.oath import TOTP

from synapse.accounts import second_factor, services, throttle, tokens
from synapse.accounts.models import Authenticator, RecoveryCode
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import DomainError, NotAllowed
from synapse.testing.plugin import PASSWORD

ADDRESS = "203.0.113.7"
STEP = timedelta(seconds=30)


def code_at(authenticator, at):
    clock = TOTP(authenticator.secret)
    clock.time = at.timestamp()
    return f"{clock.token():06}"


@pytest.fixture
def turned_on(asha, now):
    """The authenticator and recovery codes of Asha, whose first code was taken an hour ago."""
    before = now - timedelta(hours=1)
    authenticator = second_factor.begin(asha)
    codes = second_factor.confirm(authenticator, code_at(authenticator, before), by=asha, at=before)
    return second_factor.authenticator_of(asha), codes


def sign_in(at, otp=""):
    return services.check_credentials(RequestFactory().post("/"), "asha", PASSWORD, otp=otp, address=ADDRESS, at=at)


def test_nothing_is_asked_until_the_first_code_was_right(asha, now):
    authenticator = second_factor.begin(asha)
    with pytest.raises(second_factor.SecondFactorRefused):
        second_factor.confirm(authenticator, code_at(authenticator, now - 10 * STEP), by=asha, at=now)

    assert sign_in(now) == asha
    assert not second_factor.is_on(asha)


def test_beginning_again_replaces_the_secret_that_was_not_confirmed(asha, now):
    first = second_factor.begin(asha)
    second = second_factor.begin(asha)

    assert first.key != second.key
    assert Authenticator.objects.count() == 1


def test_a_new_app_takes_the_place_of_the_old_one_with_its_first_code(asha, turned_on, now):
    old, codes = turned_on
    new = second_factor.begin(asha)

    assert second_factor.authenticator_of(asha) == old
    assert second_factor.confirm(new, code_at(new, now), by=asha, at=now) == []
    assert second_factor.authenticator_of(asha) == new
    assert list(Authenticator.objects.all()) == [new]
    assert sign_in(now, codes[0]) == asha


def test_nobody_confirms_somebody_elses(asha, ben, now):
    authenticator = second_factor.begin(asha)

    with pytest.raises(NotAllowed):
        second_factor.confirm(authenticator, code_at(authenticator, now), by=ben, at=now)


def test_the_address_is_what_apps_read(asha, now):
    authenticator = second_factor.begin(asha)

    secret = second_factor.typed_secret_of(authenticator)
    assert second_factor.address_of(authenticator, asha) == (
        f"otpauth://totp/SynapseAI%3Aasha?secret={secret}&issuer=SynapseAI"
    )
    assert len(secret) == 32


def test_neither_secret_nor_codes_lie_in_the_database_or_the_trail(asha, turned_on):
    authenticator, codes = turned_on
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM accounts_authenticator")
        stored = cursor.fetchone()[0]
    rows = [*RecoveryCode.objects.values_list("code_hash", flat=True), *map(str, AuditEvent.objects.values())]

    assert stored.startswith("v1.")
    assert authenticator.key not in stored
    assert len(codes) == second_factor.RECOVERY_CODES == RecoveryCode.objects.count()
    for secret in (authenticator.key, *codes, *(code.replace("-", "") for code in codes)):
        assert not any(secret in row for row in rows)


def test_the_password_alone_is_not_enough(asha, turned_on, now):
    with pytest.raises(second_factor.SecondFactorNeeded) as needed:
        sign_in(now)

    assert (needed.value.code, needed.value.status) == ("otp_required", 401)
    assert not AuditEvent.objects.filter(action=Action.SIGN_IN).exists()


def test_a_wrong_password_says_nothing_about_a_code(asha, turned_on, now):
    with pytest.raises(services.SignInRefused):
        services.check_credentials(RequestFactory().post("/"), "asha", "wrong", otp="123456", address=ADDRESS, at=now)


@pytest.mark.parametrize("drift", [-1, 0, 1])
def test_the_code_of_now_and_its_neighbours_sign_in(asha, turned_on, now, drift):
    assert sign_in(now, code_at(turned_on[0], now + drift * STEP)) == asha
    assert AuditEvent.objects.filter(action=Action.SIGN_IN).count() == 1


def test_a_code_may_be_typed_with_a_space(asha, turned_on, now):
    code = code_at(turned_on[0], now)

    assert sign_in(now, f" {code[:3]} {code[3:]} ") == asha


@pytest.mark.parametrize("wrong", ["000", "not a code", "١٢٣٤٥٦", "aaaa-aaaa-aaaa-aaaa"])
def test_a_wrong_code_is_refused_and_leaves_a_trace(asha, turned_on, now, wrong):
    with pytest.raises(second_factor.SecondFactorRefused) as refused:
        sign_in(now, wrong)

    assert (refused.value.code, refused.value.status) == ("otp_invalid", 401)
    event = AuditEvent.objects.get(action=Action.SIGN_IN_FAILED)
    assert (event.target_id, event.detail) == (str(asha.pk), {"reason": "otp_invalid"})


def test_a_code_too_old_is_refused(asha, turned_on, now):
    with pytest.raises(second_factor.SecondFactorRefused):
        sign_in(now, code_at(turned_on[0], now - 2 * STEP))


def test_a_code_signs_in_once_and_so_does_none_before_it(asha, turned_on, now):
    sign_in(now, code_at(turned_on[0], now))

    for used in (code_at(turned_on[0], now), code_at(turned_on[0], now - STEP)):
        with pytest.raises(second_factor.SecondFactorRefused):
            sign_in(now, used)
    assert sign_in(now + STEP, code_at(turned_on[0], now + STEP)) == asha


def test_of_two_requests_with_one_code_one_passes(asha, turned_on, now):
    stale = Authenticator.objects.get(pk=turned_on[0].pk)
    code = code_at(stale, now)
    sign_in(now, code)

    assert not second_factor._take_app_code(stale, code, at=now)


def test_guessing_is_paused_for_the_account_wherever_it_comes_from(asha, turned_on, now):
    for _ in range(second_factor.MAXIMUM_TRIES):
        with pytest.raises(second_factor.SecondFactorRefused):
            sign_in(now, "000")

    with pytest.raises(throttle.TooManyTries):
        sign_in(now, code_at(turned_on[0], now))
    assert sign_in(now + throttle.WAIT, code_at(turned_on[0], now + throttle.WAIT)) == asha


def test_a_recovery_code_signs_in_once(asha, turned_on, now):
    _, codes = turned_on

    assert sign_in(now, codes[3].upper().replace("-", " ")) == asha
    with pytest.raises(second_factor.SecondFactorRefused):
        sign_in(now, codes[3])
    assert second_factor.count_recovery_codes(asha) == second_factor.RECOVERY_CODES - 1


def test_new_recovery_codes_replace_the_old(asha, turned_on, now):
    _, old = turned_on

    new = second_factor.renew_recovery_codes(asha, by=asha)

    with pytest.raises(second_factor.SecondFactorRefused):
        sign_in(now, old[0])
    assert sign_in(now, new[0]) == asha


def test_turned_off_the_password_is_enough_again(asha, turned_on, now):
    second_factor.remove_app(asha, by=asha)

    assert sign_in(now) == asha
    assert not RecoveryCode.objects.exists()


def test_the_administrator_takes_away_what_is_lost_and_ends_what_it_opened(asha, ben, omar, turned_on, signed_in, now):
    browser = signed_in(asha)
    made = tokens.create_token(asha, name="x", scopes=["read"], lifetime=STEP * 1000, by=asha, at=now)
    with pytest.raises(NotAllowed):
        second_factor.take_away(asha, by=ben, at=now)

    second_factor.take_away(asha, by=omar, at=now)

    assert not second_factor.is_on(asha)
    assert not RecoveryCode.objects.exists()
    assert AuditEvent.objects.last().detail == {"verb": "take_away_second_factor"}
    assert tokens.find_token(made.secret, at=now) is None
    assert browser.get("/settings/").status_code == 302


def test_unlocking_the_screen_takes_the_password_alone(asha, turned_on, now):
    request = RequestFactory().post("/")
    request.user = asha

    services.check_still_there(request, PASSWORD, address=ADDRESS, at=now)
    with pytest.raises(services.SignInRefused):
        services.check_still_there(request, "wrong", address=ADDRESS, at=now)


def test_a_program_signs_in_with_the_code_too(asha, turned_on, now):
    request = RequestFactory().post("/")
    with pytest.raises(second_factor.SecondFactorNeeded):
        tokens.sign_in_for_token(request, "asha", PASSWORD, address=ADDRESS, at=now)

    code = code_at(turned_on[0], now)
    made = tokens.sign_in_for_token(request, "asha", PASSWORD, otp=code, address=ADDRESS, at=now)

    assert tokens.find_token(made.secret, at=now).user == asha


def at_once(what, arguments):
    """Call it with all the arguments at the same time, each in a thread of its own; return what it raised or None."""

    def run(argument):
        try:
            what(argument)
        except DomainError as error:
            return type(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


@pytest.mark.django_db(transaction=True)
def test_of_twenty_with_one_recovery_code_one_gets_in(asha, turned_on, now, monkeypatch):
    monkeypatch.setattr(second_factor, "MAXIMUM_TRIES", 100)
    outcomes = at_once(lambda code: second_factor.check_code(asha, code, at=now), [turned_on[1][0]] * 20)

    assert outcomes.count(None) == 1
    assert outcomes.count(second_factor.SecondFactorRefused) == 19


@pytest.mark.django_db(transaction=True)
def test_of_a_burst_of_codes_five_are_looked_at(asha, turned_on, now):
    outcomes = at_once(lambda code: second_factor.check_code(asha, code, at=now), [f"wrong {n}" for n in range(20)])

    assert outcomes.count(second_factor.SecondFactorRefused) == second_factor.MAXIMUM_TRIES
    assert outcomes.count(throttle.TooManyTries) == 15
