"""How a patient is written: age, gender, phone, and the part of the name that was searched for."""

from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from patients.choices import label_of
from patients.consents.texts import ConsentText
from patients.consents.wording import text_for
from patients.contact.phones import display_phone
from patients.handover.services import covers_of
from patients.models import Patient
from synapse.accounts.roles import Permission
from synapse.encryption.blind_index import normalise_name

register = template.Library()


@register.filter
def phone(value: str, region: str) -> str:
    """Write a stored number in the national form of the clinic's region."""
    return display_phone(value, region) if value else ""


@register.filter
def who(patient: Patient) -> str:
    """Write age and gender: "34, woman"."""
    age = str(patient.age_on(timezone.localdate()))
    return f"{age}, {label_of('gender', patient.gender).lower()}" if patient.gender else age


@register.filter
def marked(name: str, query: str) -> SafeString:
    """Mark the beginning of each word of a name that the query asks for."""
    asked = sorted(normalise_name(query).split(), key=len, reverse=True)
    return format_html_join(" ", "{}", ((_mark(word, asked),) for word in name.split()))


@register.simple_tag
def consent_text(patient: Patient, kind: str) -> ConsentText:
    """Return the words a patient is asked today, in the language they read."""
    return text_for(patient, kind, at=timezone.now())


@register.inclusion_tag("patients/_covers.html", takes_context=True)
def covers(context: Context) -> dict[str, Any]:
    """Say who stands in for whom now, to the two doctors it is about."""
    user = context["request"].user
    return {"covers": covers_of(user, at=timezone.now()) if user.may(Permission.CONDUCT_SESSIONS) else []}


def _mark(word: str, asked: list[str]) -> SafeString:
    plain = normalise_name(word)
    for begun in asked:
        # Where letters became others (æ to ae) the place of the mark is not known.
        if plain.startswith(begun) and len(plain) == len(word):
            return format_html("<em>{}</em>{}", word[: len(begun)], word[len(begun) :])
    return format_html("{}", word)
