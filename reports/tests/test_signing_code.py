"""Proving who signs: a second factor on the page, and how often a password is tried."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django_otp.oath import TOTP

from reports import services
from reports.models import Report
from reports.tests.factories import make_report, reloaded, settle
from synapse.accounts import passkeys, second_factor
from synapse.accounts.models import SignInThrottle
from synapse.accounts.tests.authenticators import SecurityKey
from synapse.accounts.throttle import MAXIMUM_FAILURES, TooManyTries
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db


def code_at(authenticator, at):
    clock = TOTP(authenticator.secret)
    clock.time = at.timestamp()
    return f"{clock.token():06}"


def test_the_page_asks_for_a_code_and_signs_with_it_alone(signed_in, asha, now):
    before = now - timedelta(hours=1)
    authenticator = second_factor.begin(asha)
    recovery_codes = second_factor.confirm(authenticator, code_at(authenticator, before), by=asha, at=before)
    report = settle(make_report(asha), by=asha)
    client = signed_in(asha)
    page = client.get(reverse("reports:detail", args=[report.pk])).content.decode()
    assert 'name="otp"' in page

    address = reverse("reports:sign", args=[report.pk])
    values = {"revision": reloaded(report).revision, "password": PASSWORD}
    for wrong in ({}, {"otp": "000000"}):
        answer = client.post(address, {**values, **wrong}, headers={"HX-Request": "true"})
        assert 'name="otp"' in answer.content.decode()
        assert reloaded(report).status == Report.Status.COMPLETED

    client.post(address, {**values, "otp": recovery_codes[0]})
    assert reloaded(report).status == Report.Status.SIGNED


def test_nobody_else_is_asked_for_one(signed_in, asha):
    report = settle(make_report(asha), by=asha)
    page = signed_in(asha).get(reverse("reports:detail", args=[report.pk])).content.decode()
    assert 'name="otp"' not in page


def test_a_passkey_signs_in_place_of_a_code(signed_in, asha, now):
    client, key = signed_in(asha), SecurityKey()
    session = client.session
    answer = key.make(passkeys.ask_to_register(session, asha, at=now))
    second_factor.add_passkey(
        asha, "Key", passkeys.take_answer(session, asha, passkeys.REGISTER, answer, at=now), by=asha
    )
    report = settle(make_report(asha), by=asha)
    assert "data-passkey-use" in client.get(reverse("reports:detail", args=[report.pk])).content.decode()

    address = reverse("reports:sign", args=[report.pk])
    values = {"revision": reloaded(report).revision, "password": PASSWORD}
    client.post(address, {**values, "passkey": "{}"})
    assert reloaded(report).status == Report.Status.COMPLETED
    client.post(address, {**values, "passkey": key.use(client.post(reverse("accounts:passkey_options")).text)})
    assert reloaded(report).status == Report.Status.SIGNED


def test_of_a_burst_of_signing_passwords_ten_are_looked_at(asha, now, monkeypatch):
    looked_at = []

    def try_again_meanwhile(user, password):
        looked_at.append(password)
        with pytest.raises((services.WrongPassword, TooManyTries)):
            services.check_signing_password(user, "wrong", at=now)
        return False

    monkeypatch.setattr(type(asha), "check_password", try_again_meanwhile)
    with pytest.raises(services.WrongPassword):
        services.check_signing_password(asha, "wrong", at=now)

    assert len(looked_at) == MAXIMUM_FAILURES


def test_who_signs_often_or_mistypes_keeps_nobody_else_from_signing(asha, ben, now):
    for _ in range(MAXIMUM_FAILURES):
        with pytest.raises(services.WrongPassword):
            services.check_signing_password(ben, "wrong", at=now)

    tries = SignInThrottle.objects.values_list("key", flat=True)
    assert len(tries) == 1
    services.check_signing_password(asha, PASSWORD, at=now)
    assert len(tries.all()) == 1
