"""Moving, splitting, merging and quoting lines, and taking every change back."""

from itertools import pairwise

import pytest

from reports import services
from reports.content import all_sentences, find_sentence
from reports.services import history
from reports.tests.factories import line_about, make_report, reloaded
from synapse.common.errors import NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(asha):
    return make_report(asha)


def shape(report):
    """Return the report as its reader sees it, without the log."""
    return [
        (section["id"], [(line["id"], line["text"], line["support"], line.get("layout")) for line in lines])
        for section in report.structured_data
        for lines in [list(all_sentences([section]))]
    ]


def line_of(report, sentence_id):
    place = find_sentence(report.structured_data, sentence_id)
    return place.sentence if place else None


def other_section(report, sentence_id):
    mine = find_sentence(report.structured_data, sentence_id).section["id"]
    return next(s["id"] for s in report.structured_data if s["id"] != mine and not s["subsections"])


def test_a_moved_line_keeps_its_words_and_its_evidence(asha, now, report):
    line = line_about(report, "nausea")
    target = other_section(report, line["id"])

    report = reloaded(services.move_sentence(report, line["id"], target, 0, by=asha, at=now))

    place = find_sentence(report.structured_data, line["id"])
    assert (place.section["id"], place.index) == (target, 0)
    assert place.sentence["evidence"] == line["evidence"]
    assert place.sentence["support"] == line["support"]


def test_both_halves_of_a_split_line_cite_what_it_cited_and_are_checked(asha, now, report):
    line = line_about(report, "nausea")
    words = line["text"].split()

    report = reloaded(services.split_sentence(report, line["id"], len(words) - 2, by=asha, at=now))

    first = find_sentence(report.structured_data, line["id"])
    second = first.section["sentences"][first.index + 1]
    assert second["evidence"] == line["evidence"] == first.sentence["evidence"]
    assert second["text"][0].isupper()
    assert second["id"] not in {line["id"] for line in all_sentences(make_sections(first, second))}
    assert {first.sentence["support"], second["support"]} <= {"supported", "partial", "unsupported"}


def make_sections(first, second):
    """Return the section of a split line without its second half."""
    return [{**first.section, "sentences": [x for x in first.section["sentences"] if x is not second]}]


def test_a_line_cannot_be_split_into_nothing(asha, now, report):
    line = line_about(report, "nausea")

    for place in (0, 99):
        with pytest.raises(services.UnusableSentence):
            services.split_sentence(report, line["id"], place, by=asha, at=now)


def test_a_merged_line_cites_what_both_cited(asha, now, report):
    second = next(
        line
        for line in all_sentences(report.structured_data)
        if line["evidence"] and find_sentence(report.structured_data, line["id"]).index > 0
    )
    place = find_sentence(report.structured_data, second["id"])
    first = place.section["sentences"][place.index - 1]

    report = reloaded(services.merge_with_previous(report, second["id"], by=asha, at=now))

    joined = line_of(report, first["id"])
    assert joined["text"] == f"{first['text']} {second['text']}"
    cited = {one["segment"] for one in joined["evidence"]}
    assert cited == {one["segment"] for one in [*first["evidence"], *second["evidence"]]}
    assert line_of(report, second["id"]) is None


def test_the_first_line_of_a_section_has_none_to_join(asha, now, report):
    section = next(section for section in report.structured_data if section["sentences"])

    with pytest.raises(services.UnusableSentence, match="first line"):
        services.merge_with_previous(report, section["sentences"][0]["id"], by=asha, at=now)


def test_a_quote_says_who_said_it_and_cites_where(asha, now, report):
    segment = next(s for s in report.transcription.segments if "nausea" in s["text"])
    section = report.structured_data[0]["id"]

    report = services.insert_quote(report, section, [segment["id"]], "some nausea the first week", by=asha, at=now)

    line = line_about(reloaded(report), "“some nausea")
    assert line["text"] == "The patient said: “some nausea the first week”"
    assert [place["segment"] for place in line["evidence"]] == [segment["id"]]
    assert line["support"] == "supported"


@pytest.mark.parametrize("words", ["I take lithium", "nausea for the first", "week. Some nausea"])
def test_words_that_were_not_said_there_are_no_quote(asha, now, report, words):
    segment = next(s for s in report.transcription.segments if "nausea" in s["text"])

    with pytest.raises(services.UnusableSentence, match="not in that part"):
        services.insert_quote(report, report.structured_data[0]["id"], [segment["id"]], words, by=asha, at=now)


def test_a_quote_from_somewhere_else_is_refused(asha, now, report):
    with pytest.raises(services.NotInReport):
        services.insert_quote(report, report.structured_data[0]["id"], [99_999], "", by=asha, at=now)


def test_who_may_not_edit_may_not_arrange(rita, now, report):
    line = line_about(report, "nausea")

    with pytest.raises(NotAllowed):
        services.split_sentence(report, line["id"], 2, by=rita, at=now)
    with pytest.raises(NotAllowed):
        services.undo(report, by=rita, at=now)


