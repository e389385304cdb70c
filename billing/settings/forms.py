"""Forms of the fee schedule, the code tables and of how the clinic bills."""

from typing import Any

from django import forms

from billing.codes.fields import CodeField
from billing.forms import AmountField
from billing.models import Bill, BillingSettings, Code, FeeScheduleItem
from billing.money import ZERO
from billing.services.codes import MOST_BYTES as MOST_BYTES_OF_CODES
from billing.services.fees import Terms
from patients.queries import doctors
from synapse.accounts.models import ClinicSettings
from synapse.common import identifiers
from synapse.common.csv_reading import MOST_BYTES
from synapse.documents.uploads import Kind
from synapse.web.forms import CheckedFileField, PlainMessages, clean_with


class DayInput(forms.DateInput):
    """A date as the browser's own field takes it."""

    def __init__(self) -> None:
        super().__init__({"type": "date"}, format="%Y-%m-%d")


class DoctorField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A doctor by name, or nobody for the price of all."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.display_name)


class FeeForm(PlainMessages, forms.Form):
    """A price. One that has begun keeps its kind, its occasion and its doctor."""

    session_type = forms.ChoiceField(
        label="Kind of visit",
        required=False,
        choices=[*Bill.Type.choices, ("", "Any kind, when it did not take place")],
        initial=Bill.Type.FOLLOWUP,
    )
    purpose = forms.ChoiceField(
        label="Charged for",
        choices=[
            (Bill.Purpose.VISIT, "The visit"),
            (Bill.Purpose.LATE_CANCEL, "A visit cancelled late"),
            (Bill.Purpose.NO_SHOW, "A missed visit"),
        ],
        initial=Bill.Purpose.VISIT,
    )
    doctor = DoctorField(None, label="Doctor", required=False, empty_label="Every doctor")
    cpt_code = CodeField(system="cpt", label="Code", help_text="Type a number or words")
    description = forms.CharField(label="Service", max_length=120, help_text="As it stands on bills")
    minimum_minutes = forms.IntegerField(
        label="Lasting at least",
        min_value=0,
        max_value=1440,
        required=False,
        initial=0,
        help_text="0: any length. A visit gets the price with the longest time it reached",
        widget=forms.TextInput({"inputmode": "numeric"}),
    )
    unit_price = AmountField(label="Price", min_value=ZERO)
    tax_rate = forms.DecimalField(
        label="Tax",
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=2,
        max_digits=5,
        widget=forms.TextInput({"inputmode": "decimal"}),
    )
    valid_from = forms.DateField(label="First day", widget=DayInput())
    valid_until = forms.DateField(label="Last day", required=False, widget=DayInput(), help_text="Empty: no end")
    FIXED_ONCE_BEGUN = ("session_type", "purpose", "doctor")

    def __init__(self, *args: Any, currency: str, item: FeeScheduleItem | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.item = item
        self.fields["doctor"].queryset = doctors()  # type: ignore[attr-defined]
        rate = ClinicSettings.load().tax_rate.normalize()
        self.fields["tax_rate"].help_text = f"Empty: the clinic’s rate, {rate:f}%. 0: exempt"
        if item is not None:
            for name in self.FIXED_ONCE_BEGUN:
                del self.fields[name]

    def clean_minimum_minutes(self) -> int:
        return self.cleaned_data["minimum_minutes"] or 0

    def terms(self) -> Terms:
        """Return the price as the service takes it."""
        fixed = {name: getattr(self.item, name) for name in self.FIXED_ONCE_BEGUN} if self.item else {}
        return Terms(**{"currency": self.currency, **fixed, **self.cleaned_data})


class LastDayForm(forms.Form):
    """When a price ends."""

    last_day = forms.DateField(label="Last day", widget=DayInput(), error_messages={"required": "Choose the last day"})


class FeeFileForm(forms.Form):
    """A CSV file with prices."""

    file = CheckedFileField(
        kind=Kind.TEXT,
        label="CSV file",
        help_text="At most 500 rows. The first row names the columns",
        most_bytes=MOST_BYTES,
        widget=forms.FileInput({"accept": ".csv,.txt,.tsv,text/csv"}),
        error_messages={
            "required": "Choose the file",
            "empty": "This file is empty. Choose the file with your prices.",
        },
    )


class FeeTextForm(forms.Form):
    """The file somebody has looked at, coming back to be taken in."""

    content = forms.CharField(widget=forms.HiddenInput, max_length=2_000_000, strip=False)


class CodeFileForm(forms.Form):
    """A file with one of the code tables."""

    system = forms.ChoiceField(label="Codes of", choices=Code.System.choices)
    file = CheckedFileField(
        kind=Kind.TEXT,
        label="File",
        help_text="CSV with code and words, or icd10cm-codes and icd10cm-order as CMS publishes them; at most 24 MB",
        most_bytes=MOST_BYTES_OF_CODES,
        or_else="Leave out the codes you never use, or take it in with the command import_codes.",
        widget=forms.FileInput({"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
        error_messages={"required": "Choose the file", "empty": "This file is empty. Choose the file with your codes."},
    )


class CodeLookUpForm(forms.Form):
    """A look into one of the tables."""

    system = forms.ChoiceField(label="Codes of", choices=Code.System.choices, required=False)
    words = forms.CharField(label="Number or words", max_length=60, required=False)


class BillingForm(PlainMessages, forms.ModelForm):  # type: ignore[type-arg]
    """How the clinic bills: everything in BillingSettings."""

    tax_label = forms.CharField(
        label="Tax is called",
        max_length=20,
        help_text="As printed: GST, VAT or Tax",
        error_messages={"required": "Enter what the tax is called, such as Tax"},
    )
    # Longer than what is kept: people set spaces between the groups.
    iban = forms.CharField(
        label="IBAN", required=False, max_length=50, help_text="Makes the QR code on invoices in euros"
    )
    bic = forms.CharField(label="BIC", required=False, max_length=20, help_text="Only where the bank asks for it")
    organization_npi = forms.CharField(
        label="NPI of the clinic", required=False, max_length=20, help_text="For claims in the United States"
    )
    organization_tax_id = forms.CharField(
        label="EIN", required=False, max_length=20, help_text="Of the clinic, such as 12-3456789"
    )
    organization_taxonomy = forms.CharField(
        label="Taxonomy code of the clinic", required=False, max_length=20, help_text="Such as 261QM0801X"
    )
    link_valid_days = forms.IntegerField(label="A link to a bill is valid for", min_value=1, max_value=365)
    reminder_gap_days = forms.IntegerField(
        label="Between two reminders",
        min_value=1,
        max_value=90,
        help_text="Nobody is reminded twice within so many days",
    )

    class Meta:
        model = BillingSettings
        fields = (
            "tax_label",
            "tax_number",
            "prices_include_tax",
            "telehealth_modifier",
            "requires_confirmed_codes",
            "charges_late_cancel",
            "charges_no_show",
            "first_missed_is_free",
            "upi_id",
            "account_holder",
            "iban",
            "bic",
            "organization_npi",
            "organization_tax_id",
            "organization_taxonomy",
            "submitter_id",
            "clearing_house_name",
            "clearing_house_id",
            "claims_are_tests",
            "reminder_gap_days",
            "link_valid_days",
        )
        labels = {
            "tax_number": "Tax number",
            "prices_include_tax": "Prices include the tax",
            "telehealth_modifier": "Modifier of video sessions",
            "requires_confirmed_codes": "Codes are confirmed before a bill goes out",
            "charges_late_cancel": "Charge visits cancelled late",
            "charges_no_show": "Charge missed visits",
            "first_missed_is_free": "The first missed visit is free",
            "upi_id": "UPI address",
            "submitter_id": "Submitter id",
            "clearing_house_name": "Clearing house",
            "clearing_house_id": "Id of the clearing house",
            "claims_are_tests": "Claim files are tests",
        }
        help_texts = {
            "tax_number": "Printed on every bill: GSTIN, VAT number or EIN",
            "prices_include_tax": "The tax is then taken out of a price and not put on it",
            "telehealth_modifier": "95, or GT for payers that still want it",
            "requires_confirmed_codes": "By the clinician of the visit. Claims always need it",
            "charges_late_cancel": "By the patient, inside the notice of the clinic settings",
            "charges_no_show": "When the visit is marked as missed",
            "first_missed_is_free": "Once a patient, late or missed",
            "upi_id": "Makes the QR code on invoices in rupees, such as clinic@okbank",
            "account_holder": "Empty: the clinic’s name",
            "submitter_id": "Given to you by the clearing house",
            "clearing_house_name": "Empty: files go to the insurer itself",
            "clearing_house_id": "Its receiver id in claim files",
            "claims_are_tests": "Nobody pays them. Switch off once the clearing house agrees",
        }

    def clean_tax_number(self) -> str:
        region = ClinicSettings.load().region
        return clean_with(
            lambda text: identifiers.check_tax_number(text, region=region), self.cleaned_data["tax_number"]
        )

    def clean_upi_id(self) -> str:
        return clean_with(identifiers.check_upi_id, self.cleaned_data["upi_id"])

    def clean_iban(self) -> str:
        return clean_with(identifiers.check_iban, self.cleaned_data["iban"])

    def clean_bic(self) -> str:
        return clean_with(identifiers.check_bic, self.cleaned_data["bic"])

    def clean_organization_npi(self) -> str:
        return clean_with(identifiers.check_npi, self.cleaned_data["organization_npi"])

    def clean_organization_tax_id(self) -> str:
        return clean_with(identifiers.check_ein, self.cleaned_data["organization_tax_id"])

    def clean_organization_taxonomy(self) -> str:
        return clean_with(identifiers.check_taxonomy, self.cleaned_data["organization_taxonomy"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("bic") and not cleaned.get("iban") and "iban" not in self.errors:
            self.add_error("iban", "Enter the IBAN as well: a BIC alone names no account")
        return cleaned
