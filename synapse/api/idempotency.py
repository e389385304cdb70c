"""`Idempotency-Key`: the same request sent again has the first one's answer and no second effect.

By `idempotent` the key, what the request does and its answer are stored in one transaction, so a crash leaves all or
nothing, and a twin that arrives meanwhile waits for it. All other writers wait too, so what takes long is
`idempotent_in_steps`: the key is claimed first, the action runs outside any transaction, its answer is stored last, and
a twin that arrives meanwhile is told so. What failed is not remembered: it may be tried again.

An answer is given again only to who could be given it now: a token with fewer scopes, another role, and a row that is
no longer in scope are refused, for the stored text may hold what they may not read. A secret that is shown once (the
view's `shown_once`) is not stored and not given again: whoever lost it ends what it opens and makes a new one.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.api.errors import BadInput
from synapse.api.models import IdempotencyKey
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict, DomainError

KEPT = timedelta(hours=24)
LONGEST_KEY = 200
KEPT_HEADERS = ("ETag", "Location")
# Longer than any action takes: a claim this old was left by a process that died.
CLAIM_LASTS = timedelta(minutes=10)

Action = Callable[..., Response]


class KeyReused(DomainError):
    """The key belongs to another request."""

    code = "key_reused"
    status = 422

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request. Make a new key for each thing you do.")


class InProgress(Conflict):
    """The first request with this key still runs."""

    code = "in_progress"

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key still runs. Send it again in a moment.")


def idempotent(action: Action) -> Action:
    """Let a POST of a view honour the header. Raises BadInput and KeyReused."""

    @wraps(action)
    def answer_once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        if "Idempotency-Key" not in request.headers:
            return action(view, request, *args, **kwargs)
        with unit_of_work():
            row, is_new = _row_of(request)
            if not is_new:
                return _repeat(row, view)
            response = action(view, request, *args, **kwargs)
            for name, value in _kept(response, view).items():
                setattr(row, name, value)
            row.save(update_fields=["status_code", "body", "headers", "updated_at"])
        return response

    answer_once.is_idempotent = True  # type: ignore[attr-defined]  # read by the schema
    return answer_once


def idempotent_in_steps(action: Action) -> Action:
    """Let a POST that takes long honour the header. Raises BadInput, KeyReused and InProgress.

    A crash between the action and the storing of its answer lets the action run again, ten minutes later: it has to
    refuse by itself to do its work twice.
    """

    @wraps(action)
    def answer_once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        if "Idempotency-Key" not in request.headers:
            return action(view, request, *args, **kwargs)
        row, is_new = _row_of(request)
        if row.status_code is not None:
            return _repeat(row, view)
        claimed_at = row.updated_at if is_new else _take_over(row)
        # Whose claim was taken over has no say any more.
        claim = IdempotencyKey.objects.filter(pk=row.pk, status_code=None, updated_at=claimed_at)
        try:
            response = action(view, request, *args, **kwargs)
        except BaseException:
            claim.delete()
            raise
        claim.update(**_kept(response, view), updated_at=timezone.now())
        return response

    answer_once.is_idempotent = True  # type: ignore[attr-defined]  # read by the schema
    return answer_once


def own_id(request: Request) -> UUID | None:
    """Return an id made of the request's key, for services that keep one of their own; None without a key.

    It outlives the day for which answers are kept, and means the same thing only at the same address.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    words = f"{request.user.pk}\n{request.path}\n{key}"
    return UUID(bytes=salted_hmac("synapse.api.idempotency.own_id", words, algorithm="sha256").digest()[:16], version=4)


def purge_old(at: datetime) -> int:
    """Forget the keys of more than a day ago; return how many."""
    return IdempotencyKey.objects.filter(created_at__lt=at - KEPT).delete()[0]


def _row_of(request: Request) -> tuple[IdempotencyKey, bool]:
    """Return the row of the request's key and whether it is new."""
    key = request.headers["Idempotency-Key"]
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadInput({"Idempotency-Key": f"Use 1 to {LONGEST_KEY} printable ASCII characters."})
    fingerprint = _fingerprint(request)
    assert isinstance(request.user, User)  # nobody else is let in
    row, is_new = IdempotencyKey.objects.get_or_create(
        user=request.user,
        key_hash=_keyed(key),
        defaults={"request_hash": fingerprint},
    )
    if row.request_hash != fingerprint:
        raise KeyReused
    return row, is_new


def _take_over(row: IdempotencyKey) -> datetime:
    """Make a claim that was left one's own; return its new time. Raises InProgress when it may still be held."""
    at = timezone.now()
    left = IdempotencyKey.objects.filter(pk=row.pk, status_code=None, updated_at=row.updated_at)
    if row.updated_at > at - CLAIM_LASTS or not left.update(updated_at=at):
        raise InProgress
    return at


def _kept(response: Response, view: Any) -> dict[str, Any]:
    secrets, data = view.shown_once, response.data
    body = {name: value for name, value in data.items() if name not in secrets} if secrets else data
    return {
        "status_code": response.status_code,
        "body": JSONRenderer().render(body).decode(),
        "headers": {name: response[name] for name in KEPT_HEADERS if name in response},
    }


def _repeat(row: IdempotencyKey, view: Any) -> Response:
    body = json.loads(row.body) if row.body else None
    _check_still_in_scope(view, body)
    return Response(body, status=row.status_code, headers={**row.headers, "Idempotent-Replayed": "true"})


def _check_still_in_scope(view: Any, body: Any) -> None:
    """Raise Http404 when what the answer tells of has left the person's scope meanwhile."""
    if not hasattr(view, "scope"):
        return  # no collection of rows: such a view looks for what its address names before it honours the key
    if "pk" in view.kwargs:
        view.row()
    elif isinstance(body, dict) and "id" in body:
        get_object_or_404(view.scope(), pk=body["id"])


def _fingerprint(request: Request) -> str:
    """Return a hash of method, address, what the body says however it is spelt, and what the person may do."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    assert isinstance(request.user, User)  # nobody else is let in
    digest.update(" ".join(sorted(may for may in Permission if request.user.may(may))).encode())
    data: Any = request.data
    if isinstance(data, QueryDict):
        for name in sorted(data):
            for value in data.getlist(name):
                digest.update(f"\n{name}\n".encode())
                digest.update(_digest_of(value))
    else:
        digest.update(json.dumps(data, sort_keys=True, ensure_ascii=False).encode())
    return _keyed(digest.hexdigest())


def _keyed(text: str) -> str:
    return salted_hmac("synapse.api.idempotency", text, algorithm="sha256").hexdigest()


def _digest_of(value: Any) -> bytes:
    if not isinstance(value, UploadedFile):
        return str(value).encode()
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return digest.digest()
