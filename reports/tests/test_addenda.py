"""Addenda: what is added after the signature, by whom, and that the report never changes with it."""

import io

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from patients import services as patients
from reports import permissions, services
from reports.models import Addendum, Report, SealEntry
from reports.printing import exports
from reports.sealing import chain_walk, signing
from reports.sealing.signing import Seal
from reports.tests.factories import make_report, reloaded
from reports.tests.test_chain import by_hand
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db
TEXT = "The pharmacy called: sertraline 75 mg was given out on 16 October."


def make_addendum(doctor, now, report=None, text=TEXT):
    report = report or make_report(doctor, status="signed")
    draft = services.open_addendum(report, by=doctor, at=now)
    return services.sign_addendum(draft, text, by=doctor, at=now, password_checked=True)


def test_an_addendum_is_sealed_after_the_report_which_stays_as_it_was(asha, now):
    report = make_report(asha, status="signed")
    before = Report.objects.filter(pk=report.pk).values().get()

    addendum = make_addendum(asha, now, report)

    assert (addendum.status, addendum.number, addendum.author, addendum.signed_at) == ("signed", 1, asha, now)
    assert signing.verify(Addendum.objects.get(pk=addendum.pk)) is Seal.WHOLE
    assert Report.objects.filter(pk=report.pk).values().get() == before
    entry = signing.entry_of(addendum)
    assert (entry.kind, entry.number, entry.previous_digest) == ("addendum", 2, signing.entry_of(report).chain_digest)
    assert chain_walk.walk_chain(report.session.patient) == chain_walk.Verdict(entries=2, erased=0)
    assert AuditEvent.objects.filter(action="sign").latest("seq").detail["kind"] == "addendum"


def test_an_author_has_one_draft_that_is_saved_as_it_is_typed(asha, now):
    report = make_report(asha, status="signed")
    draft = services.open_addendum(report, by=asha, at=now)

    saved = services.save_addendum(draft, "First  \nline\n\n", by=asha, at=now, revision=0)

    assert (saved.text, saved.revision) == ("First\nline", 1)
    assert services.open_addendum(report, by=asha, at=now).pk == draft.pk
    with pytest.raises(services.StaleRevision):
        services.save_addendum(draft, "From another window", by=asha, at=now, revision=0)
    with pytest.raises(services.StaleRevision):
        services.sign_addendum(draft, "From another window", by=asha, at=now, password_checked=True, revision=0)


def test_a_colleague_with_access_adds_her_own_and_neither_touches_the_others(asha, ben, now):
    report = make_report(asha, status="signed")
    patients.share_patient(report.session.patient, doctor=ben, by=asha, at=now)
    first = services.open_addendum(report, by=asha, at=now)
    second = services.open_addendum(report, by=ben, at=now)

    for verb in (
        lambda: services.save_addendum(first, "x", by=ben, at=now),
        lambda: services.discard_addendum(first, by=ben, at=now),
        lambda: services.sign_addendum(first, "x", by=ben, at=now, password_checked=True),
    ):
        with pytest.raises(NotAllowed):
            verb()
    assert list(Addendum.objects.visible_to(ben)) == [second]

    services.sign_addendum(second, "Ben’s.", by=ben, at=now, password_checked=True)
    services.sign_addendum(first, "Asha’s.", by=asha, at=now, password_checked=True)

    assert list(report.addenda.order_by("number").values_list("author__username", "number")) == [
        ("ben", 1),
        ("asha", 2),
    ]
    assert chain_walk.walk_chain(report.session.patient).broken is None


def test_it_needs_a_password_and_words(asha, now):
    draft = services.open_addendum(make_report(asha, status="signed"), by=asha, at=now)

    with pytest.raises(services.PasswordNotChecked):
        services.sign_addendum(draft, TEXT, by=asha, at=now, password_checked=False)
    for text in (" \n ", "x" * 10_001):
        with pytest.raises(services.UnusableAddendum):
            services.sign_addendum(draft, text, by=asha, at=now, password_checked=True)
    assert not Addendum.objects.get().is_signed


def test_only_the_newest_signed_report_takes_one(asha, now):
    with pytest.raises(Conflict, match="Only a signed report"):
        services.open_addendum(make_report(asha), by=asha, at=now)
    report = make_report(asha, status="signed")
    draft = services.open_addendum(report, by=asha, at=now)
    services.amend_report(report, reason="Dose.", by=asha, at=now)

    with pytest.raises(Conflict, match="newer version"):
        services.sign_addendum(draft, TEXT, by=asha, at=now, password_checked=True)
    with pytest.raises(Conflict, match="newer version"):
        services.open_addendum(report, by=asha, at=now)


@pytest.mark.parametrize("who", ["rita", "omar"])
def test_no_other_role_adds(asha, request, who, now):
    with pytest.raises(NotAllowed):
        services.open_addendum(make_report(asha, status="signed"), by=request.getfixturevalue(who), at=now)


