"""Pages of one's own authenticator app and recovery codes. Passkeys have `passkey_views.py`."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from synapse.accounts import second_factor
from synapse.accounts.models import User
from synapse.accounts.proof import CodeForm, ProofForm, is_proven
from synapse.common.errors import Conflict
from synapse.web.http import ClinicRequest, render_page


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def begin(request: ClinicRequest) -> HttpResponse:
    """Ask for password and second factor, then show a fresh secret to scan; an app in use works until then."""
    form = ProofForm(request.POST or None, user=request.user)
    if form.is_valid() and is_proven(request, form):
        second_factor.begin_in(request.session, request.user, at=timezone.now())
        return redirect("accounts:confirm_second_factor")
    is_new = second_factor.authenticator_of(request.user) is None
    context = {
        "title": "Set up an authenticator app" if is_new else "Replace the authenticator app",
        "text": "Signing in then takes your password and a code from an app on your phone. "
        "Any app for one-time codes works.",
        "verb": "Continue",
    }
    return render_page(request, "accounts/prove.html", context, form=form)


@never_cache
@sensitive_post_parameters()
@sensitive_variables("codes")
@require_http_methods(["GET", "POST"])
def confirm(request: ClinicRequest) -> HttpResponse:
    """Show what the app scans, take its first code, and show the recovery codes, once."""
    now = timezone.now()
    authenticator = second_factor.waiting_in(request.session, request.user, at=now)
    if authenticator is None:
        return redirect("accounts:security")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            codes = second_factor.confirm(authenticator, form.cleaned_data["code"], by=request.user, at=now)
        except (second_factor.SecondFactorRefused, Conflict) as error:
            form.add_error("code", error.message)
        else:
            if codes:
                return show_codes(request, codes, is_new=True)
            messages.success(request, "The new app is in use.")
            return redirect("accounts:security")
    context = {
        "picture": picture_of(second_factor.address_of(authenticator, request.user)),
        "secret": second_factor.typed_secret_of(authenticator),
    }
    return render_page(request, "accounts/second_factor.html", context, form=form)


@never_cache
@sensitive_post_parameters()
@sensitive_variables("codes")
@require_http_methods(["GET", "POST"])
def renew_codes(request: ClinicRequest) -> HttpResponse:
    """Make ten new recovery codes and show them, once."""
    if not second_factor.is_on(request.user):
        return redirect("accounts:security")
    form = ProofForm(request.POST or None, user=request.user)
    if form.is_valid() and is_proven(request, form):
        codes = second_factor.renew_recovery_codes(request.user, by=request.user)
        return show_codes(request, codes, is_new=False)
    context = {
        "title": "New recovery codes",
        "text": "The ten codes you have stop working.",
        "verb": "Make new codes",
    }
    return render_page(request, "accounts/prove.html", context, form=form)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def turn_off(request: ClinicRequest) -> HttpResponse:
    """Ask for password and second factor, then stop using the app."""
    if second_factor.authenticator_of(request.user) is None:
        return redirect("accounts:security")
    form = ProofForm(request.POST or None, user=request.user)
    if form.is_valid() and is_proven(request, form):
        second_factor.remove_app(request.user, by=request.user)
        messages.success(request, "Authenticator app turned off.")
        return redirect("accounts:security")
    last = "Whoever knows your password can then sign in as you. Your recovery codes stop working."
    context = {
        "title": "Turn off the authenticator app",
        "text": last if second_factor.is_last(request.user) else "Your passkeys go on working.",
        "verb": "Turn off",
        "is_dangerous": True,
    }
    return render_page(request, "accounts/prove.html", context, form=form)


def security_context(user: User) -> dict[str, object]:
    """Return what pages say about somebody's second factor."""
    keys = list(second_factor.passkeys_of(user))
    authenticator = second_factor.authenticator_of(user)
    left = second_factor.count_recovery_codes(user)
    return {
        "authenticator": authenticator,
        "passkeys": keys,
        "is_on": bool(authenticator or keys),
        "may_remove": not (second_factor.is_required() and second_factor.is_last(user)),
        "codes_left": left,
        "codes_are_few": left <= second_factor.FEW_CODES,
    }


def show_codes(request: ClinicRequest, codes: list[str], *, is_new: bool) -> HttpResponse:
    """Show recovery codes, this one time."""
    context = {"codes": "\n".join(codes), "count": len(codes), "is_new": is_new}
    return render_page(request, "accounts/recovery_codes.html", context)


def picture_of(address: str) -> str:
    """Return a QR code as a data address: the secret is in no URL of ours and in no cache."""
    import segno

    picture: str = segno.make_qr(address, error="m").svg_data_uri(scale=5, border=4, light="#fff", dark="#000")
    return picture
