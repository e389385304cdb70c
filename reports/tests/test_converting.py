"""A report in another form, the usual form of each kind, and two versions side by side."""

import pytest
from django.urls import reverse

from reports import queries, services
from reports.content import all_sentences, find_sentence, walk
from reports.models import Report
from reports.services import history
from reports.tests.factories import clinic_template, line_about, make_report, reloaded
from reports.tests.test_refreshing import make_provisional
from reports.versions import comparing
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture
def soap(asha):
    return make_report(asha, template=clinic_template("soap"))


def convert(report, slug, *, by, now, **values):
    return reloaded(services.convert_report(report, clinic_template(slug), by=by, at=now, **values))


def mood_only(doctor, now):
    """Make a template that has room for next to nothing."""
    section = {"id": "mood", "title": "Mood", "maps_to": ["mood"]}
    return services.create_template(name="Mood only", structure={"sections": [section]}, by=doctor, at=now)


def texts(report):
    return [line["text"] for line in all_sentences(report.structured_data)]


def place_of(report, sentence_id):
    return find_sentence(report.structured_data, sentence_id)


@pytest.mark.parametrize("slug", ["dap", "birp", "pie", "psychiatry_followup", "intake", "mse"])
def test_no_line_is_dropped_and_each_keeps_words_and_citation(asha, now, soap, slug):
    converted = convert(soap, slug, by=asha, now=now)

    carried = {line["id"]: line for line in all_sentences(converted.structured_data)}
    aside = {line["id"]: line for line in converted.unassigned}
    for line in all_sentences(soap.structured_data):
        if line["origin"] == "template":
            continue
        now_at = carried.get(line["id"]) or aside[line["id"]]
        assert now_at["text"] == line["text"]
        assert now_at["evidence"] == line["evidence"]
        assert now_at["support"] == line["support"]
    ids = [line["id"] for line in all_sentences(converted.structured_data)]
    assert len(ids) == len(set(ids))


def test_the_plan_goes_under_plan_and_what_was_told_under_data(asha, now, soap):
    dose, told = line_about(soap, "75 mg"), line_about(soap, "wakes up")

    converted = convert(soap, "dap", by=asha, now=now)

    assert place_of(converted, dose["id"]).section["title"] == "Plan"
    assert place_of(converted, told["id"]).section["title"] == "Data"


def test_what_the_doctor_wrote_changed_and_confirmed_stays_word_for_word(asha, now, soap):
    line = line_about(soap, "nausea")
    soap = services.edit_sentence(soap, line["id"], "Nausea in week 1, gone since.", by=asha, at=now)
    soap = services.add_sentence(soap, "plan", "Bring the sister next time.", by=asha, at=now)
    kept = line_about(soap, "depression")
    soap = services.settle_sentence(soap, kept["id"], "confirm", by=asha, at=now)

    converted = convert(soap, "dap", by=asha, now=now)

    edited = place_of(converted, line["id"])
    assert (edited.section["title"], edited.sentence["origin"]) == ("Data", "doctor")
    assert texts(converted).count("Nausea in week 1, gone since.") == 1
    assert not any("had some nausea" in text for text in texts(converted))
    added = line_about(converted, "Bring the sister")
    assert (place_of(converted, added["id"]).section["title"], added["support"]) == ("Plan", "confirmed")
    assert place_of(converted, kept["id"]).sentence["support"] == "confirmed"


def test_a_removed_line_does_not_come_back(asha, now, soap):
    line = line_about(soap, "nausea")
    soap = services.settle_sentence(soap, line["id"], "remove", by=asha, at=now)

    assert line["text"] not in texts(convert(soap, "dap", by=asha, now=now))


def test_headings_that_stay_empty_are_filled_from_the_transcript(asha, now):
    mood = make_report(asha, template=mood_only(asha, now))
    assert not any("75 mg" in text for text in texts(mood))

    converted = convert(mood, "soap", by=asha, now=now)

    assert any("75 mg" in text for text in texts(converted))


def test_the_old_version_stays_and_the_new_one_says_where_it_comes_from(asha, now, soap):
    before = soap.structured_data
    converted = convert(soap, "dap", by=asha, now=now)

    assert converted.converted_from == soap
    assert (converted.version, converted.is_draft) == (soap.version + 1, True)
    assert reloaded(soap).structured_data == before


