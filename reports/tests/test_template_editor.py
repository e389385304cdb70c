"""The template editor: rows and steps, saving, two windows, the preview beside a past transcript."""

import copy
import re

import pytest
from django.urls import reverse

from reports import services
from reports.models import ReportTemplate
from reports.templating.forms import NEW_ROW, PREFIX, rows_of, structure_of
from reports.templating.steps import take_step
from reports.templating.structure import parse_structure
from reports.tests.factories import clinic_template, make_written_session
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


def address(name, template):
    return reverse(f"report_templates:{name}", args=[template.pk])


def sent(template, rows=None, **changes):
    """Return what the editor's page sends for a template."""
    rows = rows_of(template.structure) if rows is None else rows
    data = {
        "name": template.name,
        "description": template.description,
        "ai_prompt": template.ai_prompt,
        "version": template.version,
        "chosen": 0,
        f"{PREFIX}-TOTAL_FORMS": len(rows),
        f"{PREFIX}-INITIAL_FORMS": 0,
        f"{PREFIX}-MIN_NUM_FORMS": 1,
        f"{PREFIX}-MAX_NUM_FORMS": 60,
    }
    for number, row in enumerate(rows):
        data |= {f"{PREFIX}-{number}-{name}": value for name, value in row.items() if value is not False}
    return {**data, **changes}


def row(title, depth=0, **more):
    return {**NEW_ROW, "title": title, "depth": depth, **more}


def names(step):
    return [f"{'  ' * one['depth']}{one['title']}" for one in step.rows]


@pytest.fixture
def mine(asha, now):
    return services.copy_template(clinic_template("soap"), by=asha, at=now)


def test_every_shipped_structure_survives_the_editor():
    for template in ReportTemplate.objects.filter(doctor=None):
        rows = rows_of(template.structure)
        cleaned = [{**one, "items": one["items"].splitlines(), "columns": one["columns"].splitlines()} for one in rows]

        again = structure_of(cleaned, template.structure)

        assert parse_structure(again) == parse_structure(template.structure), template.slug


def test_topics_keep_their_order_whatever_order_the_boxes_have():
    before = {"sections": [{"id": "a", "title": "A", "maps_to": ["history", "chief_complaint"]}]}

    structure = structure_of([row("A", id="a", topics=["chief_complaint", "history", "mood"])], before)

    assert structure["sections"][0]["maps_to"] == ["history", "chief_complaint", "mood"]


def test_new_headings_get_ids_of_their_own_and_usual_items_the_shared_ones():
    rows = [
        row("Plan"),
        row("Plan"),
        row("7 things ✓", type="structured"),
        row("Plan", 1, type="checklist", items=["Suicidal thoughts", "Hallucinations", "Money"]),
    ]

    sections = structure_of(rows, {"sections": []})["sections"]

    assert [section["id"] for section in sections] == ["plan", "plan_2", "section_7_things"]
    part = sections[2]["subsections"][0]
    assert part["id"] == "plan_3"
    assert [item["id"] for item in part["items"]] == ["suicidal_ideation", "perception", "money"]


def test_an_item_that_is_worded_differently_is_another_item():
    before = {"sections": [{"id": "risk", "title": "Risk", "type": "checklist", "items": [{"id": "x", "title": "A"}]}]}

    kept = structure_of([row("Risk", id="risk", type="checklist", items=["B", "A"])], before)["sections"][0]["items"]

    assert kept == [{"id": "b", "title": "B"}, {"id": "x", "title": "A"}]


A, B, C = row("A"), row("B", type="structured"), row("C")
B1, B2 = row("B1", 1), row("B2", 1)
ROWS = [A, B, B1, B2, C]


