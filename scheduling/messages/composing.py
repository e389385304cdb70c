"""Turn a claimed message into what is sent: its reader's language, its times, its link and its calendar file."""

from datetime import datetime, timedelta

from scheduling.feeds.ics import clinic_name_of, new_calendar, to_bytes, visit_events
from scheduling.messages import texts as message_texts
from scheduling.messages.quiet import quiet_hours_of
from scheduling.messages.texts import Facts
from scheduling.models import Appointment, AppointmentMessage
from scheduling.phrases import LANGUAGES
from synapse.accounts.models import ClinicSettings
from synapse.notifications.outgoing import EMAIL, Attachment, Outgoing

TOGETHER = timedelta(minutes=1)  # visits of a series moved at one time; the first row is there before the last visit
CALENDAR_FILE = "appointment.ics"
CALENDAR_TYPE = "text/calendar"

Kind = AppointmentMessage.Kind


def compose(message: AppointmentMessage, *, to: str, link: str) -> Outgoing:
    """Return the message as it is sent to an address; `link` is whole or empty. Call it in no transaction."""
    clinic, words = ClinicSettings.load(), LANGUAGES[message.language]
    zone = quiet_hours_of(clinic).zone
    visits = _visits_of(message)
    offer = message.offer
    doctor = offer.doctor if offer else visits[0].doctor
    times: list[datetime] = [offer.starts_at] if offer else [visit.scheduled_at for visit in visits]
    has_file = message.channel == EMAIL and message.kind in {Kind.BOOKED, Kind.MOVED, Kind.CANCELLED}
    facts = Facts(
        kind=message.kind,
        clinic=clinic_name_of(doctor, clinic),
        phone=clinic.phone,
        times=tuple(moment.astimezone(zone) for moment in times),
        link=link,
        asks=bool(visits) and visits[0].status == Appointment.Status.SCHEDULED and visits[0].confirmation_required,
        held_until=offer.held_until.astimezone(zone) if offer else None,
        has_calendar_file=has_file and message.kind != Kind.CANCELLED,
    )
    if message.channel != EMAIL:
        return Outgoing(key=str(message.pk), to=to, text=message_texts.sms_text(facts, words))
    return Outgoing(
        key=str(message.pk),
        to=to,
        text=message_texts.email_text(facts, words),
        subject=message_texts.subject(facts, words),
        attachments=(_calendar_file(visits),) if has_file else (),
        sender_name=facts.clinic,
        reply_to=clinic.email,
    )


def _visits_of(message: AppointmentMessage) -> list[Appointment]:
    """Return the visits a message is about, its own first: all those of a series that it speaks for."""
    visit = message.appointment
    if visit is None:
        return []
    if visit.series_id is None or message.kind == Kind.REMINDER:
        return [visit]
    others = Appointment.objects.filter(series=visit.series_id, scheduled_at__gt=visit.scheduled_at)
    if message.kind == Kind.CANCELLED:
        others = others.filter(status=Appointment.Status.CANCELLED, cancelled_at__gte=visit.cancelled_at)
    elif message.kind == Kind.MOVED:
        others = others.open().filter(rescheduled_from__isnull=False, created_at__gte=message.created_at - TOGETHER)
    else:
        others = others.open()
    # What another message of this kind tells on this channel is not told twice.
    told = AppointmentMessage.objects.filter(kind=message.kind, channel=message.channel, appointment__isnull=False)
    others = others.exclude(pk__in=told.filter(appointment__series=visit.series_id).values("appointment_id"))
    return [visit, *others.select_related("patient", "doctor__profile").order_by("scheduled_at")]


def _calendar_file(visits: list[Appointment]) -> Attachment:
    is_cancelled = visits[0].status == Appointment.Status.CANCELLED
    method = "CANCEL" if is_cancelled else "PUBLISH"
    calendar = new_calendar(method=method)
    for event in visit_events(visits, with_names=False):
        calendar.add_component(event)
    return Attachment(CALENDAR_FILE, to_bytes(calendar), f"{CALENDAR_TYPE}; method={method}")
