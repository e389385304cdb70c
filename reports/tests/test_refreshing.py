"""A draft from live words stands at once, and becomes final without losing what the doctor did to it."""

import pytest
from django.utils import timezone

from reports import services
from reports.content import all_sentences, find_section, find_sentence
from reports.models import Report
from reports.pages.presenting import review_page
from reports.services import refreshing
from reports.tests.factories import CONSULTATION, line_about, reloaded, write
from sessions_app import services as sessions
from sessions_app.tests.factories import make_session, record_audio, segment_of, tone
from sessions_app.transcripts import services as transcripts
from synapse.common import jobs
from synapse.common.errors import Conflict
from synapse.common.models import Job

pytestmark = pytest.mark.django_db

# What the final pass hears: the live words, a dose put right, and a sentence the live pass missed.
FINAL = [
    *CONSULTATION[:5],
    ("patient", "I had some nausea the first week. I take sertraline 25 mg every morning."),
    *CONSULTATION[6:],
    ("patient", "I also smoke ten cigarettes a day."),
]


def hear_live(session, lines=CONSULTATION, offset_ms=0):
    row = transcripts.open_live(session)
    segments = [
        {**segment_of(speaker, place * 4_000, place * 4_000 + 3_600, text), "id": row.next_segment_id + place}
        for place, (speaker, text) in enumerate(lines)
    ]
    transcripts.append_live_segments(row, segments, offset_ms=len(lines) * 4_000, at=timezone.now())
    return row


def end(session, *, by):
    sessions.complete_session(session, by=by, at=timezone.now())
    services.draft_from_live_words(session, at=timezone.now())


def make_provisional(doctor, lines=CONSULTATION):
    """End a session while its words are still live, and let the worker write."""
    session = make_session(doctor)
    record_audio(session, tone(4_000))
    hear_live(session, lines)
    end(session, by=doctor)
    report = Report.objects.get(session=session)
    write(report)
    return reloaded(report)


def finish_words(report, lines=FINAL):
    """Store the final transcript as the batch pass does, some 300 ms off the live one, and tell the reports."""
    row = report.session.transcriptions.latest("retry_count")
    transcripts.store_result(
        row,
        segments=[
            segment_of(speaker, place * 4_000 + 300, place * 4_000 + 3_700, text)
            for place, (speaker, text) in enumerate(lines)
        ],
        service="embedded",
        model="tiny.en",
        language="en-US",
        confidence=0.9,
        processing_seconds=1.0,
        at=timezone.now(),
    )
    services.words_are_final(report.session, at=timezone.now())


def refresh(report):
    job = Job.objects.get(kind="reports.tasks.refresh", object_id=report.pk)
    jobs.run_job(str(job.pk))
    return reloaded(report)


def texts(report):
    return [line["text"] for line in all_sentences(report.structured_data)]


def test_a_draft_stands_before_the_transcript_does(asha):
    report = make_provisional(asha)

    assert report.is_draft
    assert report.is_provisional
    assert report.transcription.status == "processing"
    assert any("50 mg" in text for text in texts(report))
    assert all(line["evidence"] for line in all_sentences(report.structured_data) if line["origin"] == "ai")


def test_a_draft_from_live_words_cannot_be_signed(asha, now):
    report = make_provisional(asha)

    with pytest.raises(Conflict, match="Sign when it is final"):
        services.sign_report(report, by=asha, at=now, password_checked=True)
    assert review_page(report, asha).sign_refusal == "The transcript is still being written. Sign when it is final."


def test_the_final_transcript_rewrites_what_nobody_touched(asha):
    report = make_provisional(asha)

    finish_words(report)
    report = refresh(report)

    assert not report.is_provisional
    assert any("25 mg" in text for text in texts(report))
    assert not any("50 mg" in text and "take" in text.lower() for text in texts(report))
    final = {segment["id"] for segment in report.transcription.segments}
    cited = {place["segment"] for line in all_sentences(report.structured_data) for place in line["evidence"]}
    assert cited <= final
    assert Report.objects.filter(session=report.session).count() == 1


