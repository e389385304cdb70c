"""The list of patients: its filters, and tags that are matched in memory because they are encrypted."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.crypto import salted_hmac

from patients.models import Consent, Patient, PatientAccess, PatientQuerySet
from synapse.accounts.models import User
from synapse.accounts.roles import Permission

NOT_SEEN_FOR = timedelta(days=90)

ALL, SHARED, NO_CONSENT, NOT_SEEN, ARCHIVED = "all", "shared", "no-consent", "not-seen", "archived"


@dataclass(frozen=True)
class Filter:
    """One choice above the list."""

    value: str
    label: str


@dataclass(frozen=True)
class Tag:
    """A tag in use, how many patients have it, and the key that stands for it in an address."""

    name: str
    key: str
    count: int


def filters_for(user: User) -> list[Filter]:
    """Return the filters that mean something to this person."""
    sees_all = user.may(Permission.VIEW_ALL_PATIENTS)
    return [
        Filter(ALL, "All patients" if sees_all else "My patients"),
        *([] if sees_all else [Filter(SHARED, "Shared with me")]),
        Filter(NO_CONSENT, "No consent to record"),
        Filter(NOT_SEEN, f"Not seen for {NOT_SEEN_FOR.days} days"),
        Filter(ARCHIVED, "Archived"),
    ]


def list_patients(
    user: User, *, show: str = ALL, doctor_id: UUID | None = None, tag_key: str = "", at: datetime
) -> PatientQuerySet:
    """Return the patients this person may see under a filter, the last seen first.

    `doctor_id` keeps those a doctor may open, `tag_key` those with a tag (see `tag_key_of`).
    """
    patients = Patient.objects.visible_to(user)
    patients = patients.filter(archived_at__isnull=False, merged_into=None) if show == ARCHIVED else patients.active()
    if show == SHARED:
        shares = _open_access(user.pk).filter(
            source__in=[PatientAccess.Source.SHARED, PatientAccess.Source.HANDED_OVER]
        )
        patients = patients.filter(pk__in=shares.values("patient_id"))
    elif show == NO_CONSENT:
        agreed = Consent.objects.holding(at).filter(kind=Consent.Kind.RECORDING)
        patients = patients.filter(
            ~Exists(agreed.filter(patient=OuterRef("pk"))), ~Exists(agreed.filter(patient__merged_into=OuterRef("pk")))
        )
    elif show == NOT_SEEN:
        patients = patients.filter(last_seen_at__lt=at - NOT_SEEN_FOR)
    if doctor_id is not None:
        patients = patients.filter(pk__in=_open_access(doctor_id).values("patient_id"))
    if tag_key and user.may(Permission.VIEW_CLINICAL):
        patients = patients.filter(pk__in=_having_tag(patients, tag_key))
    return patients.latest_first()


def tags_in_use(user: User) -> list[Tag]:
    """Return the tags of this person's patients, by name."""
    if not user.may(Permission.VIEW_CLINICAL):
        return []
    lists = Patient.objects.visible_to(user).active().values_list("tags", flat=True)
    counts = Counter(tag for tags in lists for tag in tags)
    return [Tag(name, tag_key_of(name), counts[name]) for name in sorted(counts, key=str.casefold)]


def tag_key_of(tag: str) -> str:
    """Return what stands for a tag in an address: a tag may say what a patient suffers from."""
    return salted_hmac("patients.tag", tag).hexdigest()[:16]


def _open_access(doctor_id: UUID) -> QuerySet[PatientAccess]:
    return PatientAccess.objects.open().filter(doctor_id=doctor_id)


def _having_tag(patients: PatientQuerySet, tag_key: str) -> list[UUID]:
    rows = patients.values_list("pk", "tags")
    return [pk for pk, tags in rows if any(tag_key_of(tag) == tag_key for tag in tags)]
