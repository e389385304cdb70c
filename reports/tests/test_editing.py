"""What a doctor does to a draft."""

import pytest
from django.utils import timezone

from reports import services
from reports.content import all_sentences, find_section, find_sentence
from reports.permissions import ReportSigned
from reports.tests.factories import UNSUPPORTED, first_sentence, make_report, make_unsupported, reloaded
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db


def sentence_of(report, sentence_id):
    place = find_sentence(report.structured_data, sentence_id)
    return place.sentence if place else None


def test_an_edit_keeps_the_evidence_and_checks_the_support_again(asha, now):
    report = make_report(asha)
    line = first_sentence(report)

    report = services.edit_sentence(report, line["id"], UNSUPPORTED, by=asha, at=now)

    edited = sentence_of(reloaded(report), line["id"])
    assert edited["text"] == UNSUPPORTED
    assert edited["origin"] == "doctor"
    assert edited["evidence"] == line["evidence"]
    assert edited["support"] == "unsupported"
    assert any("300" in flag["detail"] for flag in edited["flags"])
    assert UNSUPPORTED in reloaded(report).generated_content


def test_an_edit_that_follows_the_words_is_supported(asha, now):
    report = make_unsupported(make_report(asha), by=asha)
    line = next(line for line in all_sentences(report.structured_data) if line["support"] == "unsupported")

    report = services.edit_sentence(report, line["id"], line["evidence"][-1]["quote"], by=asha, at=now)

    assert sentence_of(report, line["id"])["support"] == "supported"


def test_an_edit_with_the_same_words_changes_nothing(asha, now):
    report = make_report(asha)
    line = first_sentence(report)

    again = services.edit_sentence(report, line["id"], f"  {line['text']} ", by=asha, at=now)

    assert again.revision == report.revision
    assert sentence_of(again, line["id"])["origin"] == "ai"


def test_an_edit_based_on_an_older_state_is_refused(asha, now):
    report = make_report(asha)
    line = first_sentence(report)
    services.edit_sentence(report, line["id"], "Something else.", by=asha, at=now, revision=report.revision)

    with pytest.raises(services.StaleRevision):
        services.edit_sentence(report, line["id"], "Yet another.", by=asha, at=now, revision=report.revision)

    assert sentence_of(reloaded(report), line["id"])["text"] == "Something else."


def test_a_draft_that_changed_while_it_was_checked_is_not_overwritten(asha, now, monkeypatch):
    report = make_report(asha)
    line = first_sentence(report)
    other = next(entry for entry in all_sentences(report.structured_data) if entry["id"] != line["id"])
    checked = services.editing.check_support

    def meanwhile(draft, sentence):
        monkeypatch.setattr(services.editing, "check_support", checked)
        services.settle_sentence(report, other["id"], "remove", by=asha, at=now)
        checked(draft, sentence)

    monkeypatch.setattr(services.editing, "check_support", meanwhile)

    report = services.edit_sentence(report, line["id"], "Something else.", by=asha, at=now)

    stored = reloaded(report)
    assert sentence_of(stored, line["id"])["text"] == "Something else."
    assert sentence_of(stored, other["id"]) is None


@pytest.mark.parametrize("text", ["", "   \n ", "x" * 2_001])
def test_a_sentence_without_words_or_far_too_long_is_refused(asha, now, text):
    report = make_report(asha)

    with pytest.raises(services.UnusableSentence):
        services.edit_sentence(report, first_sentence(report)["id"], text, by=asha, at=now)


def test_a_confirmed_line_stands_on_the_doctors_word_and_can_be_checked_again(asha, now):
    report = make_unsupported(make_report(asha), by=asha)
    line = next(line for line in all_sentences(report.structured_data) if line["support"] == "unsupported")

    report = services.settle_sentence(report, line["id"], "confirm", by=asha, at=now)
    confirmed = sentence_of(report, line["id"])["support"]
    report = services.settle_sentence(report, line["id"], "restore", by=asha, at=now)

    assert confirmed == "confirmed"
    assert sentence_of(report, line["id"])["support"] == "unsupported"