def test_what_the_doctor_did_stays_with_its_evidence_found_again_by_time(asha, now):
    report = make_provisional(asha)
    edited, confirmed, removed = (
        line_about(report, "nausea"),
        line_about(report, "moderate depression"),
        line_about(report, "diary"),
    )
    section = report.structured_data[0]["id"]
    report = services.edit_sentence(report, edited["id"], "Nausea in week 1, gone since.", by=asha, at=now)
    report = services.settle_sentence(report, confirmed["id"], "confirm", by=asha, at=now)
    report = services.settle_sentence(report, removed["id"], "remove", by=asha, at=now)
    report = services.add_sentence(report, section, "Brought her sister along.", by=asha, at=now)

    finish_words(report)
    report = refresh(report)

    assert "Nausea in week 1, gone since." in texts(report)
    assert "Brought her sister along." in texts(report)
    assert texts(report).count(confirmed["text"]) == 1
    assert not any("diary" in text for text in texts(report))
    assert edited["text"] not in texts(report)
    line = find_sentence(report.structured_data, edited["id"]).sentence
    assert line["evidence"][0]["start_ms"] % 4_000 == 300
    assert len({line["id"] for line in all_sentences(report.structured_data)}) == len(texts(report))


def test_an_edit_made_while_the_final_version_is_written_is_part_of_it(asha, now, monkeypatch):
    report = make_provisional(asha)
    line = line_about(report, "nausea")
    follow = refreshing.follow_sections
    edits = iter(["First thoughts on nausea.", "Second thoughts on nausea."])

    def meanwhile(draft):
        if (text := next(edits, None)) is not None:
            services.edit_sentence(report, line["id"], text, by=asha, at=now)
        follow(draft)

    monkeypatch.setattr(refreshing, "follow_sections", meanwhile)
    finish_words(report)
    report = refresh(report)

    assert not report.is_provisional
    assert "Second thoughts on nausea." in texts(report)
    assert "First thoughts on nausea." not in texts(report)


def test_an_edit_based_on_the_words_before_the_refresh_is_shown_as_a_conflict_and_kept_by_choice(asha, now):
    report = make_provisional(asha)
    line = line_about(report, "50 mg")
    finish_words(report)
    report = refresh(report)
    fresh = find_sentence(report.structured_data, line["id"])

    if fresh is not None:
        with pytest.raises(services.LineChanged):
            services.edit_sentence(report, line["id"], "Mine.", by=asha, at=now, base=line["text"])
    else:
        with pytest.raises(services.NotInReport):
            services.edit_sentence(report, line["id"], "Mine.", by=asha, at=now, base=line["text"])


def test_a_section_that_was_rewritten_counts_as_unread(asha, now):
    report = make_provisional(asha)
    report = services.mark_reviewed(report, by=asha, at=now)
    changed = next(
        section["id"]
        for section in report.structured_data
        if any("50 mg" in line["text"] for line in all_sentences([section]))
    )

    finish_words(report)
    report = refresh(report)

    assert changed not in report.checked_sections
    assert report.reviewed_at is None
    for known in report.checked_sections:
        assert find_section(report.structured_data, known) is not None


def test_a_transcript_that_is_faster_than_the_draft_leaves_nothing_to_refresh(asha):
    session = make_session(asha)
    record_audio(session, tone(4_000))
    hear_live(session)
    end(session, by=asha)
    report = Report.objects.get(session=session)

    finish_words(report)
    write(report)

    report = reloaded(report)
    assert not report.is_provisional
    assert any("25 mg" in text for text in texts(report))
    assert not Job.objects.filter(kind="reports.tasks.refresh").exists()


def test_a_transcript_that_ends_while_the_draft_is_written_is_not_missed(asha, monkeypatch):
    session = make_session(asha)
    record_audio(session, tone(4_000))
    hear_live(session)
    end(session, by=asha)
    report = Report.objects.get(session=session)
    written = services.drafting.write_draft

    def meanwhile(*args, **kwargs):
        finish_words(report)
        return written(*args, **kwargs)

    monkeypatch.setattr(services.drafting, "write_draft", meanwhile)
    write(report)

    assert not refresh(report).is_provisional


def test_a_refresh_twice_changes_nothing_more(asha):
    report = make_provisional(asha)
    finish_words(report)
    report = refresh(report)

    Job.objects.filter(kind="reports.tasks.refresh").update(state="queued", attempts=0)
    again = refresh(report)

    assert again.revision == report.revision


def test_without_live_words_the_report_waits_for_the_transcript(asha):
    session = make_session(asha)
    record_audio(session, tone(4_000))
    end(session, by=asha)

    assert not Report.objects.filter(session=session).exists()


def test_a_cloud_that_gives_up_leaves_the_final_version_to_the_built_in_writer(asha):
    report = make_provisional(asha)
    finish_words(report)

    refreshing.refresh_with_built_in(report.pk, code="timeout", at=timezone.now())

    report = reloaded(report)
    assert not report.is_provisional
    assert report.fallback_code == "timeout"
    assert report.engine == "embedded"
