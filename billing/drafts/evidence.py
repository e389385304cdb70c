"""What is known of the visit behind a bill: minutes, video, who was heard, which diagnosis codes its report holds.

Of a report nothing but codes and the names of their sections is read, and only for those who may open it.
"""

from billing.codes.times import LEAST_MINUTES
from billing.drafts import suggestions
from billing.drafts.suggestions import Diagnosis, Evidence
from billing.models import Bill, BillingSettings, Code
from reports.content import walk
from reports.models import Report
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User

PSYCHIATRY = "908"  # how the codes of psychotherapy and its like begin
PAIR = frozenset({"doctor", "patient", "unknown", ""})


def least_minutes() -> dict[str, int]:
    """Return the minutes the timed codes of psychiatry begin at; the clinic's table goes before what is built in.

    Medical visits may be graded by their difficulty instead of time, and the time of other codes (tests, messages, a
    month of care) is not that of the session: these are not held against the recording.
    """
    table = Code.objects.filter(system=Code.System.CPT, code__startswith=PSYCHIATRY, minimum_minutes__isnull=False)
    rows = table.values_list("code", "minimum_minutes")
    return {**LEAST_MINUTES, **{code: minutes for code, minutes in rows if minutes is not None}}


def minutes_of(bill: Bill) -> int | None:
    """Return the recorded minutes less pauses of the session behind a bill; None without one."""
    if bill.session is None or bill.purpose != Bill.Purpose.VISIT:
        return None
    return bill.session.duration_minutes


def evidence_of(bill: Bill, *, reader: User) -> Evidence:
    """Return what speaks for codes on a bill, as far as this person may see it."""
    session = bill.session
    is_video = bill.bill_type == Bill.Type.TELEMEDICINE or (session is not None and session.telehealth)
    return Evidence(
        bill_type=bill.bill_type,
        minutes=minutes_of(bill),
        is_video=is_video,
        other_voices=_other_voices(session) if session is not None else 0,
        diagnoses=_diagnoses(session, reader=reader) if session is not None else (),
        video_modifier=BillingSettings.load().telehealth_modifier,
    )


def _other_voices(session: ConsultationSession) -> int:
    words = session_queries.current_transcription(session)
    speakers = {segment.get("speaker", "") for segment in words.words_so_far} if words is not None else set()
    return sum(speaker not in PAIR and not speaker.startswith("doctor") for speaker in speakers)


def _diagnoses(session: ConsultationSession, *, reader: User) -> tuple[Diagnosis, ...]:
    """Return the codes of the newest signed report with the section each stands in first."""
    signed = Report.objects.visible_to(reader).filter(session=session, status=Report.Status.SIGNED)
    report = signed.order_by("-signed_at").first()
    if report is None or report.signed_at is None:
        return ()
    day = ClinicSettings.load().date_of(report.signed_at)
    found: dict[str, Diagnosis] = {}
    for section in walk(report.structured_data):
        for code in suggestions.find_codes(sentence["text"] for sentence in section["sentences"]):
            found.setdefault(code, Diagnosis(code, f"{section['title']}, report signed {day:%-d %b %Y}"))
    return tuple(found.values())
