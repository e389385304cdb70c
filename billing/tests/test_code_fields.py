"""Code fields in forms, and the address they ask while somebody types."""

import pytest
from django import forms
from django.urls import reverse

from billing.codes.fields import CodeField, CodesField

SEARCH = "/bills/codes/search/"


class ExampleForm(forms.Form):
    diagnosis = CodeField(system="icd10", required=True)
    others = CodesField(system="icd10", most=3)
    modifiers = CodesField(system="modifier", most=4)


def form_of(**data):
    return ExampleForm({"diagnosis": "F32.1", **data})


def test_a_form_gives_the_codes_as_they_are_stored(db):
    form = form_of(diagnosis="f321 ", others="f411; Z630 F41.1,", modifiers="gt,95")

    assert form.is_valid()
    assert form.cleaned_data == {"diagnosis": "F32.1", "others": ["F41.1", "Z63.0"], "modifiers": ["GT", "95"]}


def test_empty_fields_hold_nothing(db):
    form = form_of()

    assert form.is_valid()
    assert (form.cleaned_data["others"], form.cleaned_data["modifiers"]) == ([], [])


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("diagnosis", "sad", "Enter an ICD-10 code, like F32.1. “SAD” is none."),
        ("others", "F32.1, sad", "Enter an ICD-10 code, like F32.1. “SAD” is none."),
        ("others", "F32.0 F32.1 F32.2 F32.3", "Enter 3 codes or fewer"),
        ("modifiers", "telehealth", "Enter a modifier of two letters or digits, like 95 or GT. “TELEHEALTH” is none."),
    ],
)
def test_a_bad_code_is_named_at_its_field_and_stays_typed(db, field, text, words):
    form = form_of(**{field: text})

    assert form.errors == {field: [words]}
    assert f'value="{text}"' in str(form[field])


def test_an_unknown_code_is_a_warning_and_no_error(db):
    form = form_of(diagnosis="J45.20")

    assert form.is_valid()
    assert form.fields["diagnosis"].warnings == [
        "J45.20 is not in the code table of this clinic. Check that it is right."
    ]
    assert ExampleForm().fields["diagnosis"].warnings == []


def test_a_stored_list_is_shown_and_counts_as_unchanged(db):
    form = ExampleForm(
        {"diagnosis": "F32.1", "others": "F41.1, Z63.0", "modifiers": ""},
        initial={"diagnosis": "F32.1", "others": ["F41.1", "Z63.0"], "modifiers": []},
    )

    assert form.changed_data == []
    assert 'value="F41.1, Z63.0"' in str(form["others"])
    assert "data-code-several" in str(form["others"])


@pytest.mark.parametrize("person", ["asha", "rita", "omar"])
def test_whoever_sees_bills_searches_codes(request, signed_in, person):
    client = signed_in(request.getfixturevalue(person))

    answer = client.post(reverse("billing:code_search"), {"system": "icd10", "q": "panic"})

    assert answer.json()["codes"][0] == {"code": "F41.0", "words": "Panic disorder, panic attacks", "retired": False}


def test_retired_codes_are_marked(signed_in, rita):
    answer = signed_in(rita).post(SEARCH, {"system": "cpt", "q": "99201"})

    assert [(row["code"], row["retired"]) for row in answer.json()["codes"]] == [("99201", True)]


def test_nobody_searches_without_signing_in_or_by_an_address_that_is_logged(client, signed_in, rita, db):
    assert client.post(SEARCH, {"system": "icd10", "q": "panic"}).status_code == 302
    assert signed_in(rita).get(SEARCH, {"system": "icd10", "q": "panic"}).status_code == 405


def test_the_words_of_codes_in_a_field_are_told(signed_in, rita):
    answer = signed_in(rita).post(SEARCH, {"system": "icd10", "codes": "f411, Z63.0,Q99.9,"})

    assert {row["code"]: row["words"] for row in answer.json()["codes"]} == {
        "F41.1": "Generalised anxiety (GAD)",
        "Z63.0": "Conflict with spouse or partner",
    }


@pytest.mark.parametrize("data", [{}, {"system": "snomed", "q": "x"}, {"system": "", "q": "x"}])
def test_an_unknown_table_is_a_bad_request(signed_in, rita, data):
    assert signed_in(rita).post(SEARCH, data).status_code == 400
