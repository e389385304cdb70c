"""What messages and the page behind their link say: nothing clinical, in every language, short enough for a phone."""

from dataclasses import fields
from datetime import datetime

import pytest

from scheduling.messages import texts as message_texts
from scheduling.messages.texts import Facts
from scheduling.phrases import LANGUAGES, words_for
from synapse.notifications.segments import count_segments

# Stems of words that would say why somebody comes, whom they see, or what for.
CLINICAL = """
therap treat session diagnos psych mental depress anxi panic trauma suicid medic drug dose doctor dr. clinician patient
symptom illness disorder consult follow-up emergency counsel behandl sitzung arzt ärzt krank medik störung angst tratam
sesión médic terap enferm trastorno ansied séance médec maladie trouble soin traitement
चिकित्स डॉक्टर इलाज उपचार रोग बीमार दवा मरीज़ मानसिक थेरेपी
"""
LINK = "https://front-desk.bodhi-practice.example/visit/" + "x" * 43 + "/"
WHEN = datetime(2026, 9, 23, 16, 30)
KINDS = ("booked", "moved", "reminder", "cancelled", "offer")


def facts(kind, *, times=(WHEN,), clinic="Bodhi Practice", phone="+91 20 2640 1000"):
    return Facts(
        kind=kind,
        clinic=clinic,
        phone=phone,
        times=times,
        link="" if kind == "cancelled" else LINK,
        asks=kind in {"booked", "reminder"},
        held_until=WHEN if kind == "offer" else None,
        has_calendar_file=kind == "booked",
    )


def everything_said(words):
    for field in fields(words):
        value = getattr(words, field.name)
        yield from value.values() if hasattr(value, "values") else [value] if isinstance(value, str) else value


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_no_phrase_says_what_a_visit_is_about(words):
    said = [text.casefold() for text in everything_said(words)]

    assert [(text, stem) for text in said for stem in CLINICAL.split() if stem in text] == []


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_every_language_says_the_same_things(words):
    english = LANGUAGES["en"]

    for field in fields(words):
        value, model = getattr(words, field.name), getattr(english, field.name)
        if hasattr(model, "keys"):
            assert set(value) == set(model), field.name
    assert (len(words.weekdays), len(words.months)) == (7, 12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_an_sms_takes_two_messages_at_most(words, kind):
    plain = message_texts.sms_text(facts(kind), words)
    long = message_texts.sms_text(facts(kind, clinic="Praxis für Körper und Seele am Alten Markt in Berlin"), words)

    assert count_segments(plain) <= 2
    assert count_segments(long) <= 2
    for text in (plain, long):
        assert kind == "cancelled" or LINK in text
        assert "23" in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_an_e_mail_has_clinic_time_phone_and_link(words, kind):
    text, subject = message_texts.email_text(facts(kind), words), message_texts.subject(facts(kind), words)

    assert "Bodhi Practice" in text
    assert "+91 20 2640 1000" in text
    assert f"{words.day(WHEN)} 2026, {words.clock(WHEN)}" in text
    assert (LINK in text) == (kind != "cancelled")
    assert "{" not in text + subject
    assert "Bodhi" not in subject


def test_days_are_written_in_the_language_of_the_reader():
    said = {code: words.when(WHEN) for code, words in LANGUAGES.items()}

    assert said == {
        "en": "Wednesday 23 September, 4:30 pm",
        "de": "Mittwoch, 23. September, 16:30 Uhr",
        "fr": "mercredi 23 septembre à 16 h 30",
        "es": "miércoles 23 de septiembre, 16:30",
        "hi": "बुधवार, 23 सितंबर, 16:30 बजे",
    }


def test_many_visits_of_a_series_are_one_message():
    times = tuple(WHEN.replace(day=day) for day in range(1, 13))
    text = message_texts.email_text(facts("booked", times=times), LANGUAGES["en"])

    assert text.count("2026,") == 6
    assert "and 6 more" in text
    assert "12 appointments booked" in message_texts.sms_text(facts("booked", times=times), LANGUAGES["en"])


@pytest.mark.parametrize(
    ("preferred", "clinic", "code"),
    [
        ("Hindi", "en-US", "hi"),
        ("हिन्दी", "en-US", "hi"),
        ("Deutsch", "en-US", "de"),
        ("fr-FR", "en-US", "fr"),
        ("Spanish, some English", "en-US", "es"),
        ("Marathi", "hi-IN", "hi"),
        ("", "de-DE", "de"),
        ("Tamil", "ta-IN", "en"),
    ],
)
def test_the_language_of_a_chart_is_understood_or_the_clinics_taken(preferred, clinic, code):
    assert words_for(preferred, clinic).code == code
