"""How a patient is written: age, gender, phone, and the part of the name that was searched for."""

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from patients.choices import label_of
from patients.consent_texts import CURRENT, ConsentText
from patients.models import Patient
from patients.phones import display_phone
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
def consent_text(kind: str) -> ConsentText:
    """Return the words a patient is asked today."""
    return CURRENT[kind]


def _mark(word: str, asked: list[str]) -> SafeString:
    plain = normalise_name(word)
    for begun in asked:
        # Where letters became others (æ to ae) the place of the mark is not known.
        if plain.startswith(begun) and len(plain) == len(word):
            return format_html("<em>{}</em>{}", word[: len(begun)], word[len(begun) :])
    return format_html("{}", word)