def test_a_removed_line_leaves_the_text_and_comes_back_where_it_stood(asha, now):
    report = make_report(asha)
    before = [line["id"] for line in all_sentences(report.structured_data)]
    line = first_sentence(report)

    report = services.settle_sentence(report, line["id"], "remove", by=asha, at=now)
    gone = sentence_of(report, line["id"])
    text_without = report.generated_content
    report = services.settle_sentence(report, line["id"], "restore", by=asha, at=now)

    assert gone is None
    assert line["text"] not in text_without
    assert [entry["id"] for entry in all_sentences(report.structured_data)] == before


def test_a_section_that_lost_its_last_line_is_not_discussed(asha, now):
    report = make_report(asha)
    section = next(section for section in report.structured_data if len(section["sentences"]) == 1)

    report = services.settle_sentence(report, section["sentences"][0]["id"], "remove", by=asha, at=now)

    assert find_section(report.structured_data, section["id"])["status"] == "not_discussed"


def test_a_doctors_own_sentence_stands_on_their_word(asha, now):
    report = make_report(asha)

    report = services.add_sentence(report, "substance_use", "Drinks no alcohol.", by=asha, at=now)

    section = find_section(report.structured_data, "substance_use")
    (line,) = section["sentences"]
    assert (line["origin"], line["support"], line["evidence"]) == ("doctor", "confirmed", [])
    assert section["status"] == "documented"


def test_a_doctors_own_sentence_shows_where_it_was_said(asha, now):
    report = services.add_sentence(make_report(asha), "plan", "She continues the sleep diary.", by=asha, at=now)
    added = find_section(report.structured_data, "plan")["sentences"][-1]

    report = services.edit_sentence(report, added["id"], "The aquarium was visited.", by=asha, at=now)

    assert [place["quote"] for place in added["evidence"]] != []
    assert sentence_of(report, added["id"])["evidence"] == []


def test_changing_ones_own_sentence_keeps_it_confirmed(asha, now):
    report = services.add_sentence(make_report(asha), "substance_use", "Drinks no alcohol.", by=asha, at=now)
    line = find_section(report.structured_data, "substance_use")["sentences"][0]

    report = services.edit_sentence(report, line["id"], "Drinks little alcohol.", by=asha, at=now)

    assert sentence_of(report, line["id"])["support"] == "confirmed"


def test_an_uncited_line_of_the_writer_does_not_become_the_doctors_word_by_editing(asha, now):
    report = make_report(asha)
    line = first_sentence(report)
    sections = report.structured_data
    find_sentence(sections, line["id"]).sentence["evidence"] = []
    report.structured_data = sections
    report.save(update_fields=["structured_data"])

    for text in ("Once changed.", "Twice changed."):
        report = services.edit_sentence(report, line["id"], text, by=asha, at=now)

    assert sentence_of(report, line["id"])["support"] == "unsupported"


def test_ids_of_removed_sentences_are_not_used_again(asha, now):
    report = services.add_sentence(make_report(asha), "substance_use", "One.", by=asha, at=now)
    first = find_section(report.structured_data, "substance_use")["sentences"][0]["id"]
    report = services.settle_sentence(report, first, "remove", by=asha, at=now)

    report = services.add_sentence(report, "substance_use", "Two.", by=asha, at=now)

    assert find_section(report.structured_data, "substance_use")["sentences"][0]["id"] != first


def test_a_removed_fact_shows_as_left_out_and_is_put_back_with_its_citation(asha, now):
    report = make_report(asha)
    line = next(line for line in all_sentences(report.structured_data) if "nausea" in line["text"])
    report = services.settle_sentence(report, line["id"], "remove", by=asha, at=now)
    finding = next(entry for entry in report.missing if "nausea" in entry["text"].lower())

    report = services.insert_finding(
        report, services.finding_key(finding), "medication_response", by=asha, at=now, revision=report.revision
    )

    inserted = find_section(report.structured_data, "medication_response")["sentences"][-1]
    assert inserted["evidence"][-1]["segment"] == finding["segment"]
    assert inserted["evidence"][-1]["quote"] == finding["quote"]
    assert inserted["support"] == "supported"
    assert not any("nausea" in entry["text"].lower() for entry in report.missing)


