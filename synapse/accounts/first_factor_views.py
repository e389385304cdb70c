"""Between password and session: whoever lacks the second factor everybody needs sets it up here, and is then let in."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from synapse.accounts import passkeys, second_factor, services, sign_in_steps
from synapse.accounts.browser_sign_in import open_session
from synapse.accounts.models import User
from synapse.accounts.passkey_views import PasskeyForm
from synapse.accounts.proof import CodeForm
from synapse.accounts.second_factor_views import picture_of
from synapse.common.errors import DomainError
from synapse.web.http import next_page_of, render_page

View = Callable[[HttpRequest, User], HttpResponse]


def for_who_sets_up(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """Hand the view whose password this browser gave a moment ago; everybody else signs in first."""

    @login_not_required
    @never_cache
    @sensitive_post_parameters()
    @require_http_methods(["GET", "POST"])
    @wraps(view)
    def found(request: HttpRequest) -> HttpResponse:
        user = sign_in_steps.user_setting_up(request.session, at=timezone.now())
        if user is None:
            return redirect(f"{reverse('accounts:sign_in')}?{urlencode({'next': next_page_of(request)})}")
        return view(request, user)

    return found


@for_who_sets_up
def set_up(request: HttpRequest, user: User) -> HttpResponse:
    """Show what an authenticator app scans, and take its first code."""
    form = CodeForm(request.POST or None)
    now = timezone.now()
    waiting = second_factor.waiting_in(request.session, user, at=now)
    if waiting is not None and form.is_valid():
        try:
            codes = second_factor.confirm(waiting, form.cleaned_data["code"], by=user, at=now)
        except DomainError as error:
            form.add_error("code", error.message)
        else:
            return _let_in(request, user, codes, at=now)
    elif form.is_bound and form.is_valid():
        form.add_error("code", "This QR code no longer counts. Scan the new one.")
    authenticator = waiting or second_factor.begin_in(request.session, user, at=now)
    context = {
        "next": next_page_of(request),
        "picture": picture_of(second_factor.address_of(authenticator, user)),
        "secret": second_factor.typed_secret_of(authenticator),
    }
    return render_page(request, "registration/set_up.html", context, form=form)


@for_who_sets_up
def set_up_passkey(request: HttpRequest, user: User) -> HttpResponse:
    """Take a passkey in place of the app."""
    now = timezone.now()
    form = PasskeyForm(request.POST or None)
    if form.is_valid():
        answer = passkeys.take_answer(request.session, user, passkeys.REGISTER, form.cleaned_data["passkey"], at=now)
        try:
            codes = second_factor.add_passkey(user, form.cleaned_data["name"], answer, by=user)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            return _let_in(request, user, codes, at=now)
    context = {"next": next_page_of(request), "options": passkeys.ask_to_register(request.session, user, at=now)}
    return render_page(request, "registration/set_up_passkey.html", context, form=form)


@sensitive_variables("codes")
def _let_in(request: HttpRequest, user: User, codes: list[str], *, at: datetime) -> HttpResponse:
    services.record_sign_in(user)
    context = {"codes": "\n".join(codes), "count": len(codes), "next": next_page_of(request)}
    answer = render(request, "registration/recovery_codes.html", context)
    return open_session(request, user, answer, at=at)
