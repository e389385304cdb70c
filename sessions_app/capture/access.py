"""Who stands at the WebSocket, and may they still: read from the database at every step, never remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.crypto import constant_time_compare

from patients.models import Consent, Patient
from sessions_app import permissions
from sessions_app.capture.live import Close, StreamClosed
from sessions_app.models import ConsultationSession
from synapse.accounts import tokens
from synapse.accounts.browser_sessions import ID_KEY
from synapse.accounts.models import ApiToken, User, UserSession
from synapse.accounts.roles import Permission
from synapse.audit.context import client_ip, request_context
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError


@dataclass(frozen=True)
class Visitor:
    """A signed-in person and what they came with: a browser's session, or the token of a program."""

    user: User
    session_id: str  # of the row that stands for the browser's session; its key may change meanwhile
    session_hash: str
    ip: str | None
    token: ApiToken | None = None

    @property
    def origin(self) -> dict[str, Any]:
        """Where the audit rows of this visitor say they came from."""
        return {"ip": self.ip, "sign_in_id": self.token.pk if self.token else UUID(self.session_id)}

    def is_signed_in(self, stored: User) -> bool:
        """Whether the account still stands as it did: active, and with the password the browser session knows."""
        if not stored.is_active:
            return False
        if self.token is not None:  # it ended with the password
            return True
        hashes = [stored.get_session_auth_hash(), *stored.get_session_auth_fallback_hash()]
        return any(constant_time_compare(self.session_hash, known) for known in hashes)


@dataclass(frozen=True)
class Standing:
    """How things stand with a session and its recorder at one moment."""

    session: ConsultationSession
    is_consented: bool
    consent_ended_at: datetime | None
    is_screen_open: bool


def identify(scope: Mapping[str, Any]) -> Visitor | None:
    """Return who opened the socket, or None when nobody is signed in."""
    user, session = scope.get("user"), scope.get("session")
    if user is None or session is None or not user.is_authenticated or not session.get(ID_KEY):
        return None
    # The scope's user is a lazy object; rows and checks want the person itself.
    person = User.objects.filter(pk=user.pk).first()
    if person is None:
        return None
    visitor = Visitor(person, session[ID_KEY], session.get(HASH_SESSION_KEY, ""), _ip_of(scope))
    return visitor if visitor.is_signed_in(person) else None


def identify_recorder(scope: Mapping[str, Any], *, at: datetime) -> Visitor | None:
    """Return who opened a recording's socket: by the token that was sent, else as `identify` says."""
    secret = scope.get("bearer")
    if secret is None:
        return identify(scope)
    ip = _ip_of(scope)
    token = tokens.find_token(secret, at=at, address=ip)
    return Visitor(token.user, f"token {token.pk}", "", ip, token) if token is not None else None


def admit(visitor: Visitor, session_id: str, *, at: datetime) -> Standing:
    """Return the standing of a visitor who may open this session's socket; raise StreamClosed with the reason."""
    token = visitor.token
    if token is not None and not (token.may_write and Permission.CONDUCT_SESSIONS in token.permissions):
        raise _refused(visitor, session_id, None, Close.NOT_ALLOWED)
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
    session.doctor.limited_to = visitor.user.limited_to
    if not permissions.can_conduct(session.doctor, session):
        raise StreamClosed(Close.NOT_ALLOWED, "the role changed")
    return standing


def _standing(sessions: Any, visitor: Visitor, *, at: datetime) -> Standing | None:
    patient_id = OuterRef(OuterRef("patient_id"))
    records = Patient.objects.filter(Q(pk=patient_id) | Q(merged_into=patient_id))
    consents = {"patient__in": records.values("pk"), "kind": Consent.Kind.RECORDING}
    live = Consent.objects.holding(at).filter(**consents)
    ended = (
        Consent.objects.filter(**consents)
        .exclude(status=Consent.Status.PENDING)
        .order_by(F("withdrawn_at").desc(nulls_last=True))
    )
    session = (
        sessions.select_related("doctor")
        .annotate(
            is_consented=Exists(live),
            consent_withdrawn_at=Subquery(ended.values("withdrawn_at")[:1]),
            is_signed_in=Exists(_credential_of(visitor, at=at)),
            is_screen_open=Exists(_open_screen_of(visitor, at=at)),
        )
        .first()
    )
    if session is None:
        return None
    return Standing(session, session.is_consented, session.consent_withdrawn_at, session.is_screen_open)


def _credential_of(visitor: Visitor, *, at: datetime) -> QuerySet[Any]:
    """Return the row that lets the visitor in, as long as it does."""
    if visitor.token is not None:
        return ApiToken.objects.live(at).filter(pk=visitor.token.pk)
    return UserSession.objects.filter(pk=visitor.session_id)


def _open_screen_of(visitor: Visitor, *, at: datetime) -> QuerySet[Any]:
    """Return the row that says that the visitor's screen may show something: a program has none that could be left."""
    if visitor.token is not None:
        return ApiToken.objects.filter(pk=visitor.token.pk)
    return UserSession.objects.open_at(at).filter(pk=visitor.session_id)


def _refused(visitor: Visitor, session_id: str, session: ConsultationSession | None, code: Close) -> StreamClosed:
    """Write the refusal into the trail and return the close it leads to."""
    target = session or ("sessions_app.ConsultationSession", session_id)
    patient_id = session.patient_id if session else None
    with request_context(**visitor.origin), unit_of_work():
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
