"""The resources this server hands out: which rows a person may see of each, how they are searched and mapped."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce, Greatest, Now

from billing.models import Bill
from patients.models import Consent, Patient
from patients.queries import clinicians
from reports.models import Addendum, CoSignature, Report
from reports.printing.loading import attach_seals, for_printing, with_newer_signed
from reports.services.sealing import broken_ones
from reports.writers.fhir.people import ENCOUNTER_STATUS
from reports.writers.fhir.values import Resource, organization_id
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
from sessions_app.permissions import may_read_session_field
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.fhir.kind import Kind, Reader, Rows
from synapse.fhir.parameters import begins, code, day, identifier, moment, patient, reference, states
from synapse.fhir.resources import appointment, consent, invoice
from synapse.fhir.resources.composition import composition_resource
from synapse.fhir.resources.document_reference import document_reference_resource
from synapse.fhir.resources.encounter import encounter_resource
from synapse.fhir.resources.organization import organization_resource
from synapse.fhir.resources.patient import patient_resource
from synapse.fhir.resources.practitioner import practitioner_resource

# Whose row it is, without a column of the patient that is encrypted.
OWNER = ("patient__merged_into",)


def _patients(reader: Reader) -> Rows:
    merged = Patient.objects.visible_to(reader.user).only("merged_into")
    return (
        Patient.objects.visible_to(reader.user)
        .only(
            *("patient_id", "first_name", "last_name", "date_of_birth", "gender", "phone_primary", "phone_secondary"),
            *("email", "address", "marital_status", "preferred_language", "emergency_contact_name"),
            *("emergency_contact_phone", "emergency_contact_relationship", "merged_into", "archived_at"),
            *("created_at", "updated_at"),
        )
        .prefetch_related(Prefetch("merged_records", merged, to_attr="shown_merged"))
    )


def _practitioners(reader: Reader) -> Rows:
    return (
        clinicians()
        .select_related("profile")
        .only(
            *("first_name", "last_name", "username", "role", "is_active", "date_joined"),
            *("profile__phone", "profile__license_number", "profile__npi", "profile__taxonomy_code"),
            *("profile__specialization", "profile__organization", "profile__clinic_name", "profile__clinic_address"),
            "profile__updated_at",
        )
    )


def _practitioners_named(rows: Rows, records: Rows, reader: Reader) -> Rows:
    """Return whoever the rows about a person name as the one who treats, signs or is seen."""
    reports = _signed_reports(reader).filter(session__patient__in=records.values("pk"))
    named: list[Rows] = [
        ConsultationSession.objects.known_to(reader.user).filter(patient__in=records.values("pk")).values("doctor"),
        Appointment.objects.visible_to(reader.user).filter(patient__in=records.values("pk")).values("doctor"),
        Bill.objects.visible_to(reader.user).filter(patient__in=records.values("pk")).values("doctor"),
        reports.values("signed_by"),
        CoSignature.objects.signed().filter(report__in=reports.values("pk")).values("supervisor"),
    ]
    is_named = Q(pk__in=[])
    for people in named:
        is_named |= Q(pk__in=people.order_by())
    return rows.filter(is_named)


def _clinic(reader: Reader) -> Rows:
    ClinicSettings.load()
    return ClinicSettings.objects.all()


def _encounters(reader: Reader) -> Rows:
    columns = [
        *("session_id", "session_type", "telehealth", "status", "started_at", "ended_at", "duration_minutes"),
        *("doctor", "updated_at", "patient", *OWNER),
    ]
    if may_read_session_field(reader.user, "chief_complaint"):
        columns.append("chief_complaint")
    return ConsultationSession.objects.known_to(reader.user).select_related("patient").only(*columns)


def _make_encounters(rows: Sequence[ConsultationSession], reader: Reader) -> list[Resource]:
    visible = Appointment.objects.visible_to(reader.user).filter(session__in=rows)
    visits = {visit.session_id: visit.pk for visit in visible.only("session")}
    with_reason = may_read_session_field(reader.user, "chief_complaint")
    return [encounter_resource(row, appointment_id=visits.get(row.pk), with_reason=with_reason) for row in rows]


def _appointments(reader: Reader) -> Rows:
    return (
        Appointment.objects.visible_to(reader.user)
        .select_related("patient", "room")
        .only(
            *("status", "appointment_type", "priority", "is_walk_in", "scheduled_at", "ends_at", "duration_minutes"),
            *("chief_complaint", "notes", "preparation_instructions", "location", "room__name", "doctor", "created_at"),
            *("updated_at", "arrived_at", "in_room_at", "confirmation_required", "cancelled_by_patient"),
            *("cancellation_reason", "reschedule_reason", "patient", *OWNER),
        )
    )


def _signed_reports(reader: Reader) -> Rows:
    """Return the signed reports this person sees, and when what is told of each last changed."""
    addenda = Addendum.objects.filter(report=OuterRef("pk"), status=Addendum.Status.SIGNED).order_by("-signed_at")
    seconds = CoSignature.objects.filter(report=OuterRef("pk"), status=CoSignature.Status.SIGNED)
    amended = Report.objects.filter(amends=OuterRef("pk"), status=Report.Status.SIGNED).order_by("-signed_at")
    return (
        Report.objects.visible_to(reader.user)
        .filter(status=Report.Status.SIGNED, erased_at=None)
        .annotate(
            told_at=Greatest(
                "updated_at",
                Coalesce(Subquery(addenda.values("signed_at")[:1]), "updated_at"),
                Coalesce(Subquery(seconds.values("decided_at")[:1]), "updated_at"),
                Coalesce(Subquery(amended.values("signed_at")[:1]), "updated_at"),
            )
        )
    )


def _compositions(reader: Reader) -> Rows:
    return for_printing(_signed_reports(reader))


def _make_compositions(rows: Sequence[Any], reader: Reader) -> list[Resource]:
    """Map reports whose seals hold; one that was changed after signing is recorded and left out."""
    broken = broken_ones(rows, by=reader.user)
    reader.broken += len(broken)
    attach_seals(rows)
    return [composition_resource(row, updated_at=row.told_at) for row in rows if row.pk not in broken]


def _documents(reader: Reader) -> Rows:
    return (
        with_newer_signed(_signed_reports(reader))
        .annotate(amended_is_shown=Exists(Report.objects.filter(pk=OuterRef("amends"), erased_at=None)))
        .select_related("session__patient")
        .only(
            *("report_type", "status", "amends", "template_structure", "content_hash", "signed_by", "signed_at"),
            *("updated_at", "session__doctor", "session__started_at", "session__ended_at", "session__patient"),
            "session__patient__merged_into",
        )
    )


def _make_documents(rows: Sequence[Any], reader: Reader) -> list[Resource]:
    with_pdf = reader.user.may(Permission.WRITE_REPORTS)
    return [
        document_reference_resource(
            row,
            is_superseded=row.read_newer_signed,
            amended_is_shown=row.amended_is_shown,
            with_pdf=with_pdf,
            updated_at=row.told_at,
        )
        for row in rows
    ]


def _consents(reader: Reader) -> Rows:
    visible = Patient.objects.visible_to(reader.user)
    return (
        Consent.objects.filter(patient__in=visible.values("pk"))
        .select_related("patient")
        .only(
            *("kind", "method", "status", "text_version", "text_hash", "given_at", "expires_at", "withdrawn_at"),
            *(
                "declined_at",
                "created_at",
                "updated_at",
                "text_language",
                "text_title",
                "text_words",
                "patient",
                *OWNER,
            ),
        )
    )


def _invoices(reader: Reader) -> Rows:
    issued = Bill.objects.visible_to(reader.user).filter(bill_number__isnull=False)
    return issued.select_related("patient").only(
        *("bill_number", "bill_type", "status", "currency", "line_items", "discount_amount", "prices_include_tax"),
        *("tax_rate", "tax_amount", "total_amount", "bill_date", "due_date", "issued_at", "payment_terms", "notes"),
        *("cancelled_reason", "doctor", "updated_at", "patient", *OWNER),
    )


_open = Q(status__in=Appointment.OPEN)
_in_room, _arrived = Q(in_room_at__isnull=False), Q(arrived_at__isnull=False)
APPOINTMENT_STATES = states(appointment.STATUS) | {
    "booked": _open & ~_in_room & ~_arrived,
    "arrived": _open & ~_in_room & _arrived,
    "checked-in": _open & _in_room,
}
_over = Q(status=Consent.Status.LIVE, expires_at__lte=Now())
CONSENT_STATES = states(consent.STATUS) | {
    "active": Q(status=Consent.Status.LIVE) & ~_over,
    "inactive": Q(status__in=(Consent.Status.WITHDRAWN, Consent.Status.EXPIRED)) | _over,
}
SESSION_STARTED = "When the session began."
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "Patient",
            needs=(Permission.VIEW_PATIENTS,),
            scope=_patients,
            listed=lambda rows: rows.filter(archived_at=None),
            make=lambda rows, reader: [
                patient_resource(row, merged_ids=[other.pk for other in row.shown_merged]) for row in rows
            ],
            patient="pk",
            order="created_at",
            updated="updated_at",
        ),
        Kind(
            "Organization",
            needs=(),
            scope=_clinic,
            by_id=lambda rows, ids: rows if organization_id() in ids else rows.none(),
            about=lambda rows, records, reader: rows,
            make=lambda rows, reader: [organization_resource(row) for row in rows],
            patient="",
            order="pk",
            updated=None,
        ),
        Kind(
            "Practitioner",
            needs=(),
            scope=_practitioners,
            make=lambda rows, reader: [practitioner_resource(row) for row in rows],
            about=_practitioners_named,
            patient="",
            order="date_joined",
            updated=None,
            parameters={
                "name": begins("first_name", "last_name"),
                "identifier": identifier("licence", "profile__license_number", "The number of the licence."),
            },
        ),
        Kind(
            "Encounter",
            needs=(Permission.VIEW_SESSION_TIMES,),
            scope=_encounters,
            make=_make_encounters,
            patient="patient",
            order="started_at",
            updated="updated_at",
            date="started_at",
            parameters={
                "patient": patient("patient"),
                "subject": patient("patient"),
                "date": moment("started_at", SESSION_STARTED),
                "status": code(states(ENCOUNTER_STATUS)),
                "identifier": identifier("session", "session_id", "The session's number, such as SESS-20260001."),
            },
        ),
        Kind(
            "Appointment",
            needs=(Permission.VIEW_CALENDAR,),
            scope=_appointments,
            make=lambda rows, reader: [appointment.appointment_resource(row) for row in rows],
            patient="patient",
            order="scheduled_at",
            updated="updated_at",
            date="scheduled_at",
            parameters={
                "patient": patient("patient"),
                "date": moment("scheduled_at", "When the visit begins."),
                "status": code(APPOINTMENT_STATES),
                "practitioner": reference("Practitioner", "doctor", "Whose visit it is."),
            },
        ),
        Kind(
            "Composition",
            needs=(Permission.VIEW_REPORTS,),
            scope=_compositions,
            make=_make_compositions,
            patient="session__patient",
            order="signed_at",
            updated="told_at",
            date="signed_at",
            parameters={
                "patient": patient("session__patient"),
                "subject": patient("session__patient"),
                "encounter": reference("Encounter", "session", "The session it is about."),
                "date": moment("signed_at", "When it was signed."),
            },
        ),
        Kind(
            "DocumentReference",
            needs=(Permission.VIEW_REPORTS,),
            scope=_documents,
            make=_make_documents,
            patient="session__patient",
            order="signed_at",
            updated="told_at",
            date="signed_at",
            parameters={
                "patient": patient("session__patient"),
                "subject": patient("session__patient"),
                "encounter": reference("Encounter", "session", "The session it is about."),
                "date": moment("signed_at", "When it was signed."),
            },
        ),
        Kind(
            "Consent",
            needs=(Permission.VIEW_PATIENTS,),
            scope=_consents,
            make=lambda rows, reader: [consent.consent_resource(row, at=reader.at) for row in rows],
            patient="patient",
            order="created_at",
            updated="updated_at",
            parameters={"patient": patient("patient"), "status": code(CONSENT_STATES)},
        ),
        Kind(
            "Invoice",
            needs=(Permission.VIEW_BILLS,),
            scope=_invoices,
            make=lambda rows, reader: [invoice.invoice_resource(row) for row in rows],
            patient="patient",
            order="issued_at",
            updated="updated_at",
            date="issued_at",
            parameters={
                "patient": patient("patient"),
                "subject": patient("patient"),
                "date": day("bill_date", "The date on the invoice, by the clinic's calendar."),
                "status": code(states(invoice.STATUS)),
                "identifier": identifier("bill", "bill_number", "The invoice's number."),
            },
        ),
    )
}