def every_change(report, asha, now):
    """Make one change of each kind, yielding the report after each."""
    segment = next(s for s in report.transcription.segments if "nausea" in s["text"])
    section = report.structured_data[0]["id"]
    line = line_about(report, "nausea")
    report = services.edit_sentence(report, line["id"], "Nausea in the first week.", by=asha, at=now)
    yield report
    report = services.settle_sentence(report, line["id"], "confirm", by=asha, at=now)
    yield report
    report = services.add_sentence(report, section, "Came with her sister.", by=asha, at=now)
    yield report
    report = services.move_sentence(report, line["id"], other_section(report, line["id"]), 0, by=asha, at=now)
    yield report
    report = services.split_sentence(report, line["id"], 2, by=asha, at=now)
    yield report
    second = find_sentence(report.structured_data, line["id"]).section["sentences"][1]
    report = services.merge_with_previous(report, second["id"], by=asha, at=now)
    yield report
    report = services.insert_quote(report, section, [segment["id"]], "", by=asha, at=now)
    yield report
    report = services.set_layout(report, section, "bullets", by=asha, at=now)
    yield report
    report = services.settle_sentence(report, line["id"], "remove", by=asha, at=now)
    yield report
    report = services.settle_sentence(report, line["id"], "restore", by=asha, at=now)
    yield report
    gone = line_about(report, "sister")
    changes = [{"id": gone["id"], "removed": True}, {"section": section, "text": "Came alone."}]
    report = services.apply_changes(report, changes, by=asha, at=now)
    yield report
    finding = next(iter([*report.missing, *report.unassigned]), None)
    if finding is not None:
        yield services.insert_finding(report, services.finding_key(finding), section, by=asha, at=now)


def test_every_change_is_undone_and_made_again_in_its_order_across_reloads(asha, now, report):
    shapes = [shape(report), *(shape(reloaded(changed)) for changed in every_change(report, asha, now))]
    assert len(shapes) > 10
    assert all(one != other for one, other in pairwise(shapes))

    back = [shapes[-1]]
    while history.stacks(reloaded(report).manual_corrections)[0]:
        back.append(shape(services.undo(reloaded(report), by=asha, at=now)))
    forth = [back[-1]]
    while history.stacks(reloaded(report).manual_corrections)[1]:
        forth.append(shape(services.redo(reloaded(report), by=asha, at=now)))

    assert back == shapes[::-1]
    assert forth == shapes


def test_a_new_change_ends_what_could_be_made_again(asha, now, report):
    line = line_about(report, "nausea")
    report = services.edit_sentence(report, line["id"], "Nausea, gone.", by=asha, at=now)
    report = services.undo(report, by=asha, at=now)
    report = services.edit_sentence(report, line["id"], "No nausea now.", by=asha, at=now)

    with pytest.raises(history.NothingToUndo):
        services.redo(report, by=asha, at=now)


def test_what_was_undone_is_neither_touched_nor_listed_as_removed(asha, now, report):
    line = line_about(report, "nausea")
    report = services.settle_sentence(report, line["id"], "remove", by=asha, at=now)
    assert line["id"] in history.touched_ids(report.manual_corrections)

    report = services.undo(report, by=asha, at=now)

    assert history.touched_ids(report.manual_corrections) == set()
    assert line_of(reloaded(report), line["id"]) == line


def test_saves_of_one_typing_are_one_step_to_undo(asha, now, report):
    line = line_about(report, "nausea")
    base = line["text"]
    continues = None
    for text in ("Nausea", "Nausea in", "Nausea in week 1."):
        report = services.edit_sentence(report, line["id"], text, by=asha, at=now, base=base, continues=continues)
        base, continues = text, report.revision

    report = services.undo(report, by=asha, at=now)

    assert line_of(report, line["id"])["text"] == line["text"]
    assert history.stacks(report.manual_corrections)[0] == []


def test_two_windows_meet_only_where_both_changed_the_same_line(asha, now, report):
    mine, theirs = line_about(report, "nausea"), line_about(report, "75 mg")
    services.edit_sentence(report, theirs["id"], "Sertraline up to 75 mg.", by=asha, at=now, base=theirs["text"])

    services.edit_sentence(report, mine["id"], "Nausea, gone.", by=asha, at=now, base=mine["text"])
    with pytest.raises(services.LineChanged) as refused:
        services.edit_sentence(report, theirs["id"], "Mine.", by=asha, at=now, base=theirs["text"])

    assert refused.value.text == "Sertraline up to 75 mg."
    assert line_of(reloaded(report), mine["id"])["text"] == "Nausea, gone."


def test_a_line_added_twice_by_a_client_that_tried_again_stands_once(asha, now, report):
    section = report.structured_data[0]["id"]
    for _ in range(2):
        report = services.add_sentence(report, section, "Came alone.", by=asha, at=now, cid="a1")

    assert [line["text"] for line in all_sentences(report.structured_data)].count("Came alone.") == 1