@pytest.mark.parametrize(
    ("step", "expected", "chosen"),
    [
        ("add", ["A", "B", "  B1", "  B2", "C", ""], 5),
        ("add_part-1", ["A", "B", "  B1", "  B2", "  ", "C"], 4),
        ("remove-1", ["A", "C"], 1),
        ("remove-2", ["A", "B", "  B2", "C"], 2),
        ("up-1", ["B", "  B1", "  B2", "A", "C"], 0),
        ("up-4", ["A", "C", "B", "  B1", "  B2"], 1),
        ("up-2", ["A", "  B1", "B", "  B2", "C"], 1),
        ("up-3", ["A", "B", "  B2", "  B1", "C"], 2),
        ("up-0", ["A", "B", "  B1", "  B2", "C"], 0),
        ("down-0", ["B", "  B1", "  B2", "A", "C"], 3),
        ("down-1", ["A", "C", "B", "  B1", "  B2"], 2),
        ("down-3", ["A", "B", "  B1", "C", "  B2"], 4),
        ("down-4", ["A", "B", "  B1", "  B2", "C"], 4),
        ("move-4-0", ["C", "A", "B", "  B1", "  B2"], 0),
        ("move-0-3", ["B", "  B1", "  B2", "A", "C"], 3),
        ("move-2-0", ["A", "  B1", "B", "  B2", "C"], 1),
        ("move-3-5", ["A", "B", "  B1", "C", "  B2"], 4),
        ("indent-4", ["A", "B", "  B1", "  B2", "  C"], 4),
        ("indent-1", ["A", "B", "  B1", "  B2", "C"], 1),
        ("outdent-2", ["A", "B", "  B2", "B1", "C"], 3),
        ("duplicate-1", ["A", "B", "  B1", "  B2", "B (copy)", "  B1", "  B2", "C"], 4),
        ("move-9-1", ["A", "B", "  B1", "  B2", "C"], 0),
        ("remove-x", ["A", "B", "  B1", "  B2", "C"], 0),
        ("explode-1", ["A", "B", "  B1", "  B2", "C"], 0),
    ],
)
def test_steps_move_sections_with_their_parts_and_parts_alone(step, expected, chosen):
    taken = take_step(step, copy.deepcopy(ROWS), 0)

    assert (names(taken), taken.chosen) == (expected, chosen)
    for place, one in enumerate(taken.rows[:-1]):
        if one["depth"] == 0 and taken.rows[place + 1]["depth"] == 1:
            assert one["type"] == "structured"


def test_the_last_section_stays_and_the_usual_items_come_with_one_press():
    assert names(take_step("remove-0", [A], 0)) == ["A"]

    filled = take_step("usual_risk-0", [row("Risk", items="Money\nSelf-harm")], 0).rows[0]

    assert filled["type"] == "checklist"
    lines = filled["items"].splitlines()
    assert lines[:3] == ["Money", "Self-harm", "Suicidal ideation"]
    assert lines.count("Self-harm") == 1
    assert take_step("topics-0", [row("Diary card")], 0).rows[0]["topics"] == ["mood", "substance_use"]


def test_steps_save_nothing_and_keep_what_was_typed(asha, signed_in, mine):
    titles = [section["title"] for section in mine.structure["sections"]]
    client = signed_in(asha)
    typed = {"sections-3-title": "What next", "name": "Mine"}

    moved = client.post(address("edit", mine), sent(mine, step="down-0", **typed)).content.decode()
    removed = client.post(address("edit", mine), sent(mine, step="remove-0", **typed)).content.decode()
    added = client.post(address("edit", mine), sent(mine, step="add"), headers={"HX-Request": "true"}).content.decode()

    assert moved.index(f'value="{titles[1]}"') < moved.index(f'value="{titles[0]}"')
    assert f'value="{titles[0]}"' not in removed
    assert all('value="What next"' in page and 'value="Mine"' in page for page in (moved, removed))
    assert "New section" in added
    assert "<html" not in added
    assert "data-changed" in moved
    mine.refresh_from_db()
    assert mine.version == 1


