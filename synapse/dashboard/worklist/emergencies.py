"""Records opened in an emergency: to be reviewed by an administrator, and told to the patients' doctors."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import QuerySet
from django.urls import reverse

from patients.models import EmergencyAccess
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Item, Reader, Source
from synapse.dashboard.worklist.words import DOCTOR, columns, joined, when

TOLD_FOR = timedelta(days=30)
SHOWN = (
    "kind",
    "started_at",
    "expires_at",
    "ended_at",
    "earlier_count",
    "patient__patient_id",
    *columns("doctor", DOCTOR),
)


def _to_review(reader: Reader) -> QuerySet[EmergencyAccess]:
    return _known(reader).filter(reviewed_at=None).order_by("started_at").exclude(doctor=reader.user)


def _to_know(reader: Reader) -> QuerySet[EmergencyAccess]:
    recent = _known(reader).filter(started_at__gt=reader.at - TOLD_FOR).exclude(doctor=reader.user)
    return recent.order_by("-started_at")


def _known(reader: Reader) -> QuerySet[EmergencyAccess]:
    return EmergencyAccess.objects.visible_to(reader.user).select_related("doctor", "patient").only(*SHOWN)


def _describe(rows: Sequence[EmergencyAccess], reader: Reader) -> Iterable[Item]:
    for row in rows:
        is_live = row.over_at > reader.at
        yield Item(
            pk=row.pk,
            title=f"{row.doctor.display_name} opened {row.patient.patient_id}",
            text=joined(
                when(row.started_at, reader),
                row.get_kind_display(),
                f"{row.earlier_count} earlier in 30 days" if row.earlier_count else "",
            ),
            link=reverse("dashboard:emergency", args=[row.pk]),
            link_label="Look",
            patient_id=row.patient_id,
            chip="Open now" if is_live else "",
            chip_kind="rec" if is_live else "",
        )


TO_REVIEW = Source(
    name="emergencies",
    title="Emergency access to review",
    icon="alert-octagon",
    permissions=(Permission.REVIEW_EMERGENCIES,),
    rows=_to_review,
    describe=_describe,
    needs_attention=True,
)
TO_KNOW = Source(
    name="emergencies-told",
    title="Your patients, opened in an emergency",
    one="Opened in an emergency",
    icon="alert-octagon",
    permissions=(Permission.OPEN_IN_EMERGENCY,),
    rows=_to_know,
    describe=_describe,
    can_set_aside=True,
    needs_attention=True,
)
