from datetime import timedelta
from types import SimpleNamespace

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import engines
from django.utils import timezone

from synapse.web.status import LOOKS, look_of


def render(source, **context):
    return engines["django"].from_string(source).render(context)


def row(status, model="bill"):
    return SimpleNamespace(
        status=status, _meta=SimpleNamespace(model_name=model), get_status_display=lambda: status.capitalize()
    )


class NoteForm(forms.Form):
    note = forms.CharField(label="Note", help_text="Short", max_length=5)
    done = forms.BooleanField(label="Done", required=False)


def test_content_of_a_block_component_is_escaped_once():
    html = render("{% card title %}<b>{{ text }}</b>{% endcard %}", title="A & B", text="<script>")

    assert "A &amp; B" in html
    assert "<b>&lt;script&gt;</b>" in html


def test_a_card_is_named_by_its_heading():
    html = render('{% card "Bills" id="bills" %}{% endcard %}')

    assert 'aria-labelledby="bills"' in html
    assert '<h2 id="bills">Bills</h2>' in html


def test_a_field_puts_label_hint_and_error_before_the_control():
    form = NoteForm({"note": "much too long"})

    html = render("{% field form.note %}", form=form)

    label, hint, error, control = (html.index(part) for part in ("<label", "Short", "Error:", "<input"))
    assert label < hint < error < control
    assert 'aria-describedby="id_note_helptext id_note_error"' in html
    assert 'aria-invalid="true"' in html


def test_a_field_that_may_stay_empty_says_so():
    class Optional(forms.Form):
        note = forms.CharField(required=False)

    assert "(optional)" in render("{% field form.note %}", form=Optional())
    assert "(optional)" not in render("{% field form.note optional=False %}", form=Optional())
    assert "(optional)" not in render("{% field form.note %}", form=NoteForm())


def test_a_check_box_is_a_switch_unless_asked_otherwise():
    assert 'class="switch"' in render("{% field form.done %}", form=NoteForm())
    assert 'class="check"' in render('{% field form.done cls="check" %}', form=NoteForm())


def test_a_summary_without_errors_is_nothing():
    assert render("{% error_summary form %}", form=NoteForm()) == ""
    assert render("{% error_summary form %}", form=NoteForm({"note": "ok"})) == ""


def test_a_summary_lists_what_belongs_to_no_field_first():
    form = NoteForm({"note": ""})
    form.add_error(None, "The patient was archived")

    html = render("{% error_summary form %}", form=form)

    assert html.index("The patient was archived") < html.index('href="#id_note"')
    assert 'role="alert"' in html


@pytest.mark.parametrize("status", LOOKS)
def test_a_status_is_a_word_with_an_icon(status):
    html = render("{% status_pill row %}", row=row(status))

    assert status.capitalize() in html
    assert "icons.svg#" in html


def test_a_drafted_report_waits_for_its_doctor():
    assert look_of(row("completed", "report")).word == "To sign"
    assert look_of(row("completed", "transcription")).word == "Completed"


def test_an_unknown_status_still_shows_its_word():
    look = look_of(row("curious"))

    assert (look.kind, look.word) == ("", "Curious")


def test_initials_leave_the_title_out():
    assert ">AR<" in render('{% avatar "Dr Asha Rao" %}')
    assert ">K<" in render('{% avatar "Kavya" %}')
    assert ">?<" in render('{% avatar "" %}')


def test_a_person_keeps_the_colour():
    assert render('{% avatar "Kavya Iyer" %}') == render('{% avatar "Kavya Iyer" %}')


def test_an_empty_fact_says_so_in_words():
    assert "Not recorded" in render('{% fact "Phone" value %}', value="")
    assert "<dd>0</dd>" in render('{% fact "Visits" value %}', value=0)
    assert "<dd>&lt;b&gt;</dd>" in render('{% fact "Name" value %}', value="<b>")


def test_near_days_have_names():
    now = timezone.now().replace(hour=12)

    assert "Today, 12:" in render("{% when at %}", at=now)
    assert "Yesterday" in render("{% when at 'date' %}", at=now - timedelta(days=1))
    assert "Tomorrow" in render("{% when at 'date' %}", at=now + timedelta(days=1))
    assert render("{% when at 'time' %}", at=now).split(">")[1].startswith("12:")
    assert render("{% when at %}", at=None) == ""
    assert ">today, 12:" in render("Signed {% when_within at %}", at=now)


def test_a_moment_is_written_in_the_readers_zone():
    at = timezone.datetime(2024, 3, 2, 23, 30, tzinfo=timezone.get_fixed_timezone(0))

    with timezone.override("Asia/Kolkata"):
        html = render("{% when at %}", at=at)

    assert "3 Mar 2024, 5:00" in html


def test_the_pager_keeps_the_filter(rf):
    page = Paginator(range(60), 20).page(2)

    html = render("{% pager page %}", page=page, request=rf.get("/?show=open&page=2"))

    assert "?show=open&amp;page=1" in html
    assert "?show=open&amp;page=3" in html
    assert "21 to 40 of 60" in html


def test_a_segment_starts_at_page_one_and_marks_the_current(rf):
    html = render(
        "{% segmented 'State' choices 'open' %}",
        choices=[("all", "All"), ("open", "Open")],
        request=rf.get("/?page=3"),
    )

    assert "page=" not in html
    assert '<a href="?show=open" aria-current="true">Open</a>' in html


def test_a_dialog_has_a_name_and_a_way_out():
    html = render('{% modal "cancel" "Cancel this visit" %}Text{% endmodal %}')

    assert 'aria-labelledby="cancel-title"' in html
    assert "data-dialog-close" in html
