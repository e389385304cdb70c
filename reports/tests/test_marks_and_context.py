"""What the doctor marked reaches the report, what was told in private reaches it only when ticked."""

from reports.generation.base import GenerationContext, GenerationRequest, TranscriptSegment
from reports.generation.findings import find_findings
from reports.generation.prompts import transcript_prompt
from reports.generation.scores import score_sections
from reports.services import drafting
from reports.tests.factories import make_report, make_written_session
from sessions_app import services as sessions
from sessions_app.models import SessionEvent

LINE = "The neighbours were loud on Sunday, as they always are."
SECRET = "Is in a custody dispute with Jordan"


def segments(mark: str = "") -> tuple[TranscriptSegment, ...]:
    return (
        TranscriptSegment(1, 0, 3_000, "doctor", "How was your week?"),
        TranscriptSegment(2, 3_200, 6_000, "patient", LINE, mark=mark),
    )


def request(**context: str) -> GenerationRequest:
    return GenerationRequest(
        sections=(), segments=segments("risk"), context=GenerationContext(**context), identifiers=("Jordan",)
    )


def test_a_marked_line_is_a_finding_whatever_it_says():
    assert not any(2 in one.fact.evidence for one in find_findings(segments()))
    assert any(2 in one.fact.evidence for one in find_findings(segments("moment")))


def test_a_marked_line_left_out_stands_first_among_what_was_said():
    said = (TranscriptSegment(1, 0, 900, "patient", "I take sertraline 50 mg every morning."), *segments("action")[1:])

    missing = score_sections([], (), said).missing

    assert [(entry["segment"], entry["mark"]) for entry in missing] == [(2, "action"), (1, "")]


def test_a_report_is_written_from_marked_words(asha, now):
    session = make_written_session(asha)
    said = session.transcriptions.get().segments[1]
    SessionEvent.objects.create(session=session, cid="m1", kind="risk", at_ms=said["start_ms"] + 10, at=now)

    request = drafting.build_request(make_report(asha, session=session))

    assert [segment.id for segment in request.segments if segment.mark == "risk"] == [said["id"]]


def test_a_cloud_engine_reads_what_was_marked():
    assert f"[2] PATIENT: {LINE} (marked by the practitioner: risk)" in transcript_prompt(request())


def test_the_private_context_goes_nowhere_unless_it_is_ticked(asha, now):
    session = make_written_session(asha)
    report = make_report(asha, session=session)
    sessions.save_pad(session, "private_context", text=SECRET, based_on=None, by=asha, at=now)
    report.session.refresh_from_db()
    kept = drafting.build_request(report)

    sessions.allow_context(report.session, is_allowed=True, by=asha, at=now)
    given = drafting.build_request(report)

    assert kept.context.private_context == ""
    assert given.context.private_context == SECRET
    assert all(SECRET not in segment.text for segment in given.segments)


def test_the_private_context_is_sent_without_identity():
    prompt = transcript_prompt(request(private_context=SECRET))

    assert "custody dispute with [PATIENT]" in prompt
    assert prompt.index("custody") < prompt.index("What stands above is context, not evidence.")
