"""Lists to choose from: zones, languages, currencies, regions, and the events a person may be mailed about."""

from functools import cache
from zoneinfo import available_timezones

from django.db import models


class NotificationEvent(models.TextChoices):
    """What somebody may want a mail about; `notification_settings` maps each to 'mail' or 'none'."""

    REPORT_READY = "report_ready", "A report is written and waits for me"
    REPORT_FAILED = "report_failed", "A transcript or report could not be made"
    APPOINTMENT_BOOKED = "appointment_booked", "Somebody books, moves or cancels a visit in my calendar"
    PATIENT_SHARED = "patient_shared", "A colleague shares a patient with me"
    WEBHOOK_DISABLED = "webhook_disabled", "A webhook of mine is switched off"


class AudioRetention(models.TextChoices):
    """How long a recording is kept where the patient agreed to keep it; without that the shorter rule holds."""

    KEEP = "keep", "Keep it with the record"
    DAYS = "days", "Delete it after a number of days"
    AFTER_SIGNING = "after_signing", "Delete it when the report is signed"


class MessageChannels(models.TextChoices):
    """How patients hear about their visits where they did not say."""

    EMAIL = "email", "By e-mail"
    SMS = "sms", "By SMS"
    BOTH = "both", "By e-mail and SMS"
    NONE = "none", "Not at all"


MAIL, NONE = "mail", "none"
NOTIFICATION_CHOICES = [(MAIL, "By mail"), (NONE, "Not at all")]

LANGUAGES = [
    ("en-US", "English (United States)"),
    ("en-GB", "English (United Kingdom)"),
    ("en-IN", "English (India)"),
    ("hi-IN", "Hindi"),
    ("mr-IN", "Marathi"),
    ("ta-IN", "Tamil"),
    ("te-IN", "Telugu"),
    ("bn-IN", "Bengali"),
    ("de-DE", "German"),
    ("es-ES", "Spanish"),
    ("fr-FR", "French"),
    ("pt-BR", "Portuguese (Brazil)"),
    ("ar-AE", "Arabic"),
]

CURRENCIES = [
    ("INR", "INR, ₹"),
    ("USD", "USD, $"),
    ("EUR", "EUR, €"),
    ("GBP", "GBP, £"),
    ("AED", "AED"),
    ("AUD", "AUD, $"),
    ("CAD", "CAD, $"),
    ("SGD", "SGD, $"),
    ("ZAR", "ZAR, R"),
]


# The countries a clinic is likely to be in, by name; every other region can be chosen by its code.
_NAMED_COUNTRIES = (
    "AE United Arab Emirates, AR Argentina, AT Austria, AU Australia, BD Bangladesh, BE Belgium, BR Brazil, "
    "CA Canada, CH Switzerland, CL Chile, CN China, CO Colombia, CZ Czechia, DE Germany, DK Denmark, EG Egypt, "
    "ES Spain, FI Finland, FR France, GB United Kingdom, GH Ghana, GR Greece, HK Hong Kong, HU Hungary, "
    "ID Indonesia, IE Ireland, IL Israel, IN India, IT Italy, JP Japan, KE Kenya, KR South Korea, LK Sri Lanka, "
    "MX Mexico, MY Malaysia, NG Nigeria, NL Netherlands, NO Norway, NP Nepal, NZ New Zealand, PE Peru, "
    "PH Philippines, PK Pakistan, PL Poland, PT Portugal, QA Qatar, RO Romania, SA Saudi Arabia, SE Sweden, "
    "SG Singapore, TH Thailand, TR Turkey, UA Ukraine, US United States, VN Vietnam, ZA South Africa"
)
COUNTRIES = dict(entry.split(" ", 1) for entry in _NAMED_COUNTRIES.split(", "))


@cache
def timezone_choices() -> list[tuple[str, str]]:
    """Return every zone of the tz database that is a place, and UTC."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    names = sorted(name for name in available_timezones() if name.startswith(areas))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


@cache
def region_choices() -> list[tuple[str, str]]:
    """Return the regions whose phone numbers are known, with their calling code."""
    import phonenumbers

    named = sorted(COUNTRIES, key=lambda code: COUNTRIES[code])
    rest = sorted(phonenumbers.SUPPORTED_REGIONS - COUNTRIES.keys())
    names = [(code, COUNTRIES.get(code, code)) for code in (*named, *rest)]
    return [(code, f"{name} +{phonenumbers.country_code_for_region(code)}") for code, name in names]