def test_nothing_is_added_under_a_broken_or_erased_report(asha, now):
    broken, erased = make_report(asha, status="signed"), make_report(asha, status="signed")
    by_hand(Report, broken.pk, generated_content="Other.")
    Report.objects.filter(pk=erased.pk).update(structured_data=[], generated_content="", erased_at=now)

    with pytest.raises(permissions.SealBroken):
        services.open_addendum(broken, by=asha, at=now)
    with pytest.raises(Conflict, match="erased"):
        services.open_addendum(erased, by=asha, at=now)


def test_a_signed_one_is_neither_changed_nor_thrown_away(asha, now):
    addendum = make_addendum(asha, now)

    for verb in (
        lambda: services.save_addendum(addendum, "x", by=asha, at=now),
        lambda: services.discard_addendum(addendum, by=asha, at=now),
        lambda: services.sign_addendum(addendum, "x", by=asha, at=now, password_checked=True),
    ):
        with pytest.raises(services.AddendumSigned):
            verb()


@pytest.mark.parametrize("column", ["text", "number", "author_id", "signed_at", "content_hash", "signature", "status"])
def test_the_database_refuses_to_change_a_signed_one(asha, ben, now, column):
    addendum = make_addendum(asha, now)
    value = {"number": 9, "author_id": ben.pk, "signed_at": now.replace(year=2020), "status": "draft"}.get(column, "x")

    with pytest.raises(DatabaseError, match="signed addendum"), transaction.atomic():
        Addendum.objects.filter(pk=addendum.pk).update(**{column: value})
    with pytest.raises(DatabaseError, match="signed addendum"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM reports_addendum")


def test_a_changed_or_slipped_in_addendum_is_found_by_the_walk(asha, now):
    report = make_report(asha, status="signed")
    addendum = make_addendum(asha, now, report)
    by_hand(Addendum, addendum.pk, text="Other.")
    said = io.StringIO()

    with pytest.raises(SystemExit):
        call_command("verify_chain", stderr=said)

    assert "entry 2: the addendum was changed" in said.getvalue()
    by_hand(Addendum, addendum.pk, text=TEXT)
    assert chain_walk.walk_chain(report.session.patient).broken is None
    Addendum.objects.create(
        report=report, number=2, text="Slipped in.", status="signed", author=asha, signed_at=now, content_hash="0" * 64
    )
    assert chain_walk.walk_chain(report.session.patient).broken.reason == "a signed addendum has no entry"


def test_its_text_can_be_erased_and_the_chain_says_so(asha, now):
    addendum = make_addendum(asha, now)

    Addendum.objects.filter(pk=addendum.pk).update(text="", erased_at=now)

    assert signing.verify(Addendum.objects.get()) is Seal.ERASED
    assert chain_walk.walk_chain(addendum.report.session.patient) == chain_walk.Verdict(entries=2, erased=1)


@pytest.mark.parametrize("file_type", ["txt", "md", "json"])
def test_it_is_printed_after_the_report(asha, now, file_type):
    report = make_report(asha, status="signed")
    make_addendum(asha, now, report)

    words = exports.render(reloaded(report), file_type=file_type, at=now).content.decode()

    assert "The pharmacy called" in words


def test_a_doctor_writes_saves_and_signs_one_on_the_pages(asha, signed_in, now):
    report = make_report(asha, status="signed")
    client = signed_in(asha)

    opened = client.post(reverse("reports:begin_addendum", args=[report.pk]), follow=True)
    draft = Addendum.objects.get()
    assert "Sign the addendum" in opened.content.decode()
    saved = client.post(
        reverse("reports:save_addendum", args=[draft.pk]), {"text": "Half", "revision": "0"}, HTTP_HX_REQUEST="true"
    )
    assert 'value="1"' in saved.content.decode()
    wrong = {"text": TEXT, "revision": "1", "password": "wrong"}
    refused = client.post(reverse("reports:sign_addendum", args=[draft.pk]), wrong)
    assert refused.status_code == 422
    assert TEXT in refused.content.decode()
    signed = client.post(
        reverse("reports:sign_addendum", args=[draft.pk]), {**wrong, "password": PASSWORD}, follow=True
    )

    page = signed.content.decode()
    assert "The pharmacy called" in page
    assert "Addendum 1" in page
    assert SealEntry.objects.count() == 2


def test_a_draft_is_thrown_away_on_its_page(asha, signed_in, now):
    draft = services.open_addendum(make_report(asha, status="signed"), by=asha, at=now)

    signed_in(asha).post(reverse("reports:discard_addendum", args=[draft.pk]))

    assert not Addendum.objects.exists()


def test_strangers_and_other_roles_find_no_door(asha, ben, rita, omar, signed_in, now):
    report = make_report(asha, status="signed")
    draft = services.open_addendum(report, by=asha, at=now)
    doors = [("begin_addendum", report.pk)]
    doors += [(name, draft.pk) for name in ("save_addendum", "sign_addendum", "discard_addendum")]

    for name, pk in doors:
        address = reverse(f"reports:{name}", args=[pk])
        assert signed_in(ben).post(address).status_code == 404, name
        assert signed_in(rita).post(address).status_code == 403, name
        assert signed_in(omar).post(address).status_code == 403, name
        assert signed_in(asha).get(address).status_code == 405, name
    assert signed_in(ben).get(reverse("reports:addendum", args=[draft.pk])).status_code == 404
