"""Sharing a signed report by link: the rules at the service."""

from datetime import timedelta

import pytest

from patients.consents import services as consents
from reports import permissions, services
from reports.models import ReportShare, ShareOpening
from reports.pages.sharing import share_views
from reports.sealing import signing
from reports.services.sharing import MOST_WRONG_PINS
from reports.tests.factories import make_report, reloaded
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.links.tokens import hash_token

pytestmark = pytest.mark.django_db

TERMS = {"audience": "patient", "document": "report", "email": "kavya@mail.example", "expires_in_hours": 24}


@pytest.fixture
def signed(asha):
    return make_report(asha, status="signed")


def share(report, by, at, **terms):
    return services.share_report(report, **(TERMS | terms), by=by, at=at)


def token_of(made):
    return made.path.rstrip("/").rpartition("/")[2]


def open_it(made, at, pin="", device="Chrome on Android"):
    return services.open_share(token_of(made), pin=pin, device=device, at=at)


def test_only_a_hash_of_the_link_is_kept(signed, asha, now):
    made = share(signed, asha, now, pin="123456")

    stored = ReportShare.objects.get()
    assert stored.token_hash == hash_token(token_of(made))
    assert token_of(made) not in str(ReportShare.objects.values().get())
    assert "123456" not in stored.pin_hash
    assert stored.uses_left == 1


def test_the_report_remembers_who_got_it(signed, asha, now):
    made = share(signed, asha, now)

    entry = reloaded(signed).shared_with[0]
    assert entry["email"] == "kavya@mail.example"
    assert entry["share"] == str(made.share.pk)


def test_a_share_is_recorded_as_a_disclosure_without_the_address(signed, asha, now):
    share(signed, asha, now)

    event = AuditEvent.objects.filter(action="share", detail__verb="share").get()
    assert event.patient_id == signed.session.patient_id
    assert event.detail["with"] == "patient"
    assert "mail.example" not in str(event.detail)


def test_a_draft_is_not_shared(asha, now):
    with pytest.raises(Conflict, match="Sign it first"):
        share(make_report(asha), asha, now)


@pytest.mark.parametrize("who", ["rita", "omar"])
def test_only_treating_doctors_share(signed, request, who, now):
    with pytest.raises(NotAllowed):
        share(signed, request.getfixturevalue(who), now)


def test_a_report_changed_after_signing_is_not_shared(signed, asha, now):
    report = reloaded(signed)
    report.structured_data[0]["title"] = "Another"

    with pytest.raises(permissions.SealBroken):
        share(report, asha, now)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"audience": "press"}, "with"),
        ({"document": "audio"}, "document"),
        ({"audience": "provider", "document": "summary"}, "document"),
        ({"email": "nobody"}, "email"),
        ({"expires_in_hours": 0}, "expires_in_hours"),
        ({"expires_in_hours": 721}, "expires_in_hours"),
        ({"uses": 0}, "uses"),
        ({"uses": 21}, "uses"),
        ({"pin": "12345"}, "pin"),
    ],
)
def test_terms_outside_the_rules_are_refused(signed, asha, now, terms, field):
    with pytest.raises(services.UnusableShare) as refused:
        share(signed, asha, now, **terms)

    assert refused.value.field == field
    assert not ReportShare.objects.exists()


def test_a_provider_gets_it_with_consent_or_a_reason(signed, asha, now):
    with pytest.raises(services.UnusableShare) as refused:
        share(signed, asha, now, audience="provider")
    assert refused.value.field == "reason"

    assert (
        share(signed, asha, now, audience="provider", reason="Emergency transfer").share.reason == "Emergency transfer"
    )

    consents.record_consent(signed.session.patient, "data_sharing", method="verbal", by=asha, at=now)
    made = share(signed, asha, now, audience="provider", reason="not needed")
    assert made.share.reason == ""
    assert AuditEvent.objects.filter(action="share").latest("seq").detail["consent"] is True


def test_a_summary_is_shared_only_ticked(signed, asha, now):
    summary = services.begin_summary(signed, by=asha, at=now)
    with pytest.raises(Conflict, match="tick"):
        share(signed, asha, now, document="summary")

    services.tick_summary(summary, by=asha, at=now)

    assert share(signed, asha, now, document="summary").share.document == "summary"


