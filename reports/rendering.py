"""A report as text for reading, and as the context its printed documents need."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from reports.content import Section, Sentence, all_sentences, walk
from reports.generation.assemble import content_text
from reports.models import Report
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User, UserProfile

NOT_DISCUSSED = "Not discussed"


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


@dataclass(frozen=True)
class Paragraph:
    """Sentences printed together, each with the numbers of its sources."""

    sentences: list[tuple[str, list[int]]]
    is_list_item: bool = False
    is_heading: bool = False


@dataclass(frozen=True)
class Block:
    """One heading of the printed report with what stands under it."""

    title: str
    level: int
    paragraphs: list[Paragraph] = field(default_factory=list)
    is_not_discussed: bool = False


def header_of(doctor: User, *, with_logo: bool = True) -> Header:
    """Return the head of a practitioner's documents."""
    profile = UserProfile.objects.filter(user=doctor).first() or UserProfile(user=doctor)
    clinic = ClinicSettings.load()
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
    registration = f"Reg. {header.license_number}" if header.license_number else ""
    practitioner = ", ".join(part for part in (header.practitioner, header.specialization, registration) if part)
    when = f"Session {report.session.session_id}, {long_date(report.session.started_at)}"
    head = f"{header.clinic}\n{practitioner}\n\n{report.title}\n{when}"
    body = content_text(report.structured_data, required=[section["id"] for section in report.structured_data])
    return f"{head}\n\n{body}\n"


def blocks_of(sections: list[Section], sources: dict[str, list[int]] | None = None) -> list[Block]:
    """Return the headings of a report in order. `sources` gives each sentence id the numbers of its sources."""
    return list(_blocks(sections, sources or {}, level=1))


def _blocks(sections: list[Section], sources: dict[str, list[int]], *, level: int) -> Iterator[Block]:
    for section in sections:
        is_not_discussed = section["status"] != "documented"
        yield Block(section["title"], level, list(_paragraphs(section["sentences"], sources)), is_not_discussed)
        if not is_not_discussed:
            yield from _blocks(section["subsections"], sources, level=level + 1)


def _paragraphs(sentences: list[Sentence], sources: dict[str, list[int]]) -> Iterator[Paragraph]:
    """Group prose that follows each other; items and headings stand alone."""
    run: list[tuple[str, list[int]]] = []
    for sentence in sentences:
        layout = sentence.get("layout", "prose")
        entry = (sentence["text"], sources.get(sentence["id"], []))
        if layout == "prose":
            run.append(entry)
            continue
        if run:
            yield Paragraph(run)
            run = []
        yield Paragraph([entry], is_list_item=layout == "item", is_heading=layout == "heading")
    if run:
        yield Paragraph(run)


@dataclass(frozen=True)
class Sources:
    """The numbered places in the recording a printed report points to."""

    numbers: dict[str, list[int]]  # sentence id -> source numbers
    times: list[tuple[int, str]]  # number, clock time in the recording


def number_sources(sections: list[Section]) -> Sources:
    """Number the cited places in reading order; a place cited twice keeps its number."""
    known: dict[tuple[int, int], int] = {}
    numbers: dict[str, list[int]] = {}
    for sentence in all_sentences(sections):
        own = []
        for place in sentence["evidence"]:
            key = (place["segment"], place["start_ms"])
            own.append(known.setdefault(key, len(known) + 1))
        numbers[sentence["id"]] = sorted(set(own))
    return Sources(numbers, [(number, clock(start_ms)) for (_, start_ms), number in known.items()])


def gap_notes(report: Report) -> list[str]:
    """Say which parts of the recording are missing and why: `from 12:03 to 12:31 (the device was asleep)`."""
    return [
        f"from {clock(gap.at_ms)} to {clock(gap.until_ms)}{f' ({gap.get_reason_display()})' if gap.reason else ''}"
        for gap in session_queries.gaps_of(report.session)
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
    return ZoneInfo(ClinicSettings.load().timezone)


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
