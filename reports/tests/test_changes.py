"""What an amendment changed, who read what it says, and that it says so everywhere."""

import pytest
from django.urls import reverse

from patients import services as patients
from reports import services
from reports.content import all_sentences
from reports.models import Report
from reports.pages.presenting import Progress
from reports.printing import exports
from reports.printing.notices import notices_of
from reports.printing.rendering import long_date
from reports.sealing import signing
from reports.tests.factories import (
    first_sentence,
    make_report,
    make_written_session,
    reloaded,
    settle,
    sign,
    write,
)
from reports.tests.test_chain import by_hand
from reports.tests.test_exports import text_of
from reports.versions.changes import Change, changes_between, changes_of
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db
NEW_LINE = "Blood test in two weeks."


def section(section_id, *lines, parts=()):
    sentences = [{"id": f"s{place}", "text": text} for place, text in enumerate(lines)]
    return {"id": section_id, "title": section_id.title(), "sentences": sentences, "subsections": list(parts)}


def amended_and_signed(asha, now, report=None):
    report = report or make_report(asha, status="signed")
    draft = services.amend_report(report, reason="Lab asked for.", by=asha, at=now)
    draft = services.add_sentence(draft, "plan", NEW_LINE, by=asha, at=now)
    return report, sign(settle(draft, by=asha), by=asha)


def test_lines_that_came_went_and_changed_are_told_in_reading_order():
    before = [section("plan", "Sertraline 50 mg.", "Diary.", parts=[section("later", "In 3 weeks.")])]
    after = [section("plan", "Sertraline 75 mg.", "Diary.", "Blood test."), section("extra", "New.")]

    assert changes_between(before, after) == [
        Change("Plan", "Sertraline 50 mg.", "Sertraline 75 mg."),
        Change("Plan", "", "Blood test."),
        Change("Extra", "", "New."),
        Change("Later", "In 3 weeks.", ""),
    ]
    assert changes_between(before, before) == []


def test_a_change_marks_the_words_and_reads_as_a_sentence():
    change = Change("Plan", "Sertraline 50 mg.", "Sertraline 75 mg.")

    assert [(part.text, part.is_gone, part.is_new) for part in change.parts] == [
        ("Sertraline", False, False),
        ("50", True, False),
        ("75", False, True),
        ("mg.", False, False),
    ]
    assert change.words == "Plan: “Sertraline 50 mg.” became “Sertraline 75 mg.”"
    assert Change("Plan", "", "New.").words == "Plan: added “New.”"
    assert Change("Plan", "Old.", "").words == "Plan: removed “Old.”"


@pytest.mark.parametrize("file_type", ["txt", "md", "json", "fhir"])
def test_an_amendment_prints_why_and_what_changed_and_the_old_version_that_it_was_amended(asha, now, file_type):
    report, amended = amended_and_signed(asha, now)

    new = exports.render(reloaded(amended), file_type=file_type, at=now).content.decode()
    old = exports.render(reloaded(report), file_type=file_type, at=now).content.decode()

    for words in ("Amends version 1", "Lab asked for.", f"added “{NEW_LINE}”"):
        assert words in new
    assert "Amended" in old
    assert "by version 2" in old


def test_the_pages_show_the_changed_words_and_the_old_version_says_it_was_amended(asha, now, signed_in):
    report, amended = amended_and_signed(asha, now)
    client = signed_in(asha)

    new = client.get(reverse("reports:detail", args=[amended.pk])).content.decode()
    old = client.get(reverse("reports:detail", args=[report.pk])).content.decode()

    assert f"<ins>{NEW_LINE}</ins>" in new
    assert "This version was amended." in old
    assert "Lab asked for." in old
    panel = client.get(
        reverse("reports:for_session", args=[report.session_id]), HTTP_HX_REQUEST="true"
    ).content.decode()
    assert "Amended" in panel


def test_nothing_of_an_erased_or_broken_version_is_shown_in_the_changes(asha, now):
    report, amended = amended_and_signed(asha, now)
    assert changes_of(reloaded(amended)) != []

    by_hand(Report, report.pk, generated_content="Other.")
    assert changes_of(reloaded(amended)) == []
    by_hand(Report, report.pk, structured_data=[], erased_at=now)
    assert changes_of(reloaded(amended)) == []


@pytest.fixture
def rewritten(asha, now):
    """A second version, written anew after the first was signed."""
    report = make_report(asha, status="signed")
    again = services.request_report(report.session, by=asha, at=now, template=report.template)
    write(again)
    return settle(reloaded(again), by=asha)