def test_the_editor_saves_the_next_version_with_every_setting(asha, signed_in, mine):
    rows = [
        row("Story", id="subjective", detail="detailed", layout="bullets", topics=["history", "social"], required="on"),
        row("Risk", type="checklist", items="Suicidal ideation\n\nSelf-harm\nSelf-harm"),
        row("Medicines", type="table", columns="Drug\nDose"),
        row("Plan", type="structured", instructions="Go on from {{ previous_plan }}."),
        row("Homework", 1, type="list"),
        row("Note", type="fixed", fixed_text="Call the clinic."),
    ]

    response = signed_in(asha).post(address("edit", mine), sent(mine, rows, name="My note", is_default="on"))

    assert response.url == f"{address('edit', mine)}?saved"
    mine.refresh_from_db()
    assert (mine.name, mine.version, mine.is_default) == ("My note", 2, True)
    story, risk, medicines, plan, fixed = parse_structure(mine.structure)
    assert (story.id, story.required, story.topics) == ("subjective", True, ("history", "social"))
    assert (story.style.detail, story.style.layout) == ("detailed", "bullets")
    assert [item.id for item in risk.items] == ["suicidal_ideation", "self_harm"]
    assert [column.title for column in medicines.columns] == ["Drug", "Dose"]
    assert [part.title for part in plan.subsections] == ["Homework"]
    assert fixed.fixed_text == "Call the clinic."


def test_the_editor_says_beside_the_field_what_is_wrong_and_keeps_the_rest(asha, signed_in, mine):
    rows = [
        row(""),
        row("Risk", type="checklist"),
        row("List", type="list"),
        row("Part", 1, instructions="For {{patient_name}}."),
        row("Kept words", type="fixed"),
    ]

    response = signed_in(asha).post(address("edit", mine), sent(mine, rows, ai_prompt="{{secret}}"))

    page = response.content.decode()
    assert response.status_code == 422
    for words in (
        "This field is required",
        "A checklist needs items",
        "This section has parts",
        "There is no variable patient_name",
        "There is no variable secret",
        "previous_plan, doctor_specialization",
        "Write the text that stands in every report",
    ):
        assert words in page
    assert 'value="Kept words"' in page
    assert 'id="id_sections-1-items_error"' in page
    mine.refresh_from_db()
    assert mine.version == 1


@pytest.mark.parametrize("step", ["", "up-0", "add", "remove-1", "compare", "preview"])
def test_a_form_that_lost_its_parts_is_refused_and_breaks_nothing(asha, signed_in, mine, step):
    whole = sent(mine, [row("One"), row("Two")])
    torn = {name: value for name, value in whole.items() if not name.startswith(f"{PREFIX}-1-")}
    client = signed_in(asha)

    for data in (torn, {}, {**whole, f"{PREFIX}-1-depth": "7", f"{PREFIX}-1-type": "essay", "chosen": "99999999"}):
        assert client.post(address("edit", mine), {**data, "step": step}).status_code in (200, 422)
        assert client.post(address("preview", mine), data).status_code == 200
    mine.refresh_from_db()
    assert mine.version == 1


def test_markup_in_a_heading_is_shown_as_text(asha, signed_in, mine):
    hostile = "<script>alert(1)</script>"

    client = signed_in(asha)
    client.post(address("edit", mine), sent(mine, [row(hostile)]))

    for name in ("edit", "detail", "versions"):
        page = client.get(address(name, mine)).content.decode()
        assert hostile not in page
        assert "&lt;script&gt;alert(1)" in page


def test_a_version_saved_elsewhere_is_shown_beside_mine_and_neither_is_lost(asha, signed_in, mine, now):
    client = signed_in(asha)
    opened = sent(mine, **{"sections-0-title": "My words"})
    first = services.save_template(
        mine, name="Theirs", description="", structure=mine.structure, ai_prompt="", is_public=False, by=asha, at=now
    )

    answer = client.post(address("edit", mine), opened)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Saved elsewhere in the meantime" in page
    assert "<ins>My words</ins>" in page
    assert "<del>Theirs</del>" in page
    assert 'value="My words"' in page
    assert re.search(r'name="version" value="(\d)"', page).group(1) == str(first.version)
    again = client.post(address("edit", mine), {**opened, "version": first.version})
    assert again.status_code == 302
    mine.refresh_from_db()
    assert (mine.version, mine.structure["sections"][0]["title"]) == (3, "My words")


