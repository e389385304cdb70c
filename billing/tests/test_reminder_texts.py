"""The words of the letters."""

import re

import pytest

from billing.models import ReminderStage
from billing.reminders.texts import PLACES, STANDARD, fill, paragraphs_of, standard_texts, unknown_places
from billing.services import reminder_stages
from billing.services.reminder_stages import BadStages, Wanted
from synapse.accounts.models import ClinicSettings
from synapse.common.errors import NotAllowed

# What would tell whoever opens a letter what the visits were about.
CLINICAL = re.compile(
    r"therap|diagnos|session|sitzung|séance|sesión|psych|treat|behandl|depress|उपचार|निदान", re.IGNORECASE
)


@pytest.mark.parametrize("language", list(STANDARD))
def test_our_texts_name_the_bill_and_nothing_clinical(language):
    for text in STANDARD[language]:
        assert unknown_places(f"{text.title} {text.text}") == []
        assert {name for name in PLACES if f"{{{name}}}" in text.text} == set(PLACES)
        assert not CLINICAL.search(f"{text.title} {text.text}")
        assert len(text.title) <= 80
        assert len(text.text) <= 1500


def test_places_are_filled_and_anything_else_stays():
    assert fill("{number} of {who}", {"number": "INV-1"}) == "INV-1 of {who}"
    # What is put in is not read again.
    assert fill("{clinic}", {"clinic": "{number}", "number": "x"}) == "{number}"


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("Pay {amount}", []),
        ("Dear {name}", ["{name}"]),
        ("Pay {amount", ["{"]),
        ("Pay amount}", ["}"]),
        ("{}", ["{}"]),
        ("{ amount }", ["{ amount }"]),
    ],
)
def test_what_cannot_be_filled_in_is_named(text, unknown):
    assert unknown_places(text) == unknown


def test_paragraphs_are_apart_by_an_empty_line():
    assert paragraphs_of("One\ntwo\n\n \nthree\n") == ["One\ntwo", "three"]


@pytest.mark.parametrize(("language", "expected"), [("de-DE", "de"), ("hi-IN", "hi"), ("en-US", "en"), ("pt-BR", "en")])
def test_a_clinic_begins_with_the_texts_of_its_language(language, expected, db):
    ClinicSettings.load()
    ClinicSettings.objects.update(language=language)

    stages = ReminderStage.load_all()

    assert [(row.stage, row.days_late, row.is_active) for row in stages] == [(1, 3, True), (2, 10, True), (3, 30, True)]
    assert [row.text for row in stages] == [text.text for text in standard_texts(expected)]


def test_a_clinics_own_words_stay(db):
    ReminderStage.load_all()
    ReminderStage.objects.filter(stage=2).update(text="Ours {number}")

    assert ReminderStage.load_all()[1].text == "Ours {number}"


def wanted(*days_late, text="Pay {amount}", active=(True, True, True)):
    return [
        Wanted(number, late, f"Letter {number}", text, is_active)
        for number, late, is_active in zip((1, 2, 3), days_late, active, strict=True)
    ]


def test_letters_and_gap_are_kept_and_the_trail_says_which_fields(omar):
    reminder_stages.store_stages(wanted(5, 12, 40, active=(True, True, False)), gap_days=9, by=omar)

    assert [(row.days_late, row.is_active) for row in ReminderStage.load_all()] == [(5, True), (12, True), (40, False)]


@pytest.mark.parametrize("days_late", [(3, 3, 30), (10, 3, 30), (0, 10, 30)])
def test_a_letter_cannot_come_before_the_one_before_it(omar, days_late):
    with pytest.raises(BadStages):
        reminder_stages.store_stages(wanted(*days_late), gap_days=7, by=omar)


def test_a_letter_that_is_not_sent_is_in_nobodys_way(omar):
    reminder_stages.store_stages(wanted(10, 3, 30, active=(True, False, True)), gap_days=7, by=omar)

    stored = [(stage.days_late, stage.is_active) for stage in ReminderStage.objects.order_by("stage")]
    assert stored == [(10, True), (3, False), (30, True)]


def test_a_text_nobody_can_fill_in_is_refused(omar):
    with pytest.raises(BadStages, match="{name}"):
        reminder_stages.store_stages(wanted(3, 10, 30, text="Dear {name}"), gap_days=7, by=omar)


def test_only_the_administrator_keeps_the_letters(rita, asha):
    for person in (rita, asha):
        with pytest.raises(NotAllowed):
            reminder_stages.store_stages(wanted(3, 10, 30), gap_days=7, by=person)