def test_it_is_signed_with_a_reason_only_and_amends_the_signed_one(asha, rewritten, now):
    with pytest.raises(services.EmptyReason, match="Version 1 is signed"):
        services.sign_report(rewritten, by=asha, at=now, password_checked=True)

    signed = services.sign_report(rewritten, by=asha, at=now, password_checked=True, replace_reason="Other  form.")

    stored = reloaded(signed)
    assert (stored.amends.version, stored.amend_reason) == (1, "Other form.")
    assert signing.verify(stored) is signing.Seal.WHOLE


def test_the_sign_form_asks_for_it(asha, rewritten, signed_in):
    client = signed_in(asha)
    address = reverse("reports:sign", args=[rewritten.pk])
    assert "Why it takes the place of version 1" in (
        client.get(reverse("reports:detail", args=[rewritten.pk])).content.decode()
    )

    assert client.post(address, {"password": PASSWORD}).status_code == 422
    client.post(address, {"password": PASSWORD, "reason": "Other form."})

    assert reloaded(rewritten).is_signed


def reviewed(asha, now):
    return services.mark_reviewed(make_report(asha), by=asha, at=now)


def test_what_the_doctor_writes_herself_she_has_read(asha, now):
    report = reviewed(asha, now)
    later = now.replace(microsecond=0)

    report = services.add_sentence(report, "plan", NEW_LINE, by=asha, at=later)

    stored = reloaded(report)
    assert (stored.reviewed_by, stored.reviewed_at) == (asha, later)


def test_a_section_a_colleague_changed_has_to_be_read_again(asha, ben, now):
    report = reviewed(asha, now)
    patients.share_patient(report.session.patient, doctor=ben, by=asha, at=now)

    report = services.add_sentence(report, "plan", NEW_LINE, by=ben, at=now)

    stored = reloaded(report)
    assert "plan" not in stored.checked_sections
    assert len(stored.checked_sections) == len(stored.structured_data) - 1
    assert (stored.reviewed_by, stored.reviewed_at) == (None, None)


def test_a_section_taken_back_takes_the_review_back_and_signing_counts_as_review(asha, now):
    report = reviewed(asha, now)
    report = services.mark_section_checked(report, "plan", is_checked=False, by=asha, at=now)
    assert reloaded(report).reviewed_at is None

    signed = reloaded(sign(settle(report, by=asha), by=asha))

    assert (signed.reviewed_by, signed.reviewed_at) == (asha, signed.signed_at)
    assert set(signed.checked_sections) == {part["id"] for part in signed.structured_data}


def test_confirming_a_line_changes_no_words_and_keeps_the_marks(asha, ben, now):
    report = reviewed(asha, now)
    patients.share_patient(report.session.patient, doctor=ben, by=asha, at=now)

    report = services.settle_sentence(report, first_sentence(report)["id"], "confirm", by=ben, at=now)

    assert reloaded(report).reviewed_by == asha
    assert list(all_sentences(report.structured_data))


def test_another_type_of_report_needs_no_reason(asha, now):
    report = make_report(asha, status="signed")
    session = make_written_session(asha, patient=report.session.patient)

    assert make_report(asha, session=session, status="signed").amends is None


@pytest.mark.parametrize("file_type", ["pdf", "txt"])
def test_somebody_outside_reads_that_and_when_it_was_amended_but_no_reason_and_no_removed_line(asha, now, file_type):
    first = make_report(asha, status="signed")
    draft = services.amend_report(first, reason="Lab asked for.", by=asha, at=now)
    gone = first_sentence(draft)
    draft = services.settle_sentence(draft, gone["id"], "remove", by=asha, at=now)
    report = reloaded(sign(settle(draft, by=asha), by=asha))

    outside = [f"{one.label} {one.text}" for one in notices_of(report, is_shared=True)]
    inside = [f"{one.label} {one.text}" for one in notices_of(report)]
    shared = exports.render(report, file_type=file_type, at=now, is_shared=True).content

    said = f"amends version 1, signed {long_date(first.signed_at)}, on {long_date(report.signed_at)}"
    assert outside == [f"Amended report: it {said}."]
    assert (said[1:] in inside[0], "Lab asked for." in inside[0], gone["text"] in inside[0]) == (True,) * 3
    text = " ".join(text_of(file_type, shared).split())
    assert ("Amended report:" in text, "Lab asked for." in text, gone["text"] in text) == (True, False, False)


@pytest.mark.parametrize(
    ("checked", "to_settle", "advice"),
    [
        (0, 0, "Signing says that you have read the rest."),
        (0, 2, "Settle 2 lines before you sign."),
        (9, 0, "Everything is settled. You can sign."),
    ],
)
def test_the_page_asks_for_no_more_than_signing_does(checked, to_settle, advice):
    assert Progress(checked=checked, total=9, to_settle=to_settle, blockers=[]).advice == advice
