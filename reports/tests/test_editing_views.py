"""A draft changed line by line in a browser's requests."""

import pytest

from reports import services
from reports.content import all_sentences, find_sentence
from reports.tests.addresses import HTMX, address
from reports.tests.factories import (
    UNSUPPORTED,
    first_sentence,
    make_report,
    reloaded,
)

pytestmark = pytest.mark.django_db


def test_the_lines_of_a_section_open_as_text_boxes(asha, signed_in):
    report = make_report(asha)
    line = first_sentence(report)
    section = next(entry for entry in report.structured_data if line in entry["sentences"])
    client = signed_in(asha)

    fragment = client.get(address("edit_section", report, section["id"]), headers=HTMX)
    whole = client.get(address("edit_section", report, section["id"]), follow=True)

    assert f'name="text_{line["id"]}"' in fragment.content.decode()
    assert "<html" not in fragment.content.decode()
    assert f'name="text_{line["id"]}"' in whole.content.decode()


def test_an_edit_answers_with_its_section_and_what_follows_from_it(asha, signed_in):
    report = make_report(asha)
    line = first_sentence(report)
    section = next(entry for entry in report.structured_data if line in entry["sentences"])

    response = signed_in(asha).post(
        f"{address('edit_section', report, section['id'])}?line={line['id']}",
        {f"text_{line['id']}": UNSUPPORTED, "revision": report.revision},
        headers=HTMX,
    )

    page = response.content.decode()
    assert response.status_code == 200
    assert "Lithium is not in the cited words" in page
    assert f'name="revision" value="{report.revision + 1}" hx-swap-oob="true"' in page
    assert 'id="signbar" hx-swap-oob="true"' in page
    assert find_sentence(reloaded(report).structured_data, line["id"]).sentence["text"] == UNSUPPORTED


def test_without_script_an_edit_leads_back_to_its_section(asha, signed_in):
    report = make_report(asha)
    section = report.structured_data[0]

    response = signed_in(asha).post(
        address("edit_section", report, "substance_use"), {"new_substance_use": "Does not drink."}
    )

    assert response.url == f"{address('detail', report)}#section-substance_use"
    assert "Does not drink." in reloaded(report).generated_content
    assert section["id"] != "substance_use"


def test_an_emptied_line_comes_back_with_its_error(asha, signed_in):
    report = make_report(asha)
    line = first_sentence(report)
    section = next(entry for entry in report.structured_data if line in entry["sentences"])
    path = f"{address('edit_section', report, section['id'])}?line={line['id']}"

    refused = signed_in(asha).post(path, {f"text_{line['id']}": ""}, headers=HTMX)
    removed = signed_in(asha).post(path, {f"text_{line['id']}": "", f"removed_{line['id']}": "on"}, headers=HTMX)

    assert refused.status_code == 422
    assert "Write the line, or tick Remove." in refused.content.decode()
    assert removed.status_code == 200
    assert find_sentence(reloaded(report).structured_data, line["id"]) is None


def test_an_edit_of_an_older_state_is_refused_with_a_sentence(asha, signed_in, now):
    report = make_report(asha)
    services.add_sentence(report, "plan", "More.", by=asha, at=now)

    response = signed_in(asha).post(
        address("settle", report, first_sentence(report)["id"]),
        {"verdict": "remove", "revision": report.revision},
        headers=HTMX,
    )

    assert response.status_code == 409
    assert "Reload the page" in response["HX-Trigger"]


@pytest.mark.parametrize(("verdict", "support"), [("confirm", "confirmed"), ("remove", None)])
def test_a_line_is_settled(asha, signed_in, verdict, support):
    report = make_report(asha, with_unsupported=True)
    line = next(entry for entry in all_sentences(report.structured_data) if entry["support"] == "unsupported")

    response = signed_in(asha).post(address("settle", report, line["id"]), {"verdict": verdict}, headers=HTMX)

    assert response.status_code == 200
    place = find_sentence(reloaded(report).structured_data, line["id"])
    assert (place.sentence["support"] if place else None) == support
    if verdict == "remove":
        assert "Restore" in response.content.decode()


def test_an_unknown_verdict_or_line_is_refused(asha, signed_in):
    report = make_report(asha)
    client = signed_in(asha)

    assert client.post(address("settle", report, "s1"), {"verdict": "eat"}).status_code == 422
    assert client.post(address("settle", report, "s999"), {"verdict": "remove"}).status_code == 404


def test_a_section_is_marked_and_unmarked(asha, signed_in):
    report = make_report(asha)
    section = report.structured_data[0]["id"]
    client = signed_in(asha)

    client.post(address("check_section", report, section), {"checked": "on"}, headers=HTMX)
    checked = reloaded(report).checked_sections
    client.post(address("check_section", report, section), {}, headers=HTMX)

    assert checked == [section]
    assert reloaded(report).checked_sections == []


def test_what_was_left_out_is_inserted_with_one_press(asha, signed_in, now):
    report = make_report(asha)
    line = next(entry for entry in all_sentences(report.structured_data) if "nausea" in entry["text"])
    report = services.settle_sentence(report, line["id"], "remove", by=asha, at=now)
    key = next(services.finding_key(entry) for entry in report.missing if "nausea" in entry["text"].lower())

    response = signed_in(asha).post(
        address("insert_finding", report, key), {"section": "medication_response"}, headers=HTMX
    )

    assert response.status_code == 200
    assert 'id="section-medication_response"' in response.content.decode()
    assert any("nausea" in entry["text"].lower() for entry in all_sentences(reloaded(report).structured_data))
