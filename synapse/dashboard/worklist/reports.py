"""Reports that wait: failed ones, drafts to sign, colleagues' to co-sign, returned ones, addenda begun."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from reports import queries
from reports.content import all_sentences
from reports.models import Addendum, CoSignature, Report
from reports.services import drafting
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.words import PATIENT, columns, joined, since, when

_SESSION = (
    *columns("session", ("session_id", "started_at", "ended_at")),
    *columns("session__patient", PATIENT),
)
_REPORT = ("report_type", "status", "version", "template_structure", "created_at")


def _failed(reader: Reader) -> QuerySet[Report]:
    later = Report.objects.filter(session=OuterRef("session"), created_at__gt=OuterRef("created_at"))
    return (
        Report.objects.visible_to(reader.user)
        .filter(~Exists(later), session__doctor=reader.user, status=Report.Status.FAILED)
        .select_related("session__patient")
        .only(*_REPORT, *_SESSION)
        .order_by("-created_at")
    )


def _describe_failed(rows: Sequence[Report], reader: Reader) -> Iterable[Item]:
    for row in rows:
        text = joined(f"Session {when(row.session.started_at, reader)}", "The transcript and the recording are safe.")
        yield _item(row, text, label="Open", acts=("retry",))


def _retry(row: Report, *, by: User, at: datetime) -> None:
    drafting.retry_report(row, by=by, at=at)


def _to_sign(reader: Reader) -> QuerySet[Report]:
    return (
        queries.reports_to_sign(reader.user)
        .select_related("session__patient")
        .only(*_REPORT, "structured_data", "is_provisional", *_SESSION)
        .order_by("session__started_at")
    )


def count_unsupported(report: Report) -> int:
    """Return how many sentences of a draft nothing supports."""
    return sum(sentence["support"] == "unsupported" for sentence in all_sentences(report.structured_data))


def _describe_to_sign(rows: Sequence[Report], reader: Reader) -> Iterable[Item]:
    for row in rows:
        text = joined(row.title, f"session {when(row.session.started_at, reader)}", since(row.created_at, reader))
        if row.is_provisional:
            yield _item(row, text, label="Open", chip="Transcript still being written", kind="violet")
        elif lines := count_unsupported(row):
            chip = f"{lines} line{'s' if lines > 1 else ''} without support"
            yield _item(row, text, label="Review", chip=chip, kind="warn")
        else:
            yield _item(row, text, label="Sign", chip="Every line has its source", kind="ok")


def _to_co_sign(reader: Reader) -> QuerySet[CoSignature]:
    return (
        CoSignature.objects.open_to_supervisor(reader.user)
        .filter(status=CoSignature.Status.PENDING)
        .select_related("report__session__patient", "requested_by")
        .defer("report__structured_data", "report__generated_content")
        .order_by("requested_at")
    )


def _returned(reader: Reader) -> QuerySet[CoSignature]:
    """Return the reports a supervisor gave back that were neither amended nor sent to her again."""
    newer = Report.objects.filter(
        session=OuterRef("report__session"),
        report_type=OuterRef("report__report_type"),
        version__gt=OuterRef("report__version"),
    )
    again = CoSignature.objects.filter(report=OuterRef("report"), requested_at__gt=OuterRef("requested_at"))
    return (
        CoSignature.objects.filter(requested_by=reader.user, status=CoSignature.Status.RETURNED)
        .filter(~Exists(newer), ~Exists(again), report__in=Report.objects.visible_to(reader.user))
        .select_related("report__session__patient", "supervisor")
        .defer("report__structured_data", "report__generated_content")
        .order_by("decided_at")
    )


def _describe_to_co_sign(rows: Sequence[CoSignature], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.report.session.patient.full_name,
            text=joined(row.report.title, f"asked by {row.requested_by.display_name}", since(row.requested_at, reader)),
            link=reverse("reports:co_signature", args=[row.pk]),
            link_label="Read and sign",
            patient_id=row.report.session.patient_id,
        )


def _describe_returned(rows: Sequence[CoSignature], reader: Reader) -> Iterable[Item]:
    for row in rows:
        by = row.supervisor.display_name
        yield _item(row.report, joined(row.report.title, f"returned by {by}"), label="Open", pk=row.pk)


def _addenda(reader: Reader) -> QuerySet[Addendum]:
    return (
        Addendum.objects.begun_by(reader.user)
        .select_related("report__session__patient")
        .defer("text", "report__structured_data", "report__generated_content")
        .order_by("created_at")
    )


def _describe_addenda(rows: Sequence[Addendum], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.report.session.patient.full_name,
            text=joined(f"Addendum {row.number} to {row.report.title}", since(row.created_at, reader)),
            link=reverse("reports:addendum", args=[row.pk]),
            link_label="Sign",
            patient_id=row.report.session.patient_id,
        )


def _item(
    row: Report,
    text: str,
    *,
    label: str,
    pk: object = None,
    acts: tuple[str, ...] = (),
    chip: str = "",
    kind: str = "",
) -> Item:
    return Item(
        pk=pk or row.pk,  # type: ignore[arg-type]  # every row's key is a UUID
        title=row.session.patient.full_name,
        text=text,
        link=reverse("reports:detail", args=[row.pk]),
        link_label=label,
        patient_id=row.session.patient_id,
        acts=acts,
        chip=chip,
        chip_kind=kind,
    )


FAILED = Source(
    name="failed-reports",
    title="Report failed",
    icon="alert-triangle",
    permissions=(Permission.WRITE_REPORTS,),
    rows=_failed,
    describe=_describe_failed,
    acts=(Act("retry", "Retry", "r", "refresh", _retry, "The report is being written again."),),
    can_set_aside=True,
    needs_attention=True,
)
TO_SIGN = Source(
    name="to-sign",
    title="Reports to sign",
    icon="writing-sign",
    permissions=(Permission.WRITE_REPORTS,),
    rows=_to_sign,
    describe=_describe_to_sign,
)
TO_CO_SIGN = Source(
    name="to-co-sign",
    title="Colleagues’ reports to co-sign",
    icon="signature",
    permissions=(Permission.WRITE_REPORTS,),
    rows=_to_co_sign,
    describe=_describe_to_co_sign,
)
RETURNED = Source(
    name="returned",
    title="Returned for revision",
    icon="arrow-back-up",
    permissions=(Permission.WRITE_REPORTS,),
    rows=_returned,
    describe=_describe_returned,
    can_set_aside=True,
)
ADDENDA = Source(
    name="addenda",
    title="Addenda to sign",
    icon="notes",
    permissions=(Permission.WRITE_REPORTS,),
    rows=_addenda,
    describe=_describe_addenda,
)
