"""Forms of the accounts app: they validate and never save."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from synapse.accounts import choices, profiles
from synapse.accounts.logos import UnusableLogo, read_logo
from synapse.accounts.models import User, UserProfile
from synapse.accounts.roles import Role
from synapse.common import identifiers
from synapse.documents.uploads import Kind
from synapse.web.forms import CheckedFileField, clean_with

BAD_EMAIL = "Enter an address like name@clinic.example"


def _password(label: str, autocomplete: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        help_text=help_text,
        widget=forms.PasswordInput({"autocomplete": autocomplete}),
        error_messages={"required": f"Enter the {label.lower()}"},
    )


class SignInForm(forms.Form):
    """Name and password; whether they fit is the service's question."""

    name = forms.CharField(
        label="E-mail or user name",
        max_length=254,
        widget=forms.TextInput({"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Enter your e-mail or user name"},
    )
    password = _password("Password", "current-password")


class UnlockForm(forms.Form):
    """The password of whoever locked this screen."""

    password = _password("Password", "current-password")


class NewPasswordForm(forms.Form):
    """A new password for a known or future user, checked by the password rules."""

    new_password = _password(
        "New password", "new-password", "At least 12 characters. Three or four unrelated words are a good choice."
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        password_validation.validate_password(password, self.user)
        return password


class ChangePasswordForm(NewPasswordForm):
    """The password in use, then the new one."""

    current_password = _password("Current password", "current-password")
    field_order = ("current_password", "new_password")


class ForgotPasswordForm(forms.Form):
    """The address to mail a link to."""

    email = forms.EmailField(
        label="E-mail",
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={
            "required": "Enter your e-mail address",
            "invalid": "Enter an address like name@clinic.example",
        },
    )


class JoinForm(NewPasswordForm):
    """What an invited colleague fills in."""

    first_name = forms.CharField(
        label="First name",
        max_length=150,
        widget=forms.TextInput({"autocomplete": "given-name"}),
        error_messages={"required": "Enter your first name"},
    )
    last_name = forms.CharField(
        label="Last name",
        max_length=150,
        widget=forms.TextInput({"autocomplete": "family-name"}),
        error_messages={"required": "Enter your last name"},
    )
    field_order = ("first_name", "last_name", "new_password")


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label="E-mail",
        error_messages={"required": "Enter the e-mail address", "invalid": BAD_EMAIL},
    )
    role = forms.ChoiceField(
        label="Role",
        choices=Role.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a role"},
    )
    first_name = forms.CharField(label="First name", max_length=80, required=False)
    last_name = forms.CharField(label="Last name", max_length=80, required=False)


class RoleForm(forms.Form):
    """Another role for somebody."""

    role = forms.ChoiceField(label="Role", choices=Role.choices)


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Everything a practitioner's documents and preferences need.

    `logo` becomes PNG bytes; a new e-mail address needs the password, since it opens the way to a new one.
    """

    first_name = forms.CharField(
        label="First name", max_length=150, error_messages={"required": "Enter your first name"}
    )
    last_name = forms.CharField(label="Last name", max_length=150, error_messages={"required": "Enter your last name"})
    email = forms.EmailField(
        label="E-mail",
        error_messages={
            "required": "Enter your e-mail address",
            "invalid": "Enter an address like name@clinic.example",
        },
    )
    current_password = forms.CharField(
        label="Current password",
        strip=False,
        required=False,
        help_text="Only when you change the e-mail address",
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    logo = CheckedFileField(
        kind=Kind.PICTURE,
        label="Logo",
        required=False,
        help_text="PNG, JPEG, WebP or GIF up to 2 MB. Location and camera data are removed.",
        widget=forms.FileInput({"accept": "image/png,image/jpeg,image/webp,image/gif"}),
    )
    npi = forms.CharField(
        label="NPI",
        required=False,
        max_length=20,
        help_text="Ten digits; stands on claims to insurers in the United States",
    )
    taxonomy_code = forms.CharField(
        label="Taxonomy code",
        required=False,
        max_length=20,
        help_text="Of the specialty, like 2084P0800X for psychiatry",
    )
    timezone = forms.ChoiceField(label="Time zone", required=False, help_text="Times in the app are in this zone")
    language = forms.ChoiceField(
        label="Language of speech and documents",
        choices=choices.LANGUAGES,
        help_text="The built-in speech engine understands English only",
    )

    class Meta:
        model = UserProfile
        fields = (
            "phone",
            "license_number",
            "specialization",
            "npi",
            "taxonomy_code",
            "organization",
            "clinic_name",
            "clinic_address",
            "timezone",
            "language",
        )
        labels = {
            "license_number": "Registration number",
            "specialization": "Specialty",
            "clinic_name": "Clinic name",
            "clinic_address": "Clinic address",
        }
        help_texts = {
            "clinic_name": "Empty: the clinic of this installation",
            "clinic_address": "Empty: the address of the clinic",
        }
        widgets = {
            "clinic_address": forms.Textarea({"rows": 2}),
            "phone": forms.TextInput({"type": "tel", "autocomplete": "tel"}),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        names = {"first_name": user.first_name, "last_name": user.last_name, "email": user.email}
        kwargs["initial"] = {**names, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        if not user.is_doctor:
            del self.fields["npi"], self.fields["taxonomy_code"]
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [("", "As the clinic"), *choices.timezone_choices()]

    def clean_phone(self) -> str:
        return clean_with(profiles.check_phone, self.cleaned_data["phone"])

    def clean_npi(self) -> str:
        return clean_with(identifiers.check_npi, self.cleaned_data["npi"])

    def clean_taxonomy_code(self) -> str:
        return clean_with(identifiers.check_taxonomy, self.cleaned_data["taxonomy_code"])

    def clean_logo(self) -> bytes | None:
        upload = self.cleaned_data["logo"]
        if upload is None:
            return None
        try:
            return read_logo(upload)
        except UnusableLogo as error:
            raise ValidationError(str(error), code=error.code) from error

    def clean_email(self) -> str:
        return clean_with(lambda text: profiles.check_email(text, self.user), self.cleaned_data["email"])

    @property
    def changes(self) -> dict[str, Any]:
        """The validated values to save: without the password, and without a logo when none was chosen."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "current_password"}
        if values["logo"] is None:
            del values["logo"]
        return values


class NotificationsForm(forms.Form):
    """Mail or none, for each event."""

    def __init__(self, *args: Any, current: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for event in choices.NotificationEvent:
            self.fields[event.value] = forms.ChoiceField(
                label=event.label,
                choices=choices.NOTIFICATION_CHOICES,
                initial=current.get(event.value, choices.NONE),
                widget=forms.Select,
            )
