"""Pages of one's own passkeys, and the question a browser asks before it uses one."""

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from synapse.accounts import passkeys, second_factor, sign_in_steps
from synapse.accounts.models import User
from synapse.accounts.proof import ProofForm, is_proven
from synapse.accounts.second_factor_views import show_codes
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, render_page

MAY_ADD_KEY = "may_add_passkey_until"
MAY_ADD_FOR = timedelta(minutes=5)


class PasskeyForm(forms.Form):
    """What a new passkey is called, and what the browser made."""

    name = forms.CharField(
        label="Name",
        max_length=passkeys.LONGEST_NAME,
        help_text="Which device or key it is, like “Office laptop”",
        error_messages={"required": "Enter a name that tells which device it is"},
    )
    passkey = forms.CharField(required=False, max_length=passkeys.LONGEST_ANSWER, widget=forms.HiddenInput)

    def clean(self) -> None:
        if not self.cleaned_data.get("passkey"):
            raise forms.ValidationError("Press “Make the passkey” and confirm when your browser asks", code="required")


@login_not_required
@never_cache
@require_POST
def options(request: HttpRequest) -> HttpResponse:
    """Say which passkeys may answer, and to which challenge: to who is signed in, or has just given the password."""
    now = timezone.now()
    user = request.user if isinstance(request.user, User) else sign_in_steps.waiting_user(request.session, at=now)
    if user is None or not second_factor.passkeys_of(user).exists():
        error = {"code": "no_passkey", "message": "There is no passkey to use. Reload the page."}
        return JsonResponse({"error": error}, status=404)
    return HttpResponse(passkeys.ask_to_prove(request.session, user, at=now), content_type="application/json")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def begin(request: ClinicRequest) -> HttpResponse:
    """Ask for password and second factor before a passkey is added."""
    form = ProofForm(request.POST or None, user=request.user)
    if form.is_valid() and is_proven(request, form):
        request.session[MAY_ADD_KEY] = (timezone.now() + MAY_ADD_FOR).timestamp()
        return redirect("accounts:add_passkey")
    context = {
        "title": "Add a passkey",
        "text": "A passkey is kept by this device, your phone or a security key. You confirm it with a finger, a face "
        "or a PIN, and it works on this site alone: nobody can talk you out of it.",
        "verb": "Continue",
    }
    return render_page(request, "accounts/prove.html", context, form=form)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def add(request: ClinicRequest) -> HttpResponse:
    """Let the browser make a key pair, and keep its public half."""
    now = timezone.now()
    if not _may_add(request.session, now.timestamp()):
        return redirect("accounts:begin_passkey")
    form = PasskeyForm(request.POST or None)
    if form.is_valid():
        sent = form.cleaned_data
        answer = passkeys.take_answer(request.session, request.user, passkeys.REGISTER, sent["passkey"], at=now)
        try:
            codes = second_factor.add_passkey(request.user, sent["name"], answer, by=request.user)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            del request.session[MAY_ADD_KEY]
            messages.success(request, "Passkey added.")
            return show_codes(request, codes, is_new=True) if codes else redirect("accounts:security")
    context = {"options": passkeys.ask_to_register(request.session, request.user, at=now)}
    return render_page(request, "accounts/add_passkey.html", context, form=form)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def remove(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Ask for password and second factor, then stop taking a passkey."""
    passkey = get_object_or_404(second_factor.passkeys_of(request.user), pk=pk)
    form = ProofForm(request.POST or None, user=request.user)
    if form.is_valid() and is_proven(request, form):
        second_factor.remove_passkey(passkey, by=request.user)
        messages.success(request, "Passkey removed.")
        return redirect("accounts:security")
    context = {
        "title": f"Remove “{passkey.name}”",
        "text": "It no longer signs you in. Take it out of the device’s own list of passkeys as well.",
        "verb": "Remove",
        "is_dangerous": True,
    }
    return render_page(request, "accounts/prove.html", context, form=form)


def _may_add(session: SessionBase, now: float) -> bool:
    until: float = session.get(MAY_ADD_KEY, 0)
    return now < until
