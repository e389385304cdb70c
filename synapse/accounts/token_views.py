"""Pages of API tokens: one's own, and ending one."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts import tokens
from synapse.accounts.models import ApiToken, User
from synapse.accounts.proof import ProofForm, is_proven
from synapse.accounts.scopes import Scope, scopes_of_role
from synapse.web.http import ClinicRequest, render_page

LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "A year")]


class TokenForm(ProofForm):
    """What a new token is for, what it may do and how long, and proof of who makes it."""

    name = forms.CharField(
        label="Name",
        max_length=tokens.LONGEST_NAME,
        help_text="What the token is for, like “Nightly export”",
        error_messages={"required": "Enter a name that tells what the token is for"},
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what the token may do"},
    )
    days = forms.ChoiceField(label="Ends after", choices=LIFETIMES)
    field_order = ("name", "scopes", "days", "password", "passkey", "code")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        offered = self.fields["scopes"]
        assert isinstance(offered, forms.MultipleChoiceField)
        offered.choices = [(scope.value, _option(scope)) for scope in scopes_of_role(user.role)]


def _option(scope: Scope) -> str:
    return format_html('{}<span class="hint">{}</span>', scope.label, scope.explanation)


@require_GET
def token_list(request: ClinicRequest) -> HttpResponse:
    """List one's own tokens."""
    own = tokens.tokens_of(request.user, at=timezone.now())
    return render_page(request, "accounts/tokens.html", {"tokens": own})


@never_cache
@sensitive_post_parameters()
@sensitive_variables("made")
@require_http_methods(["GET", "POST"])
def make_token(request: ClinicRequest) -> HttpResponse:
    """Make a token and show its secret in this one answer: it is in no session, message or address."""
    form = TokenForm(request.POST or None, user=request.user, initial={"scopes": [Scope.READ], "days": "90"})
    if form.is_valid() and is_proven(request, form):
        data = form.cleaned_data
        try:
            made = tokens.create_token(
                request.user,
                name=data["name"],
                scopes=data["scopes"],
                lifetime=timedelta(days=int(data["days"])),
                by=request.user,
                at=timezone.now(),
            )
        except tokens.UnusableToken as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        except tokens.TooManyTokens as error:
            form.add_error(None, error.message)
        else:
            return render_page(request, "accounts/token_made.html", {"token": made.token, "secret": made.secret})
    return render_page(request, "accounts/make_token.html", form=form)


@require_POST
def revoke_token(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """End a token: one's own, or a colleague's by whoever manages people."""
    visible = ApiToken.objects.visible_to(request.user).select_related("user")
    token = get_object_or_404(visible, pk=pk)
    tokens.revoke_token(token, by=request.user, at=timezone.now())
    messages.success(request, "Token ended. Programs that used it are signed out.")
    if token.user_id == request.user.pk:
        return redirect("accounts:tokens")
    return redirect("accounts:person_access", pk=token.user_id)
