"""Ask again who is there before what matters most, unless they proved it in this session a moment ago.

What `proof.py` or a sign-in proved is remembered in the browser's session for five minutes. A program's token counts
as proof: it was made with password and code, and reaches no further than its scopes (ADR 0011).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.debug import sensitive_post_parameters

from synapse.accounts import browser_sessions, proof
from synapse.accounts.models import ApiToken, User
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, render_page

FRESH = timedelta(minutes=5)
PREFIX = "proof"

View = Callable[..., HttpResponseBase]


class ProofNeeded(DomainError):
    """The last proof of identity in this session is too old for what is asked."""

    code = "proof_required"
    status = 403

    def __init__(self) -> None:
        super().__init__("Confirm that it is you, then do this again.")


def is_fresh(session: SessionBase, *, at: datetime) -> bool:
    """Tell whether the person of a session proved within the last five minutes who they are."""
    proven_at = session.get(browser_sessions.PROVEN_KEY)
    # A clock that was set back must not keep a proof fresh for longer either.
    return proven_at is not None and abs(at.timestamp() - proven_at) <= FRESH.total_seconds()


def check(request: Any) -> None:
    """Raise ProofNeeded unless whoever asks, through a page or the API, proved a moment ago who they are."""
    if isinstance(getattr(request, "auth", None), ApiToken):
        return
    if not is_fresh(request.session, at=timezone.now()):
        raise ProofNeeded


def fresh_proof_required(view: View) -> View:
    """Let a view run after a fresh proof alone; otherwise ask, and go on with what was opened or sent.

    Put it below `requires`: who may not do it at all is refused and not asked. A page is asked for first and opened
    after. What was sent waits in the question and is sent again with the answer, except files, which no page can keep:
    decorate the page that shows their form as well.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path())
        if not is_fresh(request.session, at=timezone.now()):
            if request.method in {"GET", "HEAD"}:
                return redirect(f"{resolve_url('accounts:prove')}?{urlencode({'next': request.get_full_path()})}")
            if (question := _asked(cast("ClinicRequest", request))) is not None:
                return question
        return view(request, *args, **kwargs)

    guarded_view: View = sensitive_post_parameters()(guarded)
    return guarded_view


def _asked(request: ClinicRequest) -> HttpResponse | None:
    """Return the question, or None when what was sent brought the answer along; it is taken off what was sent."""
    answer, kept = _without_answer(request.POST)
    form = proof.ProofForm(answer or None, user=request.user, prefix=PREFIX)
    if form.is_valid() and proof.is_proven(request, form):
        request.POST = kept  # type: ignore[assignment]  # what the view reads has the answer no more
        return None
    page = _page_before(request)
    context = {
        "action": request.get_full_path(),
        "kept": [(name, value) for name, values in kept.lists() for value in values],
        "back": page,
        "is_sent": True,
    }
    if request.FILES:
        context |= {"action": resolve_url("accounts:prove"), "kept": [("next", page)], "is_file_lost": True}
    # htmx swaps what comes with 422; the question takes the place of the whole page.
    is_swapped = bool(request.htmx) and not request.htmx.boosted
    status = 422 if is_swapped or form.errors else 403
    response = render_page(request, "accounts/fresh_proof.html", context, form=form, status=status)
    if is_swapped:
        response["HX-Retarget"] = "body"
        response["HX-Reswap"] = "innerHTML"
    return response


def _without_answer(sent: QueryDict) -> tuple[QueryDict, QueryDict]:
    """Return what was answered to the question, and everything else that was sent."""
    answer, rest = QueryDict(mutable=True), QueryDict(mutable=True)
    for name, values in sent.lists():
        if name != "csrfmiddlewaretoken":
            (answer if name.startswith(f"{PREFIX}-") else rest).setlist(name, values)
    return answer, rest


def _page_before(request: ClinicRequest) -> str:
    """Return the page of ours from which something was sent, else home."""
    htmx_page: str | None = request.htmx.current_url_abs_path
    page = htmx_page or request.META.get("HTTP_REFERER", "")
    is_own = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if page and is_own else "/"