def test_an_unassigned_finding_is_put_into_a_section(asha, now):
    report = make_report(asha)
    line = first_sentence(report)
    report.unassigned = [{**line, "id": "u1", "text": "Likes to walk."}]
    report.save(update_fields=["unassigned"])

    key = services.finding_key(report.unassigned[0])
    report = services.insert_finding(report, key, "interval_history", by=asha, at=now)

    assert report.unassigned == []
    inserted = find_section(report.structured_data, "interval_history")["sentences"][-1]
    assert inserted["text"] == "Likes to walk."
    assert inserted["support"] != "confirmed"


def test_an_unknown_finding_is_refused(asha, now):
    with pytest.raises(services.NotInReport):
        services.insert_finding(make_report(asha), "1-abcdef", "plan", by=asha, at=now)


def test_several_changes_come_together_or_not_at_all(asha, now):
    report = make_report(asha)
    first, second, third, *_ = all_sentences(report.structured_data)

    with pytest.raises(services.NotInReport):
        services.apply_changes(
            report, [{"id": first["id"], "removed": True}, {"id": "nothing", "text": "x"}], by=asha, at=now
        )
    assert sentence_of(reloaded(report), first["id"]) is not None

    report = services.apply_changes(
        report,
        [
            {"id": first["id"], "removed": True},
            {"id": second["id"], "text": UNSUPPORTED},
            {"id": third["id"], "support": "confirmed"},
            {"section": "substance_use", "text": "Does not smoke."},
        ],
        by=asha,
        at=now,
        notes="Heard it again.",
    )
    stored = reloaded(report)
    assert sentence_of(stored, first["id"]) is None
    assert sentence_of(stored, second["id"])["support"] == "unsupported"
    assert sentence_of(stored, third["id"])["support"] == "confirmed"
    assert "Does not smoke." in stored.generated_content
    assert stored.correction_notes == "Heard it again."
    assert stored.manually_edited


def test_a_change_that_says_nothing_is_refused(asha, now):
    report = make_report(asha)

    with pytest.raises(services.UnusableSentence):
        services.apply_changes(report, [{"id": first_sentence(report)["id"]}], by=asha, at=now)


def test_sections_are_marked_read_one_by_one_and_the_last_one_makes_it_reviewed(asha, now):
    report = make_report(asha)
    *some, last = [section["id"] for section in report.structured_data]

    for section_id in some:
        report = services.mark_section_checked(report, section_id, by=asha, at=now)
    before = report.reviewed_at
    report = services.mark_section_checked(report, last, by=asha, at=now)
    after = (report.reviewed_by, report.reviewed_at)
    report = services.mark_section_checked(report, last, is_checked=False, by=asha, at=now)

    assert before is None
    assert after == (asha, now)
    assert reloaded(report).reviewed_at is None


def test_an_unknown_section_is_not_marked(asha, now):
    with pytest.raises(services.NotInReport):
        services.mark_section_checked(make_report(asha), "nothing", by=asha, at=now)


def test_a_signed_report_is_not_edited(asha, now):
    report = make_report(asha, status="signed")

    with pytest.raises(ReportSigned) as refused:
        services.edit_sentence(report, first_sentence(report)["id"], "Other words.", by=asha, at=now)

    assert refused.value.status == 409


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_report_without_a_draft_is_not_edited(asha, now, status):
    report = make_report(asha, status=status)

    with pytest.raises(Conflict):
        services.add_sentence(report, "plan", "Words.", by=asha, at=now)


@pytest.mark.parametrize("who", ["rita", "omar"])
def test_only_doctors_edit(asha, request, who, now):
    report = make_report(asha)

    with pytest.raises(NotAllowed):
        services.add_sentence(report, "plan", "Words.", by=request.getfixturevalue(who), at=now)


def test_every_change_leaves_a_trace_without_words(asha, now):
    report = make_report(asha)
    line = first_sentence(report)

    services.edit_sentence(report, line["id"], UNSUPPORTED, by=asha, at=now)

    event = AuditEvent.objects.filter(target_id=str(report.pk)).latest("seq")
    assert (event.action, event.detail) == ("update", {"verb": "edit_sentence"})
    assert event.patient_id == report.session.patient_id
    (entry,) = reloaded(report).manual_corrections
    assert (entry["before"]["text"], entry["after"]["text"]) == (line["text"], UNSUPPORTED)
    assert entry["by"] == str(asha.pk)
    assert timezone.datetime.fromisoformat(entry["at"]) == now
