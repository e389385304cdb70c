"""What a report says around its sections: who wrote it, when, how, and what the recording lacks."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from reports.content import Section, walk
from reports.generation.assemble import content_text
from reports.models import Report
from reports.printing.loading import gaps_of
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User, UserProfile

_held_clinic: ContextVar[ClinicSettings | None] = ContextVar("held_clinic", default=None)


@contextmanager
def clinic_held() -> Iterator[ClinicSettings]:
    """Read the clinic's settings once for all reports rendered in this block."""
    clinic = ClinicSettings.load()
    token = _held_clinic.set(clinic)
    try:
        yield clinic
    finally:
        _held_clinic.reset(token)


def _clinic() -> ClinicSettings:
    return _held_clinic.get() or ClinicSettings.load()


@dataclass(frozen=True)
class Header:
    """Who wrote a document. A practitioner's own clinic name wins over the clinic's."""

    clinic: str
    address: str
    contact: str
    practitioner: str
    specialization: str
    license_number: str
    logo: str = ""  # a data: address, or empty

    @property
    def registration(self) -> str:
        return f"Reg. {self.license_number}" if self.license_number else ""

    @property
    def full_name(self) -> str:
        """Return name, speciality and registration in one line."""
        return ", ".join(part for part in (self.practitioner, self.specialization, self.registration) if part)


def header_of(doctor: User, *, with_logo: bool = True) -> Header:
    """Return the head of a practitioner's documents."""
    profile = getattr(doctor, "profile", None) or UserProfile()
    clinic = _clinic()
    logo = f"data:image/png;base64,{b64encode(profile.logo).decode()}" if with_logo and profile.logo else ""
    return Header(
        clinic=profile.clinic_name or profile.organization or clinic.name,
        address=profile.clinic_address or clinic.address,
        contact=profile.phone or clinic.phone,
        practitioner=doctor.display_name,
        specialization=profile.specialization,
        license_number=profile.license_number,
        logo=logo,
    )


def as_text(report: Report) -> str:
    """Return the readable report: practitioner header, title, then every section; plain text, no patient identity."""
    header = header_of(report.session.doctor, with_logo=False)
    when = f"Session {report.session.session_id}, {long_date(report.session.started_at)}"
    head = f"{header.clinic}\n{header.full_name}\n\n{report.title}\n{when}"
    body = content_text(report.structured_data, required=[section["id"] for section in report.structured_data])
    return f"{head}\n\n{body}\n"


def gap_notes(report: Report) -> list[str]:
    """Say which parts of the recording are missing and why: `from 12:03 to 12:31 (the device was asleep)`."""
    return [
        f"from {clock(gap.at_ms)} to {clock(gap.until_ms)}{f' ({gap.get_reason_display()})' if gap.reason else ''}"
        for gap in gaps_of(report)
        if gap.until_ms is not None
    ]


def confirmed_by_hand(sections: list[Section]) -> int:
    """Return how many sentences rest on the doctor's word and not on the recording."""
    return sum(
        1 for section in walk(sections) for sentence in section["sentences"] if sentence["support"] == "confirmed"
    )


def clock(milliseconds: int) -> str:
    """Write a place on the recording clock: `4:07`, `1:04:07`."""
    seconds = milliseconds // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def clinic_zone() -> ZoneInfo:
    return _clinic().zone


def local_date(at: datetime) -> date:
    """Return the day of a moment in the clinic's zone."""
    return at.astimezone(clinic_zone()).date()


def long_date(at: datetime | date) -> str:
    """Write a date in the clinic's zone: `14 October 2025`."""
    local = at.astimezone(clinic_zone()) if isinstance(at, datetime) else at
    return f"{local.day} {local:%B %Y}"


def moment(at: datetime) -> str:
    """Write a moment in the clinic's zone with its offset: `14 October 2025, 11:32 (UTC+05:30)`."""
    local = at.astimezone(clinic_zone())
    offset = f"{local:%z}"
    return f"{long_date(local)}, {local:%H:%M} (UTC{offset[:3]}:{offset[3:]})"


def seen(session: ConsultationSession) -> str:
    """Write when a session took place: `14 October 2025, 10:30 to 11:18`."""
    start = session.started_at.astimezone(clinic_zone())
    words = f"{long_date(start)}, {start:%H:%M}"
    return f"{words} to {session.ended_at.astimezone(clinic_zone()):%H:%M}" if session.ended_at else words


def provenance(report: Report) -> str:
    """Say in one sentence how the text came to be."""
    drafted = f"Drafted by SynapseAI ({engine_name(report)}) from the recording" if report.engine else "Written by hand"
    by_hand = confirmed_by_hand(report.structured_data)
    own = ""
    if by_hand:
        own = f" {by_hand} {'line rests' if by_hand == 1 else 'lines rest'} on the clinician's own word."
    if report.is_signed:
        return f"{drafted}, then checked, corrected and signed by the clinician named above.{own}"
    return f"{drafted}; not yet checked and signed by a clinician.{own}"


def engine_name(report: Report) -> str:
    """Name the writer for people: the built-in one, or the model that answered."""
    return "the built-in writer" if report.engine == "embedded" else report.ai_model or report.engine
