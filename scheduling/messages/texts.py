"""What a message says: clinic, date, time, phone and link, and no word of what the visit is about."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scheduling.phrases import Words
from synapse.notifications.segments import count_segments, in_gsm_7

MOST_SEGMENTS = 2
MOST_TIMES = 6
LONGEST_CLINIC = 20  # letters of the clinic's name where an SMS gets too long


@dataclass(frozen=True)
class Facts:
    """What there is to say. `times` are in the clinic's zone, the first one is the visit the link is about."""

    kind: str
    clinic: str
    phone: str
    times: tuple[datetime, ...]
    link: str = ""
    asks: bool = False
    held_until: datetime | None = None
    has_calendar_file: bool = False

    @property
    def is_series(self) -> bool:
        return len(self.times) > 1


def subject(facts: Facts, words: Words) -> str:
    """Return the subject: it names nobody."""
    return words.subjects[facts.kind].format(day=words.day(facts.times[0]))


def email_text(facts: Facts, words: Words) -> str:
    """Return the body of an e-mail."""
    leads = words.series_leads if facts.is_series else words.leads
    times = [f"    {words.day(moment)} {moment.year}, {words.clock(moment)}" for moment in facts.times[:MOST_TIMES]]
    if len(facts.times) > MOST_TIMES:
        times.append(f"    {words.more.format(count=len(facts.times) - MOST_TIMES)}")
    if facts.held_until:
        times.append(f"\n{words.held_until.format(clock=words.clock(facts.held_until))}")
    parts = [words.hello, leads[facts.kind].format(clinic=facts.clinic), "\n".join(times)]
    if facts.link:
        invitation = words.to_take if facts.kind == "offer" else words.please_answer if facts.asks else words.to_change
        parts.append(f"{invitation}\n{facts.link}")
        notes = [words.first_only] if facts.is_series else []
        if facts.kind != "offer":
            notes += [words.once, words.to_stop]
        if notes:
            parts.append(" ".join(notes))
    if facts.has_calendar_file:
        parts.append(words.calendar_file)
    parts.append("\n".join([words.questions.format(phone=facts.phone)] if facts.phone else []))
    parts.append(facts.clinic)
    return "\n\n".join(part for part in parts if part) + "\n"


def sms_text(facts: Facts, words: Words) -> str:
    """Return the fullest text that fits into two messages, else the shortest one."""
    texts = [in_gsm_7(text) for text in _sms_texts(facts, words)]
    return next((text for text in texts if count_segments(text) <= MOST_SEGMENTS), texts[-1])


def _sms_texts(facts: Facts, words: Words) -> Iterable[str]:
    """Return the ways to say it, the fullest first: with the phone number, without it, with less of the name."""
    lead = (words.sms_series if facts.is_series else words.sms)[facts.kind]
    answer = words.sms_take if facts.kind == "offer" else words.sms_answer if facts.asks else words.sms_change
    values = {
        "when": words.when(facts.times[0]),
        "count": len(facts.times),
        "clock": words.clock(facts.held_until) if facts.held_until else "",
    }
    link = answer.format(link=facts.link) if facts.link else ""
    phone = words.sms_call.format(phone=facts.phone) if facts.phone else ""
    whole = lead.format(clinic=facts.clinic, **values)
    yield " ".join(filter(None, (whole, link, phone)))
    yield " ".join(filter(None, (whole, link or phone)))
    short, start = facts.clinic[:LONGEST_CLINIC].strip(), facts.times[0]
    yield " ".join(filter(None, (lead.format(clinic=short, **values), link)))
    day = f"{start.day} {words.months[start.month - 1]} {start:%H:%M}"
    yield " ".join(filter(None, (f"{short}:", day, facts.link)))
