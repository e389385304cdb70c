"""The doors of the section editor: saves while typing, conflicts, arranging, quotes, undo."""

import pytest
from django.urls import reverse

from reports import services
from reports.content import all_sentences, find_sentence
from reports.models import SectionRewrite
from reports.tests.factories import line_about, make_report, reloaded
from reports.views import get_report

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def report(asha):
    return make_report(asha)


def address(name, report, *args):
    return reverse(f"reports:{name}", args=[report.pk, *args])


def text_of(report, sentence_id):
    return find_sentence(reloaded(report).structured_data, sentence_id).sentence["text"]


def test_a_line_is_saved_while_it_is_typed(asha, signed_in, report):
    line = line_about(report, "nausea")
    client = signed_in(asha)

    answer = client.post(address("save_line", report, line["id"]), {"text": "Nausea", "base": line["text"]}).json()
    again = client.post(
        address("save_line", report, line["id"]),
        {"text": "Nausea in week 1.", "base": "Nausea", "continues": answer["revision"]},
    ).json()

    assert text_of(report, line["id"]) == "Nausea in week 1."
    assert again["revision"] == answer["revision"] + 1
    assert again["saved_at"]
    assert services.undo(reloaded(report), by=asha, at=reloaded(report).updated_at)
    assert text_of(report, line["id"]) == line["text"]


def test_a_conflict_answers_with_the_other_wording_and_keeps_it(asha, signed_in, report):
    line = line_about(report, "nausea")
    client = signed_in(asha)
    client.post(address("save_line", report, line["id"]), {"text": "Theirs.", "base": line["text"]})

    response = client.post(address("save_line", report, line["id"]), {"text": "Mine.", "base": line["text"]})

    assert response.status_code == 409
    assert response.json()["theirs"] == "Theirs."
    assert text_of(report, line["id"]) == "Theirs."
    other = line_about(reloaded(report), "75 mg")
    answer = client.post(address("save_line", report, other["id"]), {"text": "To 75 mg.", "base": other["text"]})
    assert answer.status_code == 200


def test_a_line_that_another_window_removed_says_so(asha, signed_in, report):
    line = line_about(report, "nausea")
    client = signed_in(asha)
    client.post(address("settle", report, line["id"]), {"verdict": "remove", "base": line["text"]})

    response = client.post(address("save_line", report, line["id"]), {"text": "Mine.", "base": line["text"]})

    assert (response.status_code, response.json()["removed"]) == (409, True)


def test_a_new_line_is_added_once_however_often_it_is_sent(asha, signed_in, report):
    client = signed_in(asha)
    place = address("add_line", report, report.structured_data[0]["id"])

    ids = {client.post(place, {"text": "Came alone.", "cid": "n1"}).json()["id"] for _ in range(2)}

    assert len(ids) == 1
    assert client.post(place, {"text": "Came alone."}).status_code == 422
    assert [line["text"] for line in all_sentences(reloaded(report).structured_data)].count("Came alone.") == 1


@pytest.mark.parametrize("verb", ["up", "down", "move", "split", "merge"])
def test_a_line_is_arranged_and_its_section_comes_back_open(asha, signed_in, report, verb):
    place = next(
        place
        for line in all_sentences(report.structured_data)
        if (place := find_sentence(report.structured_data, line["id"])).index > 0 and len(line["text"].split()) > 2
    )
    line_id, section = place.sentence["id"], place.section["id"]
    other = next(one["id"] for one in report.structured_data if one["id"] != section)
    values = {"verb": verb, "place": 2, f"to_{line_id}": other, "editing": section}

    response = signed_in(asha).post(address("arrange", report, line_id), values, headers=HTMX)

    page = response.content.decode()
    assert response.status_code == 200
    assert "data-section-form" in page
    assert 'hx-swap-oob="true"' in page
    assert f'id="section-{section}"' in page
    assert reloaded(report).revision == report.revision + 1


def test_a_quote_comes_back_with_its_place(asha, signed_in, report):
    segment = next(one for one in report.transcription.segments if "nausea" in one["text"])
    section = report.structured_data[0]["id"]
    values = {"segments": str(segment["id"]), "text": "some nausea", "section": section}

    page = signed_in(asha).post(address("insert_quote", report), values, headers=HTMX).content.decode()

    assert "The patient said: “some nausea”" in page
    assert f'data-ev="{segment["id"]}"' in page


def test_undo_and_redo_bring_the_section_back(asha, signed_in, report):
    line = line_about(report, "nausea")
    services.edit_sentence(report, line["id"], "Nausea, gone.", by=asha, at=report.updated_at)
    client = signed_in(asha)

    undone = client.post(address("undo", report), headers=HTMX).content.decode()
    redone = client.post(address("redo", report), headers=HTMX).content.decode()

    assert line["text"] in undone
    assert "Nausea, gone." not in undone
    assert "Nausea, gone." in redone
    assert client.post(address("redo", report), headers=HTMX).status_code == 409


def test_a_line_whose_adding_was_undone_is_not_listed_as_removed(asha, signed_in, report):
    at = report.updated_at
    report = services.add_sentence(report, report.structured_data[0]["id"], "Came alone.", by=asha, at=at)
    services.settle_sentence(report, line_about(report, "Came alone")["id"], "remove", by=asha, at=at)
    client = signed_in(asha)
    assert "<del>Came alone.</del>" in client.get(address("detail", report)).content.decode()

    for _ in range(2):
        client.post(address("undo", report), headers=HTMX)

    assert "<del>Came alone.</del>" not in client.get(address("detail", report)).content.decode()


