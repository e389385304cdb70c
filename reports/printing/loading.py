"""What printing a report asks for besides the report: read for many at once, or one by one where nobody did."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from patients.models import Patient
from reports import permissions
from reports.models import Addendum, CoSignature, Report, SealEntry
from reports.printing import statements
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession, SessionEvent
from synapse.encryption.fields import StrictEncryption

PRINTED_OF_PATIENT = frozenset({"first_name", "last_name", "date_of_birth", "gender", "allergies"})
PRINTED_OF_REPORT = frozenset({"amend_reason", "structured_data", "generated_content", "risk_statements"})


def for_printing(reports: QuerySet[Report]) -> QuerySet[Report]:
    """Read with the reports all that printing them asks for, and decrypt nothing else.

    The number of queries does not grow with the reports; logos are left out. `attach_seals` adds the seals' places.
    """
    unprinted = [
        "session__doctor__profile__logo",
        "signed_by__profile__logo",
        *_encrypted(Report, PRINTED_OF_REPORT),
        *(f"amends__{name}" for name in _encrypted(Report, PRINTED_OF_REPORT)),
        *(f"{path}__{name}" for path in ("session", "amends__session") for name in _encrypted(ConsultationSession)),
        *(f"session__patient__{name}" for name in _encrypted(Patient, PRINTED_OF_PATIENT)),
    ]
    addenda = Addendum.objects.signed().select_related("author__profile").defer("author__profile__logo")
    amendments = Report.objects.filter(status=Report.Status.SIGNED).order_by("-version")
    gaps = SessionEvent.objects.filter(kind=SessionEvent.Kind.GAP).order_by("at_ms")
    return (
        with_newer_signed(reports)
        .select_related("session__patient", "session__doctor__profile", "signed_by__profile", "amends__session")
        .defer(*unprinted)
        .prefetch_related(
            Prefetch("addenda", addenda, to_attr="read_addenda"),
            Prefetch(
                "co_signatures",
                CoSignature.objects.signed().select_related("supervisor__profile").defer("supervisor__profile__logo"),
                to_attr="read_co_signatures",
            ),
            Prefetch(
                "amendments",
                amendments.only("amends", "version", "signed_at", "amend_reason"),
                to_attr="read_amendments",
            ),
            Prefetch("session__events", gaps, to_attr="read_gaps"),
            *statements.relations(),
        )
    )


def with_newer_signed(reports: QuerySet[Report]) -> QuerySet[Report]:
    """Note on each report, as `read_newer_signed`, whether a later version of it was signed."""
    newer = Report.objects.filter(
        session=OuterRef("session"),
        report_type=OuterRef("report_type"),
        version__gt=OuterRef("version"),
        status=Report.Status.SIGNED,
    )
    return reports.annotate(read_newer_signed=Exists(newer))


def attach_seals(reports: Iterable[Report]) -> None:
    """Give reports, and the ones they amend, their entries in the chains, in one query."""
    sealed = [one for report in reports for one in (report, report.amends) if one is not None]
    entries = SealEntry.objects.filter(kind=SealEntry.Kind.REPORT, object_id__in={one.pk for one in sealed})
    by_report = {entry.object_id: entry for entry in entries}
    for one in sealed:
        one.__dict__["seal_entry"] = by_report.get(one.pk)


def signed_addenda(report: Report) -> list[Addendum]:
    """Return the signed addenda in their order, with their authors."""
    read: list[Addendum] | None = getattr(report, "read_addenda", None)
    return list(report.addenda.signed()) if read is None else read


def given_co_signatures(report: Report) -> list[CoSignature]:
    """Return the signatures supervisors gave."""
    read: list[CoSignature] | None = getattr(report, "read_co_signatures", None)
    return list(report.co_signatures.signed()) if read is None else read


def latest_amendment(report: Report) -> Report | None:
    """Return the newest signed report that amends this one."""
    read: list[Report] | None = getattr(report, "read_amendments", None)
    if read is not None:
        return read[0] if read else None
    return report.amendments.filter(status=Report.Status.SIGNED).order_by("-version").first()


def has_newer_signed(report: Report) -> bool:
    """Tell whether a later version of the same report was signed."""
    read: bool | None = getattr(report, "read_newer_signed", None)
    return permissions.has_newer_signed_version(report) if read is None else read


def gaps_of(report: Report) -> list[SessionEvent]:
    """Return where the recording of the report's session has no sound."""
    read: list[SessionEvent] | None = getattr(report.session, "read_gaps", None)
    return list(session_queries.gaps_of(report.session)) if read is None else read


def _encrypted(model: type[Report | ConsultationSession | Patient], printed: frozenset[str] = frozenset()) -> list[str]:
    """Return the encrypted columns of a model that are not printed."""
    fields = model._meta.concrete_fields
    return [field.name for field in fields if isinstance(field, StrictEncryption) and field.name not in printed]
