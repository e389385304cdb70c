"""Write the audit trail. No audit, no data: a failure here fails what asked for it."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db import Error, connection, models, transaction
from django.http import HttpRequest
from django.utils import timezone

from synapse.audit import chain, context
from synapse.audit.models import Action, AuditEvent, AuditSubject, ChainHead, Outcome
from synapse.common.single_rows import single_row

logger = logging.getLogger(__name__)

POLL_WINDOW = timedelta(minutes=10)

# A target is a row, or its label and id when the row cannot be loaded (out of scope, deleted).
Target = models.Model | tuple[str, str]


class Actor(Protocol):
    """A person as the trail sees one; None stands for the system itself."""

    pk: Any

    def get_username(self) -> str: ...


class OutsideUnitOfWork(RuntimeError):
    """An audit row was written outside `unit_of_work()`; a programming error."""


@contextmanager
def unit_of_work() -> Iterator[None]:
    """Open the transaction a change and its audit rows share, the chain's head locked first.

    Every writer takes this lock before any other, so two of them never wait for each other. Nested use joins the
    outer unit (as a savepoint). Keep outside calls and slow work out of the block: all writers queue behind it.

    When the block fails, what it changed is undone, but not that somebody was refused: those rows are written again,
    also when only a nested block fails and the outer unit goes on.
    """
    is_outer = not getattr(connection, "audit_depth", 0)
    if is_outer:
        connection.audit_refusals = []  # type: ignore[attr-defined]
    refusals: list[dict[str, Any]] = connection.audit_refusals  # type: ignore[attr-defined]
    before = len(refusals)
    try:
        with _joined():
            yield
    except Exception:
        _record_again(refusals, since=before)
        raise


@contextmanager
def _joined() -> Iterator[None]:
    depth: int = getattr(connection, "audit_depth", 0)
    with transaction.atomic():
        connection.audit_depth = depth + 1  # type: ignore[attr-defined]
        try:
            if depth == 0:
                _lock_head()
            yield
        finally:
            connection.audit_depth = depth  # type: ignore[attr-defined]


def _record_again(refusals: list[dict[str, Any]], *, since: int) -> None:
    """Keep the refusals of a unit that was undone; the failure that undid it is told, whatever comes of this."""
    undone = refusals[since:]
    if not undone:
        return
    try:
        with _joined():
            del refusals[since:]
            for refusal in undone:
                record(**refusal)
    except Error:  # also that the connection is gone, which is no DatabaseError
        refusals[since:] = undone  # the outer unit fails as well, and tries again
        logger.exception("refusals of a unit that failed could not be recorded")


def record(
    action: Action,
    *,
    by: Actor | None,
    target: Target | None = None,
    patient_id: UUID | None = None,
    outcome: Outcome = Outcome.ALLOWED,
    detail: Mapping[str, Any] | None = None,
    subjects: Iterable[UUID] = (),
) -> AuditEvent:
    """Append a row inside the caller's `unit_of_work()`; `detail` holds ids and labels only.

    Raises OutsideUnitOfWork.
    """
    if not getattr(connection, "audit_depth", 0):
        raise OutsideUnitOfWork(f"audit.record({action!r}) needs unit_of_work() around the change it records")
    patients = sorted(set(subjects), key=str)
    if outcome == Outcome.DENIED:
        beside = {"patient_id": patient_id, "outcome": outcome, "detail": detail, "subjects": patients}
        connection.audit_refusals.append({"action": action, "by": by, "target": target, **beside})  # type: ignore[attr-defined]
    head = _lock_head()
    origin = context.current()
    target_type, target_id, target_label = _describe(target)
    event = AuditEvent(
        seq=head.seq + 1,
        at=timezone.now(),
        actor_id=by.pk if by else None,
        actor_label=by.get_username() if by else "system",
        action=Action(action),
        target_type=target_type,
        target_id=target_id,
        target_label=target_label,
        patient_id=patient_id,
        outcome=outcome,
        ip=origin.ip,
        request_id=origin.request_id,
        sign_in_id=origin.sign_in_id,
        detail=dict(detail or {}),
        subjects_digest=chain.subjects_digest(patients),
        key_id=chain.active_key_id(),
        previous_mac=head.mac,
    )
    event.mac = chain.event_mac(event) or ""
    event.save(force_insert=True)
    AuditSubject.objects.bulk_create(AuditSubject(event_seq=event.seq, patient_id=patient) for patient in patients)
    head.seq, head.mac, head.key_id = event.seq, event.mac, event.key_id
    head.seal = chain.head_seal(head) or ""
    head.save()
    return event


def record_read(
    request: HttpRequest,
    *,
    target: Target | None = None,
    action: Action = Action.READ,
    patient_id: UUID | None = None,
    subjects: Iterable[UUID] = (),
    detail: Mapping[str, Any] | None = None,
    poll: bool = False,
) -> None:
    """Record that a page or answer shows patient data, committed before its first byte leaves.

    Call it once a request. `subjects` are the patients a list shows. With `poll` (a page refreshing itself) a row of
    the same person, action and target within ten minutes is enough.
    """
    user = request.user
    if poll and _was_recorded_lately(user.pk, action, target):
        return
    with unit_of_work():
        record(
            action,
            by=user if user.is_authenticated else None,
            target=target,
            patient_id=patient_id,
            detail=detail,
            subjects=subjects,
        )


def record_denial(
    request: HttpRequest,
    *,
    target: Target | None = None,
    action: Action = Action.DENY,
    patient_id: UUID | None = None,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record a refusal in a transaction of its own; `reason` is an error code, `detail` holds ids and labels only."""
    user = getattr(request, "user", None)
    with unit_of_work():
        record(
            action,
            by=user if user is not None and user.is_authenticated else None,
            target=target,
            patient_id=patient_id,
            outcome=Outcome.DENIED,
            detail={**(detail or {}), **({"reason": reason} if reason else {})},
        )


def _lock_head() -> ChainHead:
    return single_row(ChainHead, locked=True)


def _was_recorded_lately(actor_id: UUID | None, action: Action, target: Target | None) -> bool:
    target_type, target_id, _ = _describe(target)
    return AuditEvent.objects.filter(
        actor_id=actor_id,
        action=action,
        target_type=target_type,
        target_id=target_id,
        outcome=Outcome.ALLOWED,
        at__gte=timezone.now() - POLL_WINDOW,
    ).exists()


def _describe(target: Target | None) -> tuple[str, str, str]:
    """Return type, id and visible number of a target."""
    if target is None:
        return "", "", ""
    if isinstance(target, tuple):
        # Out of an address, perhaps: what cannot be printed is no part of an id, and PostgreSQL stores no NUL.
        return target[0], "".join(filter(str.isprintable, str(target[1])))[:40], ""
    return target._meta.label, str(target.pk), str(target)[:60]
