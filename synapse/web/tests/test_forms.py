from datetime import date

import pytest
from django import forms
from django.template import engines

from synapse.web.forms import DateThreeFieldsField, PlainMessages


class BirthForm(PlainMessages, forms.Form):
    born = DateThreeFieldsField(
        what="Date of birth",
        label="Date of birth",
        help_text="For example, 2 5 1991",
        earliest=lambda: date(1900, 1, 1),
        latest=lambda: date(2025, 10, 14),
    )
    name = forms.CharField(label="First name")
    role = forms.ChoiceField(label="Role", choices=[("a", "A")])
    agreed = forms.BooleanField(label="I agree")


def parts(day="", month="", year=""):
    return {"born_day": day, "born_month": month, "born_year": year}


def error_of(data):
    return BirthForm(data).errors["born"][0]


def render(form, source="{% field form.born %}"):
    return engines["django"].from_string(source).render({"form": form})


def test_three_fields_make_one_date():
    form = BirthForm({**parts("2", "5", "1991"), "name": "K", "role": "a", "agreed": "on"})

    assert form.is_valid()
    assert form.cleaned_data["born"] == date(1991, 5, 2)


def test_one_iso_date_under_the_plain_name_is_taken_too():
    form = BirthForm({"born": "1991-05-02", "name": "K", "role": "a", "agreed": "on"})

    assert form.is_valid()
    assert form.cleaned_data["born"] == date(1991, 5, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (parts(), "Enter the date of birth"),
        (parts("2", "", "1991"), "Date of birth must include a month"),
        (parts("", "", "1991"), "Date of birth must include a day and a month"),
        (parts("2", "May", "1991"), "Date of birth must be in numbers, like 2 5 1991"),
        (parts("31", "2", "1991"), "Date of birth must be a real date"),
        (parts("2", "5", "91"), "Date of birth must have a year of 4 digits, like 1991"),
        (parts("15", "10", "2025"), "Date of birth must be in the past"),
        (parts("1", "1", "1850"), "Date of birth must be after 1 January 1900"),
        ({"born": "yesterday"}, "Date of birth must include a month and a year"),
    ],
)
def test_an_error_says_what_to_change(data, message):
    assert error_of(data) == message


def test_today_is_asked_for_at_each_validation():
    today = date(2025, 10, 14)

    class Form(forms.Form):
        born = DateThreeFieldsField(what="Date", latest=lambda: today)

    assert not Form(parts("15", "10", "2025")).is_valid()
    today = date(2025, 10, 15)
    assert Form(parts("15", "10", "2025")).is_valid()


def test_the_fields_are_labelled_and_carry_the_error():
    html = render(BirthForm(parts("2", "", "1991")))

    assert "<legend>Date of birth" in html
    assert '<label for="id_born_0">Day</label>' in html
    assert 'aria-describedby="id_born_helptext id_born_error"' in html
    assert '<span class="vh">Error: </span>Date of birth must include a month' in html
    assert html.count('aria-invalid="true"') == 3


def test_a_known_date_fills_the_fields():
    html = render(BirthForm(initial={"born": date(1991, 5, 2)}))

    assert [f'value="{part}"' in html for part in (2, 5, 1991)] == [True, True, True]


def test_an_empty_field_says_what_to_enter():
    errors = BirthForm({}).errors

    assert errors["name"] == ["Enter the first name"]
    assert errors["role"] == ["Choose the role"]
    assert errors["agreed"] == ["Tick “I agree”"]


def test_the_summary_links_to_the_first_of_the_three_fields():
    html = render(BirthForm(parts("2", "", "1991")), "{% error_summary form %}")

    assert '<a href="#id_born_0">Date of birth must include a month</a>' in html
