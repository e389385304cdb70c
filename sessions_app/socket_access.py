"""Who stands at the WebSocket, and may they still: read from the database at every step, never remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils.crypto import constant_time_compare

from patients.models import Consent
from sessions_app import permissions
from sessions_app.live import Close, StreamClosed
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.context import client_ip, request_context
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError


@dataclass(frozen=True)
class Visitor:
    """A signed-in person and the browser session they came with."""

    user: User
    session_key: str
    session_hash: str
    ip: str | None

    def is_signed_in(self, stored: User) -> bool:
        """Whether the account still stands as it did: active, and with the password the browser session knows."""
        if not stored.is_active:
            return False
        hashes = [stored.get_session_auth_hash(), *stored.get_session_auth_fallback_hash()]
        return any(constant_time_compare(self.session_hash, known) for known in hashes)


@dataclass(frozen=True)
class Standing:
    """How things stand with a session and its recorder at one moment."""

    session: ConsultationSession
    is_consented: bool
    consent_ended_at: datetime | None


def identify(scope: Mapping[str, Any]) -> Visitor | None:
    """Return who opened the socket, or None when nobody is signed in."""
    user, session = scope.get("user"), scope.get("session")
    if user is None or session is None or not user.is_authenticated or not session.session_key:
        return None
    # The scope's user is a lazy object; rows and checks want the person itself.
    person = User.objects.filter(pk=user.pk).first()
    if person is None:
        return None
    visitor = Visitor(person, session.session_key, session.get(HASH_SESSION_KEY, ""), _ip_of(scope))
    return visitor if visitor.is_signed_in(person) else None


def admit(visitor: Visitor, session_id: str, *, at: datetime) -> Standing:
    """Return the standing of a visitor who may open this session's socket; raise StreamClosed with the reason."""
    if not visitor.user.may(Permission.VIEW_SESSIONS):
        raise _refused(visitor, session_id, None, Close.NO_SESSION)
    try:
        visible = ConsultationSession.objects.visible_to(visitor.user).filter(pk=UUID(session_id))
    except ValueError:
        raise StreamClosed(Close.NO_SESSION, "no such session") from None
    standing = _standing(visible, visitor, at=at)
    if standing is None:
        raise _refused(visitor, session_id, None, Close.NO_SESSION)
    if not permissions.can_conduct(visitor.user, standing.session):
        raise _refused(visitor, session_id, standing.session, Close.NOT_ALLOWED)
    if not standing.session.is_live:
        raise StreamClosed(Close.OVER, "the session is over")
    check_may_record(visitor, standing, at=at)
    return standing


def check_may_record(visitor: Visitor, standing: Standing, *, at: datetime) -> None:
    """Raise StreamClosed unless audio may be taken now."""
    try:
        permissions.check_can_record(visitor.user, standing.session, at=at)
    except DomainError:
        raise _refused(visitor, str(standing.session.pk), standing.session, Close.NOT_ALLOWED) from None


def look_again(visitor: Visitor, session_id: UUID, *, at: datetime) -> Standing:
    """Return the present standing, in one query; raise StreamClosed when the visitor may not be here any more."""
    standing = _standing(ConsultationSession.objects.filter(pk=session_id), visitor, at=at)
    if standing is None:
        raise StreamClosed(Close.NO_SESSION, "the session is gone")
    session = standing.session
    if session.doctor_id != visitor.user.pk:
        raise StreamClosed(Close.NOT_ALLOWED, "another doctor holds the session")
    if not session.is_signed_in or not visitor.is_signed_in(session.doctor):  # type: ignore[attr-defined]
        raise StreamClosed(Close.NOT_SIGNED_IN, "signed out or deactivated")
    if not permissions.can_conduct(session.doctor, session):
        raise StreamClosed(Close.NOT_ALLOWED, "the role changed")
    return standing


def _standing(sessions: Any, visitor: Visitor, *, at: datetime) -> Standing | None:
    consents = Consent.objects.filter(patient_id=OuterRef("patient_id"), kind=Consent.Kind.RECORDING)
    live = consents.filter(status=Consent.Status.LIVE).filter(Q(expires_at=None) | Q(expires_at__gt=at))
    ended = consents.exclude(status=Consent.Status.PENDING).order_by(F("withdrawn_at").desc(nulls_last=True))
    session = (
        sessions.select_related("doctor")
        .annotate(
            is_consented=Exists(live),
            consent_withdrawn_at=Subquery(ended.values("withdrawn_at")[:1]),
            is_signed_in=Exists(Session.objects.filter(session_key=visitor.session_key, expire_date__gt=at)),
        )
        .first()
    )
    return Standing(session, session.is_consented, session.consent_withdrawn_at) if session else None


def _refused(visitor: Visitor, session_id: str, session: ConsultationSession | None, code: Close) -> StreamClosed:
    """Write the refusal into the trail and return the close it leads to."""
    target = session or ("sessions_app.ConsultationSession", session_id)
    patient_id = session.patient_id if session else None
    with request_context(visitor.ip), unit_of_work():
        record(
            Action.DENY,
            by=visitor.user,
            target=target,
            patient_id=patient_id,
            outcome=Outcome.DENIED,
            detail={"reason": f"socket_{int(code)}"},
        )
    return StreamClosed(code, "refused")


def _ip_of(scope: Mapping[str, Any]) -> str | None:
    client = scope.get("client") or ("",)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
    meta = {"REMOTE_ADDR": str(client[0]), "HTTP_X_FORWARDED_FOR": headers.get("x-forwarded-for", "")}
    return client_ip(meta)
