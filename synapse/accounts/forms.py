"""Forms of the accounts app: they validate and never save."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from synapse.accounts import choices
from synapse.accounts.logos import UnusableLogo, read_logo
from synapse.accounts.models import ClinicSettings, User, UserProfile
from synapse.accounts.roles import Role
from synapse.web.forms import PlainMessages

BAD_EMAIL = "Enter an address like name@clinic.example"
LONGEST_VOCABULARY = 10_000


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

    def clean_current_password(self) -> str:
        password: str = self.cleaned_data["current_password"]
        if not self.user.check_password(password):
            raise ValidationError("This is not your current password", code="wrong")
        return password


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
    logo = forms.FileField(
        label="Logo",
        required=False,
        help_text="PNG, JPEG, WebP or GIF up to 2 MB. Location and camera data are removed.",
        widget=forms.FileInput({"accept": "image/png,image/jpeg,image/webp,image/gif"}),
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
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [("", "As the clinic"), *choices.timezone_choices()]

    def clean_phone(self) -> str:
        return _clean_phone(self.cleaned_data["phone"])

    def clean_logo(self) -> bytes | None:
        upload = self.cleaned_data["logo"]
        if upload is None:
            return None
        try:
            return read_logo(upload)
        except UnusableLogo as error:
            raise ValidationError(str(error), code=error.code) from error

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email__iexact=email).exclude(pk=self.user.pk).exists():
            raise ValidationError("Somebody else uses this e-mail address", code="taken")
        return email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        email = cleaned.get("email")
        if email and email != self.user.email.lower() and not self.user.check_password(cleaned["current_password"]):
            self.add_error("current_password", "Enter your password to change the e-mail address")
        return cleaned

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


class ClinicForm(PlainMessages, forms.ModelForm):  # type: ignore[type-arg]
    """The clinic's one row of settings."""

    currency = forms.ChoiceField(label="Currency", choices=choices.CURRENCIES)
    region = forms.ChoiceField(label="Country of phone numbers", choices=choices.region_choices)
    timezone = forms.ChoiceField(label="Time zone", choices=choices.timezone_choices)
    language = forms.ChoiceField(label="Language of speech and documents", choices=choices.LANGUAGES)
    tax_rate = forms.DecimalField(
        label="Tax", min_value=0, max_value=100, decimal_places=2, help_text="Percent, on every bill unless changed"
    )
    payment_terms_days = forms.IntegerField(label="Bills are due after", min_value=0, max_value=365)
    audio_retention = forms.ChoiceField(
        label="Recordings a patient agreed to keep",
        choices=choices.AudioRetention.choices,
        help_text="A doctor may set another rule for one patient",
    )
    audio_retention_days = forms.IntegerField(
        label="Days of a recording",
        min_value=1,
        max_value=3650,
        help_text="Without that consent a recording goes when the report is signed, at the latest after these days",
    )
    record_retention_years = forms.IntegerField(
        label="Records", min_value=1, max_value=100, help_text="The law may ask for more"
    )
    consent_valid_days = forms.IntegerField(label="A consent is valid for", min_value=1, max_value=3650)
    idle_lock_minutes = forms.IntegerField(
        label="Lock the screen after",
        min_value=1,
        max_value=240,
        help_text="Without a touch for so long. A running recording goes on",
    )
    abandoned_session_hours = forms.IntegerField(
        label="A session left open",
        min_value=1,
        max_value=168,
        help_text="Without sound for so long, it is finished with what is there",
    )
    vocabulary = forms.CharField(
        label="Words to recognise",
        required=False,
        max_length=LONGEST_VOCABULARY,
        widget=forms.Textarea({"rows": 4}),
        help_text="One a line: medicines, places and names that come up in sessions",
    )
    opening_hour = forms.IntegerField(label="Calendar begins", min_value=0, max_value=23)
    closing_hour = forms.IntegerField(label="Calendar ends", min_value=1, max_value=24)

    class Meta:
        model = ClinicSettings
        fields = (
            "name",
            "address",
            "phone",
            "email",
            "region",
            "currency",
            "timezone",
            "language",
            "tax_rate",
            "payment_terms_days",
            "payment_instructions",
            "audio_retention",
            "audio_retention_days",
            "record_retention_years",
            "consent_valid_days",
            "idle_lock_minutes",
            "abandoned_session_hours",
            "vocabulary",
            "opening_hour",
            "closing_hour",
        )
        labels = {"email": "E-mail", "payment_instructions": "How to pay"}
        help_texts = {"payment_instructions": "Printed on every invoice"}
        widgets = {"address": forms.Textarea({"rows": 2}), "payment_instructions": forms.Textarea({"rows": 3})}

    def clean_phone(self) -> str:
        return _clean_phone(self.cleaned_data["phone"], self.data.get("region", ""))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        opens, closes = cleaned.get("opening_hour"), cleaned.get("closing_hour")
        if opens is not None and closes is not None and closes <= opens:
            self.add_error("closing_hour", "The calendar must end after it begins")
        return cleaned


def _clean_phone(text: str, region: str = "") -> str:
    """Return the number in international form; nothing stays nothing."""
    import phonenumbers

    if not text:
        return ""
    region = region or ClinicSettings.load().region
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        example = phonenumbers.example_number(region)
        shown = (
            phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
            if example
            else "+44 20 7946 0000"
        )
        raise ValidationError(f"Enter a phone number, like {shown}", code="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
