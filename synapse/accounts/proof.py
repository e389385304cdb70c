"""Ask a signed-in person for password and code again, before something that outlives the browser session."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from synapse.accounts import browser_sessions, passkeys, second_factor, services
from synapse.accounts.models import User
from synapse.accounts.throttle import TooManyTries
from synapse.audit.context import current as request_origin
from synapse.web.http import ClinicRequest


def code_field(help_text: str = "") -> forms.CharField:
    """Return a field for a code of the app or a recovery code."""
    return forms.CharField(
        label="Code",
        max_length=40,
        help_text=help_text,
        widget=forms.TextInput({"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Enter the code"},
    )


def passkey_field() -> forms.CharField:
    """Return the hidden field that a browser puts a passkey's answer into."""
    return forms.CharField(required=False, max_length=passkeys.LONGEST_ANSWER, widget=forms.HiddenInput)


def answer_in(form: forms.Form, session: SessionBase, user: User, *, at: datetime) -> passkeys.Answer | None:
    """Return the passkey's answer in a valid form with the challenge this browser was given; None where there is none."""
    text = form.cleaned_data.get("passkey", "")
    return passkeys.take_answer(session, user, passkeys.PROVE, text, at=at) if text else None


class CodeForm(forms.Form):
    """A code alone."""

    code = code_field()


class SecondStepForm(forms.Form):
    """What an account asks for beside its password: a code, or the answer of a passkey where there is one.

    Without a second factor it asks for nothing.
    """

    passkey = passkey_field()
    code = code_field("Six digits from your authenticator app, or a recovery code")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_app = has_app = second_factor.authenticator_of(user) is not None
        has_passkey = second_factor.passkeys_of(user).exists()
        if not has_passkey:
            del self.fields["passkey"]
        if not has_app and not has_passkey:
            del self.fields["code"]
        elif not has_app:
            self.fields["code"].label = "Recovery code"
            self.fields["code"].help_text = "When the passkey is lost: one of the codes you saved"
        if has_passkey:
            self.fields["code"].required = not self.data.get(self.add_prefix("passkey"))
            self.fields["code"].error_messages["required"] = "Enter the code, or use a passkey"


class SignInCodeForm(SecondStepForm):
    """The second step of signing in: a code is typed at once, without a click into its field first."""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        if "code" in self.fields and "passkey" not in self.fields:
            self.fields["code"].widget.attrs["autofocus"] = True


class ProofForm(SecondStepForm):
    """The password and, where the account asks for it, a second factor."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password"},
    )
    field_order: Any = ("password", "passkey", "code")


def is_proven(request: ClinicRequest, form: ProofForm) -> bool:
    """Tell whether a valid form proves that its person is there, and remember it.

    What was wrong becomes an error of its field.
    """
    now = timezone.now()
    answer = answer_in(form, request.session, request.user, at=now)
    try:
        services.check_identity(
            request,
            request.user,
            form.cleaned_data["password"],
            form.cleaned_data.get("code", ""),
            answer,
            address=request_origin().ip,
            at=now,
        )
    except services.SignInRefused:
        form.add_error("password", "This is not your password")
    except TooManyTries as error:
        form.add_error(None, error.message)
    except (second_factor.SecondFactorRefused, second_factor.SecondFactorNeeded, passkeys.PasskeyRefused) as error:
        form.add_error("code" if "code" in form.fields else None, error.message)
    else:
        browser_sessions.renew(request.session)
        browser_sessions.note_proof(request.session, at=now)
        return True
    return False
