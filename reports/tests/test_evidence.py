"""Evidence follows the transcript while the report is a draft, and freezes when it is signed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reports import services
from reports.content import all_sentences, find_sentence
from reports.tests.factories import CONSULTATION, UNSUPPORTED, first_sentence, make_report, reloaded
from sessions_app.models import Transcription
from sessions_app.tests.factories import segment_of
from sessions_app.transcripts import corrections
from sessions_app.transcripts import services as transcripts

pytestmark = pytest.mark.django_db


def correct(report, segment_id, text, *, by):
    """Correct a segment a minute from now; return that time."""
    at = timezone.now() + timedelta(minutes=1)
    corrections.correct_segments(report.transcription, [{"id": segment_id, "text": text}], by=by, at=at)
    return at


def line_about(report, word):
    return next(line for line in all_sentences(report.structured_data) if word in line["text"])


def test_fresh_evidence_is_not_stale(asha):
    report = make_report(asha)

    assert not services.is_evidence_stale(report)
    assert services.rebind_evidence(report, at=timezone.now()).revision == report.revision


def test_a_corrected_word_is_quoted_and_the_sentence_checked_again(asha):
    report = make_report(asha)
    line = line_about(report, "nausea")
    heard = line["evidence"][-1]
    at = correct(report, heard["segment"], "I had some dizziness the first week. I take 50 mg every morning.", by=asha)

    bound = services.rebind_evidence(reloaded(report), at=at)

    line = find_sentence(bound.structured_data, line["id"]).sentence
    assert "dizziness" in line["evidence"][-1]["quote"]
    assert line["support"] != "supported"
    assert not services.is_evidence_stale(bound)


def test_a_section_that_lost_support_counts_as_unread(asha, now):
    report = make_report(asha)
    for section in report.structured_data:
        report = services.mark_section_checked(report, section["id"], by=asha, at=now)
    line = line_about(report, "nausea")
    at = correct(report, line["evidence"][-1]["segment"], "I was well all the time and take 20 mg.", by=asha)

    bound = services.rebind_evidence(reloaded(report), at=at)

    assert len(bound.checked_sections) < len(bound.structured_data)


def test_a_confirmed_line_stays_confirmed(asha, now):
    report = make_report(asha, with_unsupported=True)
    line = next(line for line in all_sentences(report.structured_data) if line["text"] == UNSUPPORTED)
    report = services.settle_sentence(report, line["id"], "confirm", by=asha, at=now)
    at = correct(report, line["evidence"][0]["segment"], "Entirely different words were said here.", by=asha)

    bound = services.rebind_evidence(reloaded(report), at=at)

    assert find_sentence(bound.structured_data, line["id"]).sentence["support"] == "confirmed"


def mark_of(report, line):
    line = find_sentence(report.structured_data, line["id"]).sentence
    return next((flag for flag in line["flags"] if flag["kind"] == "source_corrected"), None)


def test_a_correction_marks_the_sentences_that_rest_on_it_and_no_other(asha):
    report = make_report(asha)
    line = line_about(report, "nausea")
    others = [one for one in all_sentences(report.structured_data) if one["evidence"] != line["evidence"]]
    heard = line["evidence"][-1]
    at = correct(report, heard["segment"], heard["quote"].replace("nausea", "bad nausea"), by=asha)

    bound = services.rebind_evidence(reloaded(report), at=at)

    mark = mark_of(bound, line)
    assert "bad nausea" in mark["after"]
    assert "bad nausea" not in mark["before"]
    unmoved = [one for one in others if heard["segment"] not in [place["segment"] for place in one["evidence"]]]
    assert unmoved
    assert not any(mark_of(bound, one) for one in unmoved)


def test_a_changed_speaker_marks_too_and_a_second_correction_keeps_the_first_words(asha):
    report = make_report(asha)
    line = line_about(report, "nausea")
    heard = line["evidence"][-1]
    at = timezone.now() + timedelta(minutes=1)
    corrections.correct_segments(report.transcription, [{"id": heard["segment"], "speaker": "other"}], by=asha, at=at)
    bound = services.rebind_evidence(reloaded(report), at=at)
    assert "other: " in mark_of(bound, line)["after"]

    later = at + timedelta(minutes=1)
    corrections.correct_segments(
        report.transcription, [{"id": heard["segment"], "text": "Quite other words."}], by=asha, at=later
    )
    bound = services.rebind_evidence(reloaded(report), at=later)

    assert heard["quote"] in mark_of(bound, line)["before"]
    assert "other: Quite other words." in mark_of(bound, line)["after"]


def test_the_mark_goes_when_the_words_are_put_back(asha):
    report = make_report(asha)
    line = line_about(report, "nausea")
    at = correct(report, line["evidence"][-1]["segment"], "I was well.", by=asha)
    services.rebind_evidence(reloaded(report), at=at)

    later = at + timedelta(minutes=1)
    corrections.undo(report.transcription, by=asha, at=later)
    bound = services.rebind_evidence(reloaded(report), at=later)

    assert mark_of(bound, line) is None


@pytest.mark.parametrize("verdict", ["confirm", "edit"])
def test_the_mark_goes_when_the_doctor_has_read_the_sentence_again(asha, verdict):
    report = make_report(asha)
    line = line_about(report, "nausea")
    at = correct(report, line["evidence"][-1]["segment"], "I was well.", by=asha)
    bound = services.rebind_evidence(reloaded(report), at=at)

    if verdict == "confirm":
        bound = services.settle_sentence(bound, line["id"], "confirm", by=asha, at=at)
    else:
        bound = services.edit_sentence(bound, line["id"], "The patient was well.", by=asha, at=at)

    assert mark_of(bound, line) is None


def test_a_confirmed_sentence_is_marked_too_and_its_section_unread(asha, now):
    report = make_report(asha)
    line = line_about(report, "nausea")
    report = services.settle_sentence(report, line["id"], "confirm", by=asha, at=now)
    report = services.mark_reviewed(report, by=asha, at=now)
    at = correct(report, line["evidence"][-1]["segment"], "I was well.", by=asha)

    bound = services.rebind_evidence(reloaded(report), at=at)

    assert mark_of(bound, line) is not None
    assert find_sentence(bound.structured_data, line["id"]).sentence["support"] == "confirmed"
    assert len(bound.checked_sections) < len(bound.structured_data)


def test_evidence_finds_its_place_when_lines_are_merged_and_split(asha):
    report = make_report(asha)
    line = line_about(report, "nausea")
    heard = line["evidence"][-1]
    at = timezone.now() + timedelta(minutes=1)
    corrections.merge_with_previous(report.transcription, heard["segment"], by=asha, at=at)
    bound = services.rebind_evidence(reloaded(report), at=at)
    merged = find_sentence(bound.structured_data, line["id"]).sentence["evidence"][-1]
    assert merged["segment"] == heard["segment"] - 1
    assert merged["quote"].endswith(heard["quote"])

    later = at + timedelta(minutes=1)
    corrections.split_segment(report.transcription, merged["segment"], 3, by=asha, at=later)
    bound = services.rebind_evidence(reloaded(report), at=later)

    places = find_sentence(bound.structured_data, line["id"]).sentence["evidence"]
    assert " ".join(place["quote"] for place in places).endswith(heard["quote"])
    assert len({place["segment"] for place in places}) == len(places)


def test_a_new_transcript_is_bound_by_time(asha):
    report = make_report(asha)
    old = report.transcription
    again = Transcription.objects.create(session=report.session, retry_count=1, next_segment_id=old.next_segment_id)
    transcripts.start_processing(again, at=timezone.now())
    # The second pass cuts at other places: every line is a little later and shorter.
    transcripts.store_result(
        again,
        segments=[
            segment_of(speaker, place * 4_000 + 300, place * 4_000 + 3_500, text)
            for place, (speaker, text) in enumerate(CONSULTATION)
        ],
        service="embedded",
        model="tiny.en",
        language="en-US",
        confidence=0.9,
        processing_seconds=1.0,
        at=timezone.now(),
    )

    bound = services.rebind_evidence(reloaded(report), at=timezone.now())

    assert bound.transcription == again
    before, after = first_sentence(report), first_sentence(bound)
    assert {place["segment"] for place in after["evidence"]}.isdisjoint(
        {place["segment"] for place in before["evidence"]}
    )
    assert [place["quote"] for place in after["evidence"]] == [place["quote"] for place in before["evidence"]]
    assert all(line["support"] == "supported" for line in all_sentences(bound.structured_data) if line["evidence"])


def test_all_drafts_of_a_session_are_bound(asha):
    report = make_report(asha)
    at = correct(report, report.transcription.segments[0]["id"], "What brings you here", by=asha)

    assert services.rebind_session(report.session_id, at=at) == 1
    assert not services.is_evidence_stale(reloaded(report))


def test_a_signed_report_keeps_the_words_it_was_signed_with(asha):
    report = make_report(asha, status="signed")
    before = reloaded(report).structured_data
    at = correct(report, first_sentence(report)["evidence"][0]["segment"], "Other words now.", by=asha)

    services.rebind_evidence(reloaded(report), at=at)

    assert reloaded(report).structured_data == before


def test_words_that_are_not_finished_bind_nothing(asha):
    report = make_report(asha)
    Transcription.objects.create(session=report.session, retry_count=1)

    assert not services.is_evidence_stale(reloaded(report))