def test_a_signed_report_converts_to_a_new_draft_and_stays_signed(asha, now):
    signed = make_report(asha, template=clinic_template("soap"), status="signed")

    converted = convert(signed, "dap", by=asha, now=now)

    assert converted.is_draft
    assert reloaded(signed).is_signed


def test_undo_does_not_reach_into_the_report_it_was_made_from(asha, now, soap):
    line = line_about(soap, "nausea")
    soap = services.edit_sentence(soap, line["id"], "Nausea.", by=asha, at=now)
    converted = convert(soap, "dap", by=asha, now=now)

    with pytest.raises(history.NothingToUndo):
        services.undo(converted, by=asha, at=now)


def test_what_fits_nowhere_can_be_inserted_as_it_was(asha, now, soap):
    soap = services.add_sentence(soap, "plan", "Bring the sister next time.", by=asha, at=now)
    converted = reloaded(services.convert_report(soap, mood_only(asha, now), by=asha, at=now))
    aside = next(line for line in converted.unassigned if line["text"].startswith("Bring"))
    section = next(section["id"] for section in walk(converted.structured_data) if not section["subsections"])

    converted = services.insert_finding(converted, services.finding_key(aside), section, by=asha, at=now)

    line = line_about(reloaded(converted), "Bring the sister")
    assert (line["origin"], line["support"]) == ("doctor", "confirmed")


def test_who_may_not_write_may_not_convert_and_live_words_wait(asha, rita, now, soap):
    with pytest.raises(NotAllowed):
        convert(soap, "dap", by=rita, now=now)
    with pytest.raises(Conflict, match="when it is final"):
        convert(make_provisional(asha), "dap", by=asha, now=now)


@pytest.mark.parametrize("kind", Report.Type.values)
def test_every_kind_of_report_is_written_from_one_transcript_in_its_usual_form(asha, now, soap, kind):
    report = services.request_report(soap.session, by=asha, at=now, report_type=kind)

    assert report.template == queries.template_for(asha, kind)
    assert report.version == (2 if kind == soap.report_type else 1)


def words(blocks, which):
    return sorted(text for block in blocks for pair in block.pairs if (text := getattr(pair, which)))


def test_every_line_of_both_versions_stands_in_one_pair(asha, now, soap):
    line = line_about(soap, "nausea")
    soap = services.edit_sentence(soap, line["id"], "She had nausea the first week only.", by=asha, at=now)
    converted = convert(soap, "dap", by=asha, now=now)
    converted = services.edit_sentence(converted, line["id"], "She had nausea in week one only.", by=asha, at=now)
    converted = services.add_sentence(converted, "plan", "Sleep hygiene sheet given.", by=asha, at=now)

    blocks = comparing.compare(soap.structured_data, converted.structured_data)

    assert words(blocks, "left") == sorted(texts(soap))
    assert words(blocks, "right") == sorted(texts(converted))
    changed = next(pair for block in blocks for pair in block.pairs if "nausea" in pair.right and pair.is_changed)
    assert changed.moved_from == "Subjective"
    assert [part.text for part in changed.parts if part.is_gone] == ["the first"]
    assert any(pair.is_new and pair.right.startswith("Sleep hygiene") for block in blocks for pair in block.pairs)


def test_the_doors_of_converting_and_comparing(asha, ben, rita, signed_in, soap):
    convert_door = reverse("reports:convert", args=[soap.pk])
    compare_door = reverse("reports:compare", args=[soap.pk])
    client = signed_in(asha)

    assert "There is only this version" in client.get(compare_door).content.decode()
    response = client.post(convert_door, {"template": str(clinic_template("dap").pk)})
    converted = Report.objects.get(converted_from=soap)
    assert response.url == reverse("reports:detail", args=[converted.pk])
    page = client.get(response.url).content.decode()
    assert "Converted from another form" in page
    page = client.get(reverse("reports:compare", args=[converted.pk])).content.decode()
    assert "from Subjective" in page
    other = make_report(asha)
    assert client.get(f"{compare_door}?with={other.pk}").status_code == 404
    for door, method in ((convert_door, "post"), (compare_door, "get")):
        assert getattr(signed_in(ben), method)(door).status_code == 404
        assert getattr(signed_in(rita), method)(door).status_code == 403
    assert signed_in(asha).get(convert_door).status_code == 405
