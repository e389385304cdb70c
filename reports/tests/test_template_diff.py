"""Comparing two contents of a template, and taking changes over."""

from reports.templating.diff import compare_contents, compare_sections, take_over


def section(name, **more):
    return {"id": name, "title": name.capitalize(), **more}


def structure(*sections):
    return {"sections": [section(one) if isinstance(one, str) else one for one in sections]}


def content(built, **more):
    return {"name": "Note", "description": "", "ai_prompt": "", "structure": built, **more}


def told(changes):
    return [(change.section_id, change.kind.value, change.moved_from, change.moved_to) for change in changes]


def words(line):
    return [("-" if part.is_gone else "+" if part.is_new else "=") + part.text for part in line.parts]


def test_added_left_out_moved_renamed_and_reworded_sections_are_told_apart():
    before = structure("mood", "billing", section("plan", instructions="Give the plan in one line."), "risk", "sleep")
    after = structure(
        "risk", "mood", section("plan", title="What next", instructions="Give the plan in two lines."), "sleep", "drive"
    )

    changes = compare_sections(before, after)

    assert told(changes) == [
        ("risk", "moved", 4, 1),
        ("billing", "removed", 0, 0),
        ("plan", "changed", 0, 0),
        ("drive", "added", 0, 0),
    ]
    renamed = changes[2]
    assert renamed.is_renamed
    assert [(line.label, words(line)) for line in renamed.lines] == [
        ("Heading", ["-Plan", "+What next"]),
        ("What the writer should do", ["=Give the plan in", "-one line.", "+two lines."]),
    ]


def test_a_change_in_a_part_is_named_with_its_part():
    part = {"id": "dose", "title": "Dose"}
    before = structure(section("plan", type="structured", subsections=[part, {"id": "visit", "title": "Visit"}]))
    after = structure(section("plan", type="structured", subsections=[{**part, "required": True}, section("diet")]))

    (change,) = compare_sections(before, after)

    assert [(line.label, words(line)) for line in change.lines] == [
        ("Dose: Required before signing", ["-No", "+Yes"]),
        ("Part added", ["+Diet"]),
        ("Part left out", ["-Visit"]),
    ]


def test_items_are_compared_one_by_one_and_of_two_that_swapped_the_upper_one_moved():
    items = [{"id": "a", "title": "Low mood"}, {"id": "b", "title": "Low energy"}]
    before = structure("plan", section("mood", type="checklist", items=items))
    after = structure(section("mood", type="checklist", items=[items[1]], maps_to=["mood"]), "plan")

    (change,) = compare_sections(before, after)

    assert (change.section_id, change.moved_from, change.moved_to, change.is_up) == ("mood", 2, 1, True)
    assert [(line.label, words(line)) for line in change.lines] == [
        ("What belongs here", ["-By the heading", "+Mood"]),
        ("Items", ["-Low mood", "=Low energy"]),
    ]


def test_name_and_general_instruction_are_compared_too():
    built = structure("mood")

    comparison = compare_contents(content(built), content(built, name="Short note", ai_prompt="Write client."))

    assert [line.label for line in comparison.general] == ["Template name", "In every section"]
    assert comparison.count == 2
    assert compare_contents(content(built), content(built)).count == 0


BASE = structure("mood", "plan", "billing", "risk")
THEIRS = structure("risk", "mood", "drive", section("plan", required=True))
MINE = structure("hobby", "mood", section("plan", title="My plan"), "billing", "risk")


def test_all_changes_are_taken_over_and_what_is_mine_stays():
    taken = take_over(MINE, THEIRS, {"risk", "drive", "plan", "billing"}, BASE)

    assert [one["id"] for one in taken["sections"]] == ["risk", "hobby", "mood", "drive", "plan"]
    assert taken["sections"][4] == section("plan", required=True)


def test_only_the_chosen_sections_are_taken_over():
    taken = take_over(MINE, THEIRS, {"drive"}, BASE)

    assert [one["id"] for one in taken["sections"]] == ["hobby", "mood", "drive", "plan", "billing", "risk"]
    assert taken["sections"][3]["title"] == "My plan"
    assert take_over(MINE, THEIRS, set(), BASE) == MINE


def test_a_section_i_left_out_comes_back_only_when_it_is_chosen():
    mine = structure("mood", "risk")

    assert take_over(mine, THEIRS, {"billing"}, BASE) == mine
    assert [one["id"] for one in take_over(mine, THEIRS, {"plan"}, BASE)["sections"]] == ["mood", "plan", "risk"]
