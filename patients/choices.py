"""What the forms offer; a stored value that is in no list stays and is shown as it is."""

from django.db import models


class MessageChannel(models.TextChoices):
    """How a patient wants to hear about visits."""

    CLINIC = "", "As the clinic does"
    EMAIL = "email", "By e-mail"
    SMS = "sms", "By SMS"
    BOTH = "both", "By e-mail and SMS"
    NONE = "none", "Not at all"


GENDERS = [
    ("female", "Woman"),
    ("male", "Man"),
    ("nonbinary", "Non-binary"),
    ("other", "Other"),
    ("undisclosed", "Rather not say"),
]
BLOOD_GROUPS = [(group, group) for group in ("A+", "A-", "B+", "B-", "AB+", "AB-", "O+", "O-")]
MARITAL_STATUSES = [
    ("single", "Single"),
    ("partnered", "With a partner"),
    ("married", "Married"),
    ("separated", "Separated"),
    ("divorced", "Divorced"),
    ("widowed", "Widowed"),
]
RELATIONSHIPS = [
    ("parent", "Parent"),
    ("partner", "Partner"),
    ("child", "Child"),
    ("sibling", "Brother or sister"),
    ("relative", "Other relative"),
    ("friend", "Friend"),
    ("other", "Other"),
]

LABELS: dict[str, dict[str, str]] = {
    "gender": dict(GENDERS),
    "marital_status": dict(MARITAL_STATUSES),
    "emergency_contact_relationship": dict(RELATIONSHIPS),
}


def label_of(field: str, value: str) -> str:
    """Return the word of a stored value."""
    return LABELS[field].get(value, value)
