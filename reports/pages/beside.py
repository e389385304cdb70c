"""What stands beside a report: the player, the transcript, and what follows from a signed one."""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from reports import queries, takeover
from reports.models import Report
from reports.printing import rendering
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession
from sessions_app.transcripts import lines as transcript_lines

CHANGE_WORDS = {
    takeover.Change.START: "Medication, new",
    takeover.Change.CHANGE: "Medication, changed",
    takeover.Change.CONTINUE: "Medication",
    takeover.Change.STOP: "Medication, stopped",
}
KIND_ICONS = {
    takeover.Kind.MEDICATION: "pill",
    takeover.Kind.ALLERGY: "alert-triangle",
    takeover.Kind.DIAGNOSIS: "stethoscope",
}


@dataclass(frozen=True)
class PlayerView:
    """What the audio player needs; `src` is empty when there is nothing to play."""

    src: str
    duration_ms: int
    clock_map: list[list[int]]
    peaks: str
    why_silent: str = ""

    @property
    def total(self) -> str:
        return rendering.clock(self.duration_ms)


@dataclass(frozen=True)
class FollowUpView:
    """The next visit the plan asks for: the day, and the way to book it. The address holds ids and a day only."""

    day: date
    days: int
    words: str
    address: str


@dataclass(frozen=True)
class ProposalView:
    """A line for the patient's record with the sentence it comes from."""

    key: str
    text: str
    source: str
    label: str
    icon: str


@dataclass(frozen=True)
class TurnView:
    """One utterance beside the report."""

    id: int
    ms: int
    time: str
    speaker: str
    css: str
    text: str
    is_cited: bool


def player_view(session: ConsultationSession) -> PlayerView:
    """Return what plays the session's recording, or why there is nothing to play."""
    if not session_queries.has_audio(session):
        why = "The recording was deleted." if session.audio_deleted_at else "This session has no recording."
        return PlayerView("", 0, [], "", why)
    if not session.audio_map:
        return PlayerView("", 0, [], "", "The recording is being prepared.")
    return PlayerView(
        src=reverse("sessions:audio", args=[session.pk]),
        duration_ms=session_queries.file_to_clock(
            session.audio_map, round((session.audio_duration_seconds or 0) * 1000)
        ),
        clock_map=session.audio_map,
        peaks=" ".join(str(round(100 * min(1.0, max(0.0, level)))) for level in session.audio_peaks),
    )


def follow_up_view(report: Report) -> FollowUpView | None:
    follow_up = takeover.follow_up_of(report)
    if follow_up is None:
        return None
    day = rendering.local_date(report.session.started_at) + timedelta(days=follow_up.days)
    query = urlencode(
        {
            "patient": str(report.session.patient_id),
            "doctor": str(report.session.doctor_id),
            "day": day.isoformat(),
            "report": str(report.pk),
        }
    )
    address = f"{reverse('scheduling:book')}?{query}"
    return FollowUpView(day=day, days=follow_up.days, words=follow_up.sentence["text"], address=address)


def proposal_views(report: Report) -> list[ProposalView]:
    return [
        ProposalView(
            key=proposal.key,
            text=proposal.text,
            source=proposal.sentence["text"],
            label=CHANGE_WORDS.get(proposal.change) or proposal.kind.value.capitalize(),
            icon=KIND_ICONS[proposal.kind],
        )
        for proposal in takeover.propose(report)
    ]


def turn_views(report: Report) -> list[TurnView]:
    return [
        TurnView(
            id=turn.id,
            ms=turn.start_ms,
            time=rendering.clock(turn.start_ms),
            speaker=speaker_name(report.session, turn.speaker),
            css="doc" if turn.speaker.startswith("doctor") else "pt" if turn.speaker.startswith("patient") else "unk",
            text=turn.text,
            is_cited=turn.is_cited,
        )
        for turn in queries.turns_of(report)
    ]


def speaker_name(session: ConsultationSession, speaker: str) -> str:
    """Name a speaker as the transcript does: `Dr Rao`, `Kavya`, `Second patient`."""
    return transcript_lines.speaker_names(session).get(speaker, speaker)