def test_what_is_not_saved_is_compared_with_what_is(asha, signed_in, mine):
    changed = sent(mine, step="compare", **{"sections-0-title": "Their story"})

    page = signed_in(asha).post(address("edit", mine), changed).content.decode()

    assert "What you changed in version 1" in page
    assert "<ins>Their story</ins>" in page


def test_the_preview_is_written_from_ones_own_transcript_and_the_unsaved_sections(asha, signed_in, mine):
    session = make_written_session(asha)
    client = signed_in(asha)
    rows = [row("Medicines", topics=["medications"]), row("Sleep", topics=["sleep_appetite"])]

    page = client.post(address("preview", mine), sent(mine, rows, source=session.pk)).content.decode()

    medicines, sleep = page.index("<h3>Medicines"), page.index("<h3>Sleep")
    assert "sertraline 50 mg" in page[medicines:sleep].lower()
    assert "four in the morning" in page[sleep:]
    assert f"/sessions/{session.pk}/transcript/#line-" in page
    assert "Why does it say that?" in page
    assert "Changed by this edit" in page
    assert "Said, but in no section:" in page
    mine.refresh_from_db()
    assert (mine.version, mine.usage_count) == (1, 0)
    read = AuditEvent.objects.filter(target_id=str(session.pk), detail__part="template_preview")
    assert [event.patient_id for event in read] == [session.patient_id]


def test_nothing_changed_is_marked_as_nothing_changed(asha, signed_in, mine):
    make_written_session(asha)

    page = signed_in(asha).post(address("preview", mine), sent(mine)).content.decode()

    assert "<h3>Subjective" in page
    assert "Changed by this edit" not in page
    assert "<ins>" not in page


def test_somebody_elses_transcript_is_never_a_source(asha, ben, signed_in, mine):
    session = make_written_session(ben)
    client = signed_in(asha)

    offered = client.get(address("edit", mine)).content.decode()
    page = client.post(address("preview", mine), sent(mine, source=session.pk)).content.decode()

    assert str(session.pk) not in offered
    assert str(session.pk) not in page
    assert "my mother died" in page or "mother died" in page  # the invented conversation


def test_an_administrator_tries_templates_on_the_invented_conversation(asha, omar, signed_in):
    session = make_written_session(asha)
    client = signed_in(omar)

    offered = client.get(address("edit", clinic_template("soap"))).content.decode()
    page = client.post(address("preview", clinic_template("soap")), sent(clinic_template("soap"), source=session.pk))

    assert session.patient.full_name not in offered
    assert "mother died" in page.content.decode()
    assert str(session.pk) not in page.content.decode()


def test_the_preview_says_what_to_put_right_first(asha, signed_in, mine):
    page = signed_in(asha).post(address("preview", mine), sent(mine, [row("Risk", type="checklist")])).content.decode()

    assert "Put this right first" in page
    assert "Risk: A checklist needs items" in page


def test_without_scripts_the_preview_comes_with_the_page(asha, signed_in, mine):
    page = signed_in(asha).post(address("edit", mine), sent(mine, step="preview")).content.decode()

    assert "<h3>Subjective" in page
    assert page.count('id="summary-0"') == 1


def test_only_those_who_may_change_a_template_reach_its_editor(asha, ben, rita, signed_in, mine):
    for person, status in ((ben, 404), (rita, 403)):
        client = signed_in(person)
        assert client.get(address("edit", mine)).status_code == status
        assert client.post(address("preview", mine), sent(mine)).status_code == status
    client = signed_in(asha)
    assert client.get(address("edit", clinic_template())).status_code == 403
    assert client.post(address("preview", clinic_template()), sent(mine)).status_code == 403
    assert client.get(address("preview", mine)).status_code == 405