def test_bullets_and_running_text(asha, signed_in, report):
    section = next(one for one in report.structured_data if one["sentences"])["id"]

    page = signed_in(asha).post(address("set_layout", report, section), {"layout": "bullets"}, headers=HTMX)

    assert "<ul>" in page.content.decode()


def test_two_windows_saving_whole_forms_meet_only_in_the_same_line(asha, signed_in, report):
    mine, theirs = line_about(report, "nausea"), line_about(report, "75 mg")
    services.edit_sentence(report, theirs["id"], "Up to 75 mg.", by=asha, at=report.updated_at)
    client = signed_in(asha)
    section = find_sentence(report.structured_data, mine["id"]).section["id"]
    place = f"{address('edit_section', report, section)}?line={mine['id']}"

    saved = client.post(place, {f"text_{mine['id']}": "Nausea, gone.", f"base_{mine['id']}": mine["text"]})
    refused = client.post(place, {f"text_{mine['id']}": "Mine.", f"base_{mine['id']}": mine["text"]}, headers=HTMX)

    assert saved.status_code == 302
    assert refused.status_code == 409
    assert text_of(report, mine["id"]) == "Nausea, gone."


def test_boxes_shown_before_a_line_was_added_say_nothing_about_it(asha, signed_in, report):
    section = report.structured_data[0]["id"]
    client = signed_in(asha)
    shown = {f"text_{line['id']}": line["text"] for line in all_sentences([report.structured_data[0]])}
    client.post(address("add_line", report, section), {"text": "Came alone.", "cid": "n1"})

    response = client.post(address("edit_section", report, section), shown, headers=HTMX)

    assert response.status_code == 200
    assert "Came alone." in [line["text"] for line in all_sentences(reloaded(report).structured_data)]


def doors(report):
    line = line_about(report, "nausea")["id"]
    section = report.structured_data[0]["id"]
    return [
        address("save_line", report, line),
        address("add_line", report, section),
        address("arrange", report, line),
        address("set_layout", report, section),
        address("insert_quote", report),
        address("undo", report),
        address("redo", report),
    ]


def test_strangers_the_desk_and_reading_are_refused(asha, ben, rita, signed_in, report):
    for door in doors(report):
        assert signed_in(ben).post(door).status_code == 404
        assert signed_in(rita).post(door).status_code == 403
        assert signed_in(asha).get(door).status_code == 405


def rewritable(report):
    return next(
        section
        for section in report.structured_data
        if sum(line["origin"] == "ai" and line.get("layout") != "item" for line in section["sentences"]) > 1
    )


def test_a_section_is_written_again_shown_with_its_changes_and_undone(asha, signed_in, report):
    section = rewritable(report)
    client = signed_in(asha)

    page = client.post(
        address("rewrite_section", report, section["id"]), {"instruction": "shorter"}, headers=HTMX
    ).content.decode()
    assert "Written again: shorter" in page
    assert "<del>" in page
    client.post(address("undo", report), headers=HTMX)

    again = next(one for one in reloaded(report).structured_data if one["id"] == section["id"])
    assert [line["text"] for line in again["sentences"]] == [line["text"] for line in section["sentences"]]


def test_a_rewrite_that_runs_is_waited_for_and_one_that_failed_says_so(asha, ben, signed_in, report):
    section = rewritable(report)
    rewrite = SectionRewrite.objects.create(
        report=report, section_id=section["id"], instruction="shorter", requested_by=asha
    )
    door = address("rewrite_state", report, rewrite.pk)

    assert signed_in(asha).get(door, headers=HTMX).status_code == 204
    assert signed_in(ben).get(door, headers=HTMX).status_code == 404
    SectionRewrite.objects.filter(pk=rewrite.pk).update(status="failed", finished_at=report.updated_at)
    assert signed_in(asha).get(door, headers=HTMX).status_code == 409


def test_an_empty_wish_is_answered_with_what_to_write(asha, signed_in, report):
    door = address("rewrite_section", report, rewritable(report)["id"])

    response = signed_in(asha).post(door, {"instruction": " "}, headers=HTMX)

    assert response.status_code >= 400
    assert "Say how the section should read" in response.headers["HX-Trigger"]


@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_a_change_of_another_window_between_two_reads_is_no_error(asha, signed_in, report, monkeypatch, verb):
    line = line_about(report, "nausea")
    at = report.updated_at
    empty = reloaded(report)
    services.edit_sentence(report, line["id"], "Nausea, gone.", by=asha, at=at)
    if verb == "redo":
        services.undo(reloaded(report), by=asha, at=at)
    client = signed_in(asha)
    monkeypatch.setattr("reports.editing.views.get_report", _reads_first(empty))

    page = client.post(address(verb, report), headers=HTMX)

    assert page.status_code == 200
    assert ("Nausea, gone." in page.content.decode()) == (verb == "redo")
    monkeypatch.setattr("reports.editing.views.get_report", _reads_first(reloaded(report)))
    assert client.post(address(verb, report), headers=HTMX).status_code == 409


def _reads_first(stale):
    """Return a reading that gives the draft as it was before, then as it is."""
    waiting = [stale]
    return lambda request, pk: waiting.pop() if waiting else get_report(request, pk)
