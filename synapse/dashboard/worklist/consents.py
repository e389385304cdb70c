"""Visits of today and the next working day whose patients were not asked for a consent they need."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse

from patients.consents import services as consents
from patients.models import Consent, Patient
from patients.queries import ConsentState, answer_states
from scheduling.calendar.layout import day_bounds
from scheduling.models import Appointment
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.words import DOCTOR, PATIENT, columns, joined, when, whose

Kind = Consent.Kind
WORDS = {Kind.RECORDING: "recording", Kind.TREATMENT: "treatment", Kind.TELEHEALTH: "video visits"}
SATURDAY = 5
EXPIRES_SOON = timedelta(days=30)


def needed_kinds(appointment_type: str) -> list[str]:
    """Return what a patient is asked before a visit of this type: to be recorded, treated, and met by video."""
    by_video = appointment_type == Appointment.Type.TELEMEDICINE
    return [Kind.RECORDING, Kind.TREATMENT, *([Kind.TELEHEALTH] if by_video else [])]


def end_of_next_working_day(reader: Reader) -> datetime:
    """Return the end of tomorrow, or of Monday from Friday on."""
    day = reader.at.astimezone(reader.zone).date() + timedelta(days=1)
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return day_bounds(day, reader.zone)[1]


def _answered(kind: str, reader: Reader) -> Exists:
    """Tell whether the patient said yes and it holds, or said no: both are answers."""
    holds = Q(status=Consent.Status.LIVE) & (Q(expires_at=None) | Q(expires_at__gt=reader.at))
    refused = Q(status__in=[Consent.Status.DECLINED, Consent.Status.WITHDRAWN])
    kept = Coalesce(OuterRef("patient__merged_into_id"), OuterRef("patient_id"))
    of_person = Q(patient=kept) | Q(patient__merged_into=kept)
    return Exists(Consent.objects.filter(holds | refused, of_person, kind=kind))


def visits_lacking(reader: Reader, *, until: datetime) -> QuerySet[Appointment]:
    """Return the coming visits of patients who were not asked all that the visit needs, the next first."""
    by_video = Q(appointment_type=Appointment.Type.TELEMEDICINE)
    return _coming(reader, until=until).filter(
        ~_answered(Kind.RECORDING, reader)
        | ~_answered(Kind.TREATMENT, reader)
        | (by_video & ~_answered(Kind.TELEHEALTH, reader))
    )


def refused_video_visits(reader: Reader) -> QuerySet[Appointment]:
    """Return the coming visits by video of patients who said no to them, or took their agreement back."""
    refused = Q(status__in=[Consent.Status.DECLINED, Consent.Status.WITHDRAWN])
    kept = Coalesce(OuterRef("patient__merged_into_id"), OuterRef("patient_id"))
    of_person = Q(patient=kept) | Q(patient__merged_into=kept)
    said_no = Consent.objects.filter(refused, of_person, kind=Kind.TELEHEALTH)
    agrees = Consent.objects.holding(reader.at).filter(of_person, kind=Kind.TELEHEALTH)
    visits = _coming(reader, until=None).filter(appointment_type=Appointment.Type.TELEMEDICINE)
    return visits.filter(Exists(said_no), ~Exists(agrees))


def expiring_consents(reader: Reader) -> QuerySet[Consent]:
    """Return the agreements that end within 30 days and of which the patient was not asked again yet."""
    asked = Consent.objects.filter(patient=OuterRef("patient"), kind=OuterRef("kind"), status=Consent.Status.PENDING)
    return (
        consents_in_scope(reader)
        .filter(
            ~Exists(asked.filter(expires_at__gt=reader.at)),
            status=Consent.Status.LIVE,
            expires_at__gt=reader.at,
            expires_at__lte=reader.at + EXPIRES_SOON,
        )
        .order_by("expires_at")
    )


def consents_in_scope(reader: Reader) -> QuerySet[Consent]:
    """Return the consents of patients the reader may see and who still come here, with what a row says of them."""
    seen = Patient.objects.visible_to(reader.user).filter(archived_at=None)
    names = columns("patient", (*PATIENT, "merged_into"))
    return (
        Consent.objects.filter(patient__in=seen.values("pk"))
        .select_related("patient")
        .only(
            "kind", "method", "status", "text_version", "given_at", "expires_at", "withdrawn_at", "created_at", *names
        )
    )


def _coming(reader: Reader, *, until: datetime | None) -> QuerySet[Appointment]:
    visits = Appointment.objects.visible_to(reader.user).open().filter(ends_at__gt=reader.at)
    if until is not None:
        visits = visits.filter(scheduled_at__lt=until)
    return (
        visits.select_related("patient", "doctor")
        .only(
            "scheduled_at",
            "appointment_type",
            *columns("patient", (*PATIENT, "merged_into")),
            *columns("doctor", DOCTOR),
        )
        .order_by("scheduled_at")
    )


def _rows(reader: Reader) -> QuerySet[Appointment]:
    return visits_lacking(reader, until=end_of_next_working_day(reader))


def _describe(visits: Sequence[Appointment], reader: Reader) -> Iterable[Item]:
    missing = missing_states(visits, reader.at)
    for visit in visits:
        kinds = [state.kind for state in missing[visit.pk]]
        is_asked = bool(kinds) and all(state.is_asked for state in missing[visit.pk])
        yield Item(
            pk=visit.pk,
            title=visit.patient.full_name,
            text=joined(f"Visit {when(visit.scheduled_at, reader)}", _question(kinds)),
            who=whose(visit.doctor, reader),
            link=reverse("patients:consents", args=[visit.patient_id]),
            link_label="Ask",
            patient_id=visit.patient_id,
            chip="Asked by link" if is_asked else "",
            acts=tuple(f"{kind}-{method}" for kind in kinds[:1] for method in ("written", "declined")),
        )


def missing_states(visits: Sequence[Appointment], at: datetime) -> dict[UUID, list[ConsentState]]:
    """Return for each visit what its patient has not answered, with what is out by link, in one query."""
    answers = answer_states([visit.patient for visit in visits], list(WORDS), at=at)
    return {
        visit.pk: [
            state
            for kind in needed_kinds(visit.appointment_type)
            if not ((state := answers[visit.patient_id, kind]).is_live or state.is_refused)
        ]
        for visit in visits
    }


def _question(kinds: list[str]) -> str:
    return f"not asked about {' and '.join(WORDS[Kind(kind)] for kind in kinds)}" if kinds else "ask again"


def _give(kind: str, visit: Appointment, *, by: User, at: datetime) -> None:
    consents.record_consent(visit.patient.kept_record, kind, method=Consent.Method.WRITTEN, by=by, at=at)


def _decline(kind: str, visit: Appointment, *, by: User, at: datetime) -> None:
    consents.decline_consent(visit.patient.kept_record, kind, method=Consent.Method.VERBAL, by=by, at=at)


def _acts(kind: Kind) -> tuple[Act, Act]:
    def give(visit: Appointment, *, by: User, at: datetime) -> None:
        _give(kind, visit, by=by, at=at)

    def decline(visit: Appointment, *, by: User, at: datetime) -> None:
        _decline(kind, visit, by=by, at=at)

    noun = WORDS[kind]
    return (
        Act(f"{kind}-written", f"Signed: {noun}", "s", "signature", give, f"Noted: a signed consent to {noun}."),
        Act(f"{kind}-declined", f"No: {noun}", "d", "ban", decline, f"Noted: no consent to {noun}."),
    )


MISSING = Source(
    name="consents",
    title="Consent to ask for",
    icon="clipboard-text",
    permissions=(Permission.VIEW_CALENDAR, Permission.RECORD_CONSENT),
    rows=_rows,
    describe=_describe,
    acts=(*_acts(Kind.RECORDING), *_acts(Kind.TREATMENT), *_acts(Kind.TELEHEALTH)),
    needs_attention=True,
)


def _describe_expiring(rows: Sequence[Consent], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.patient.full_name,
            text=joined(row.get_kind_display(), f"ends {when(row.expires_at, reader)}" if row.expires_at else ""),
            link=f"{reverse('patients:consents', args=[row.patient.kept_id])}?ask={row.kind}",
            link_label="Ask again",
            patient_id=row.patient_id,
            acts=("send-link",),
        )


def _send_link(row: Consent, *, by: User, at: datetime) -> None:
    consents.ask_by_link(row.patient.kept_record, row.kind, by=by, at=at)


def _describe_video(visits: Sequence[Appointment], reader: Reader) -> Iterable[Item]:
    for visit in visits:
        yield Item(
            pk=visit.pk,
            title=visit.patient.full_name,
            text=joined(
                f"Visit {when(visit.scheduled_at, reader)}", "the patient does not agree to video or telephone"
            ),
            who=whose(visit.doctor, reader),
            link=reverse("scheduling:detail", args=[visit.pk]),
            link_label="Open and change",
            patient_id=visit.patient_id,
        )


EXPIRING = Source(
    name="consents-expiring",
    title="Consent that ends soon",
    icon="hourglass",
    permissions=(Permission.VIEW_PATIENTS, Permission.RECORD_CONSENT),
    rows=expiring_consents,
    describe=_describe_expiring,
    acts=(Act("send-link", "Send a link", "s", "send", _send_link, "The link is on its way."),),
    can_set_aside=True,
)
BY_VIDEO = Source(
    name="consents-video",
    title="Video visits without agreement",
    one="Video visit without agreement",
    icon="video",
    permissions=(Permission.VIEW_CALENDAR, Permission.RECORD_CONSENT),
    rows=refused_video_visits,
    describe=_describe_video,
    needs_attention=True,
)
