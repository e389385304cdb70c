"""How this clinic bills: what stands on its documents, what it charges for missed visits, when it reminds."""

from django.db import models
from django.db.models import Q

from billing.reminders.texts import standard_texts
from synapse.accounts.models import ClinicSettings
from synapse.common.single_rows import single_row

# Past the due date, of the three stages a clinic begins with.
DAYS_LATE = (3, 10, 30)


class BillingSettings(models.Model):
    """One row, made on first use by `BillingSettings.load()`. Currency, tax rate and terms are in ClinicSettings."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    tax_label = models.CharField(max_length=20, default="Tax", help_text="As printed: GST, VAT, Tax.")
    tax_number = models.CharField(max_length=40, blank=True, default="", help_text="GSTIN, VAT number or EIN.")
    prices_include_tax = models.BooleanField(default=False)
    telehealth_modifier = models.CharField(
        max_length=2,
        choices=[("95", "95"), ("GT", "GT")],
        default="95",
        help_text="Offered first for sessions by video.",
    )
    requires_confirmed_codes = models.BooleanField(
        default=False, help_text="No bill goes out before its clinician confirmed the codes; claims never do."
    )
    charges_late_cancel = models.BooleanField(
        default=False, help_text="Cancelled by the patient inside the notice of the clinic settings."
    )
    charges_no_show = models.BooleanField(default=False)
    first_missed_is_free = models.BooleanField(default=True)
    upi_id = models.CharField(max_length=80, blank=True, default="", help_text="Such as clinic@bank.")
    account_holder = models.CharField(max_length=70, blank=True, default="", help_text="Empty: the clinic's name.")
    iban = models.CharField("IBAN", max_length=34, blank=True, default="")
    bic = models.CharField("BIC", max_length=11, blank=True, default="")
    organization_npi = models.CharField("NPI of the clinic", max_length=10, blank=True, default="")
    organization_tax_id = models.CharField("EIN", max_length=10, blank=True, default="", help_text="For claims.")
    organization_taxonomy = models.CharField("taxonomy code", max_length=10, blank=True, default="")
    submitter_id = models.CharField(max_length=15, blank=True, default="", help_text="Given by the clearing house.")
    clearing_house_name = models.CharField(
        max_length=60, blank=True, default="", help_text="Whom claim files are sent to; empty: to the insurer itself."
    )
    clearing_house_id = models.CharField(
        "id of the clearing house", max_length=15, blank=True, default="", help_text="Its receiver id in claim files."
    )
    claims_are_tests = models.BooleanField(
        default=False, help_text="Claim files are marked as tests, which nobody pays."
    )
    reminder_gap_days = models.PositiveSmallIntegerField(
        default=7, help_text="Nobody is reminded twice within so many days."
    )
    journal_accounts = models.JSONField(
        default=dict,
        blank=True,
        help_text="Key of `billing.exports.journal.ACCOUNTS` to the clinic's own number and name.",
    )
    link_valid_days = models.PositiveSmallIntegerField(default=60, help_text="Of a link to a bill sent by e-mail.")

    class Meta:
        verbose_name_plural = "billing settings"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="billing_settings_one_row")]

    def __str__(self) -> str:
        return "Billing settings"

    @classmethod
    def load(cls) -> "BillingSettings":
        """Return the one row, made with its defaults when it is not there yet."""
        return single_row(cls)


class ReminderStage(models.Model):
    """One of the three letters about an overdue bill, in the clinic's own words."""

    stage = models.PositiveSmallIntegerField(primary_key=True, help_text="1 to 3.")
    days_late = models.PositiveSmallIntegerField("days late", help_text="Days past the due date.")
    title = models.CharField("heading", max_length=80)
    text = models.TextField(max_length=1500, help_text="{number}, {amount}, {due} and {clinic} are filled in.")
    is_active = models.BooleanField("is sent", default=True)

    class Meta:
        ordering = ["stage"]
        constraints = [models.CheckConstraint(condition=Q(stage__range=(1, 3)), name="reminder_stage_1_to_3")]

    def __str__(self) -> str:
        return f"Reminder {self.stage}"

    @classmethod
    def load_all(cls) -> "list[ReminderStage]":
        """Return the three stages, the first one first; one that is missing is made with our text."""
        stages = {row.stage: row for row in cls.objects.all()}
        if len(stages) < len(DAYS_LATE):
            texts = standard_texts(ClinicSettings.load().language)
            for stage, (days_late, text) in enumerate(zip(DAYS_LATE, texts, strict=True), start=1):
                if stage not in stages:
                    values = {"days_late": days_late, "title": text.title, "text": text.text}
                    stages[stage] = cls.objects.get_or_create(stage=stage, defaults=values)[0]
        return [stages[stage] for stage in sorted(stages)]