def test_an_opening_is_counted_and_kept_with_device_and_address(signed, asha, now):
    made = share(signed, asha, now, uses=2)

    open_it(made, now)
    open_it(made, now)

    with pytest.raises(services.LinkGone):
        open_it(made, now)
    assert [opening.device for opening in ShareOpening.objects.all()] == ["Chrome on Android"] * 2
    verbs = AuditEvent.objects.filter(action="share", actor_id=None).values_list("detail__verb", flat=True)
    assert list(verbs) == ["open", "open"]


def test_every_dead_link_says_the_same(signed, asha, now):
    expired, ended, used = (share(signed, asha, now) for _ in range(3))
    services.revoke_share(ended.share, by=asha, at=now)
    open_it(used, now)
    later = now + timedelta(hours=25)

    messages = set()
    for token, at in ((token_of(expired), later), (token_of(ended), now), (token_of(used), now), ("made-up", now)):
        with pytest.raises(services.LinkGone) as refused:
            services.open_share(token, pin="", device="", at=at)
        messages.add((str(refused.value), refused.value.code, refused.value.status))
    assert len(messages) == 1


def test_five_wrong_pins_lock_the_link_also_for_the_right_one(signed, asha, now):
    made = share(signed, asha, now, pin="246810")

    for left in (4, 3, 2, 1):
        with pytest.raises(services.WrongPin) as refused:
            open_it(made, now, pin="000000")
        assert refused.value.tries_left == left
    with pytest.raises(services.LinkGone):
        open_it(made, now, pin="000000")
    with pytest.raises(services.LinkGone):
        open_it(made, now, pin="246810")
    assert AuditEvent.objects.filter(action="share", outcome="denied").count() == MOST_WRONG_PINS
    assert share_views(ReportShare.objects.all(), at=now)[0].words.startswith("Locked")


def test_the_right_pin_forgets_the_wrong_ones(signed, asha, now):
    made = share(signed, asha, now, pin="246810", uses=2)
    with pytest.raises(services.WrongPin):
        open_it(made, now, pin="000000")

    open_it(made, now, pin=" 246810 ")

    made.share.refresh_from_db()
    assert (made.share.wrong_pins, made.share.uses_left) == (0, 1)


def test_an_ended_link_ends_the_ten_minutes_after_an_opening_too(signed, asha, now):
    made = share(signed, asha, now)
    opening = open_it(made, now)
    assert services.opened_share(token_of(made), str(opening.pk), verb="read").report == signed

    services.revoke_share(made.share, by=asha, at=now)

    with pytest.raises(services.LinkGone):
        services.opened_share(token_of(made), str(opening.pk), verb="read")


def test_a_report_changed_after_signing_is_shown_to_nobody(signed, asha, now, monkeypatch):
    made = share(signed, asha, now, uses=2)
    opening = open_it(made, now)
    monkeypatch.setattr(signing, "verify_with", lambda report, entry: signing.Seal.BROKEN)

    with pytest.raises(services.LinkGone):
        open_it(made, now)
    with pytest.raises(services.LinkGone):
        services.opened_share(token_of(made), str(opening.pk), verb="read")
    assert AuditEvent.objects.filter(action="deny", detail__reason="seal_broken").count() == 2


def test_an_opening_of_another_link_opens_nothing(signed, asha, now):
    mine, other = share(signed, asha, now), share(signed, asha, now)
    opening = open_it(other, now)

    with pytest.raises(services.LinkGone):
        services.opened_share(token_of(mine), str(opening.pk), verb="read")


def test_a_changed_summary_closes_its_links_until_it_is_ticked_again(signed, asha, now):
    summary = services.tick_summary(services.begin_summary(signed, by=asha, at=now), by=asha, at=now)
    made = share(signed, asha, now, document="summary")
    changed = services.add_line(summary, "Call me.", by=asha, at=now)

    with pytest.raises(services.LinkGone):
        open_it(made, now)
    assert share_views(ReportShare.objects.all(), at=now)[0].words.startswith("Paused")

    services.tick_summary(changed, by=asha, at=now)
    assert open_it(made, now)


def test_ending_twice_is_recorded_once(signed, asha, now):
    made = share(signed, asha, now)

    services.revoke_share(made.share, by=asha, at=now)
    services.revoke_share(made.share, by=asha, at=now + timedelta(hours=1))

    assert made.share.revoked_at == now
    assert AuditEvent.objects.filter(action="share", detail__verb="revoke").count() == 1
