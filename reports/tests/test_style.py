"""What a doctor edits again and again becomes a rule she can read, switch, take back; never anything about anybody."""

import pytest
from django.urls import reverse

from patients.tests.factories import make_patient
from reports import services
from reports.content import all_sentences, find_section
from reports.models import Report, StyleRule
from reports.pages.style import rule_words
from reports.services import history, style
from reports.style import learning as style_learning
from reports.style.learning import Edit, KeptLine
from reports.tests.factories import clinic_template, line_about, make_report, make_written_session, reloaded
from reports.tests.test_refreshing import finish_words, make_provisional, refresh
from sessions_app.models import ConsultationSession
from synapse.audit.models import AuditSubject
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db


def edits_of(pairs, section="Subjective", names=()):
    return [
        Edit(str(place), f"s{place}", "t", section, before, after, names=frozenset(names))
        for place, (before, after) in enumerate(pairs)
    ]


def rules_of(edits, kept=()):
    return [(proposal.kind, proposal.rule) for proposal in style_learning.learn(edits, kept)]


def swapped(old, new, count=3):
    lines = ["Today the {} reports poor sleep.", "So the {} feels tense at work.", "Then the {} slept well again here."]
    return edits_of([(line.format(old), line.format(new)) for line in lines[:count]])


def test_three_edits_that_agree_make_a_wording_rule_and_two_do_not():
    assert rules_of(swapped("patient", "client")) == [("wording", {"from": "patient", "to": "client"})]
    assert rules_of(swapped("patient", "client", count=2)) == []


def test_edits_that_disagree_make_none():
    other = edits_of([("Now the patient is calm here.", "Now the patient is quite calm here.")] * 2)
    assert rules_of([*swapped("patient", "client"), *other]) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Kavya", "Meera"),
        ("left", "right"),
        ("sertraline", "fluoxetine"),
        ("two", "three"),
        ("50", "75"),
        ("he", "she"),
        ("denies", "reports"),
        ("mother", "guardian"),
        ("suicidal", "low"),
    ],
)
def test_names_numbers_drugs_sides_and_negations_never_become_rules(old, new):
    assert rules_of(swapped(old, new)) == []


def test_a_name_of_the_people_is_no_rule_even_in_small_letters():
    lines = [(f"{word} the rose reports poor sleep.", f"{word} the client reports poor sleep.") for word in "ABC"]
    assert rules_of(edits_of(lines, names=["rose"])) == []
    assert rules_of(edits_of(lines)) == [("wording", {"from": "rose", "to": "client"})]


def test_a_section_made_shorter_again_and_again_is_a_rule():
    line = "She has been sleeping rather badly for most of the nights lately."
    edits = edits_of([(line, "She sleeps badly."), (f"Also {line}", "Sleeps badly now."), (f"So {line}", "Bad sleep.")])
    assert ("length", {"section": "Subjective", "length": "shorter"}) in rules_of(edits)


def test_lines_of_one_kind_removed_again_and_again_are_a_rule_unless_they_speak_of_harm():
    removed = edits_of([("She arrived on time today.", None)] * 3)
    harm = edits_of([("She denies suicidal thoughts today.", None)] * 3)
    kept = [KeptLine("Subjective", "She arrived on time as always.")] * 2

    assert rules_of(removed) == [("leave_out", {"section": "Subjective", "opening": "she arrived on"})]
    assert rules_of(removed, kept) == []
    assert rules_of(harm) == []


@pytest.fixture
def learned(asha, now):
    """Three reports in which Asha wrote the same word otherwise and set the plan as bullets."""
    for _ in range(3):
        report = make_report(asha, template=clinic_template("soap"))
        line = line_about(report, "wakes up")
        report = services.edit_sentence(report, line["id"], line["text"].replace("maybe", "perhaps"), by=asha, at=now)
        assert line["text"] != line_about(report, "perhaps")["text"]
    return services.learn_rules(asha, at=now)


def test_rules_are_learned_from_the_log_proposed_off_and_not_twice(asha, ben, now, learned):
    assert [rule_words(rule) for rule in learned] == ["Write “perhaps” instead of “maybe”"]
    rule = learned[0]
    assert (rule.is_on, rule.template.slug, len(rule.sources)) == (False, "soap", 3)
    assert services.learn_rules(asha, at=now) == []
    services.remove_rule(rule, by=asha, at=now)
    assert services.learn_rules(asha, at=now) == []
    assert services.learn_rules(ben, at=now) == []


def test_what_was_undone_teaches_nothing(asha, now, learned):
    report = make_report(asha)
    line = line_about(report, "nausea")
    report = services.edit_sentence(report, line["id"], "Nausea.", by=asha, at=now)
    report = services.undo(report, by=asha, at=now)

    assert list(style._edits_of(report, asha)) == []


def rule_of(doctor, kind, **values):
    return StyleRule.objects.create(doctor=doctor, kind=kind, rule=values, is_on=True)


def test_a_rule_is_used_for_what_is_written_next_and_citations_stay(asha, now):
    before = line_about(make_report(asha, template=clinic_template("soap")), "wakes up")
    rule = rule_of(asha, "wording", **{"from": "maybe", "to": "perhaps"})

    report = make_report(asha, template=clinic_template("soap"))

    line = line_about(report, "perhaps")
    assert [place["quote"] for place in line["evidence"]] == [place["quote"] for place in before["evidence"]]
    assert report.applied_rules == [str(rule.pk)]
    assert not report.manually_edited
    assert "perhaps" in report.generated_content
    assert history.touched_ids(report.manual_corrections) == set()


def test_a_rule_that_is_off_or_of_a_colleague_or_another_template_is_not_used(asha, ben, now):
    rule_of(ben, "wording", **{"from": "maybe", "to": "perhaps"})
    off = rule_of(asha, "wording", **{"from": "maybe", "to": "perhaps"})
    services.switch_rule(off, is_on=False, by=asha, at=now)
    other = rule_of(asha, "wording", **{"from": "maybe", "to": "perhaps"})
    StyleRule.objects.filter(pk=other.pk).update(template=clinic_template("dap"))

    assert make_report(asha, template=clinic_template("soap")).applied_rules == []


def test_a_rule_that_would_cost_a_line_its_support_leaves_it_alone(asha):
    rule_of(asha, "wording", **{"from": "sertraline", "to": "lithium"})

    report = make_report(asha, template=clinic_template("soap"))

    assert not any("lithium" in line["text"].lower() for line in all_sentences(report.structured_data))


def test_bullets_and_left_out_lines(asha):
    rule_of(asha, "layout", section="Subjective", layout="bullets")
    opening = style_learning.opening_of(
        line_about(make_report(asha, template=clinic_template("soap")), "wakes")["text"]
    )
    rule_of(asha, "leave_out", section="Subjective", opening=opening)

    report = make_report(asha, template=clinic_template("soap"))

    section = find_section(report.structured_data, "subjective")
    assert {line["layout"] for line in section["sentences"]} <= {"item", "heading"}
    assert not any("wakes" in line["text"] for line in section["sentences"])
    assert len(report.applied_rules) == 2


def test_rules_are_taken_back_for_one_report_except_where_the_doctor_went_on(asha, now):
    plain = make_report(asha, template=clinic_template("soap"))
    rule_of(asha, "layout", section="Subjective", layout="bullets")
    rule_of(asha, "wording", **{"from": "maybe", "to": "perhaps"})
    report = make_report(asha, template=clinic_template("soap"))
    mine = line_about(report, "nausea")
    report = services.edit_sentence(report, mine["id"], "Nausea, gone.", by=asha, at=now)

    report = reloaded(services.take_rules_back(report, by=asha, at=now))

    texts = [line["text"] for line in all_sentences(report.structured_data)]
    expected = [line["text"] for line in all_sentences(plain.structured_data)]
    assert texts == ["Nausea, gone." if text == mine["text"] else text for text in expected]
    assert report.applied_rules == []


def test_a_refresh_keeps_the_style_and_the_doctors_own_lines_out_of_it(asha, now):
    rule_of(asha, "wording", **{"from": "maybe", "to": "perhaps"})
    report = make_provisional(asha)
    mine = line_about(report, "nausea")
    services.edit_sentence(report, mine["id"], "Nausea, maybe less now.", by=asha, at=now)

    finish_words(report)
    report = refresh(report)

    texts = [line["text"] for line in all_sentences(report.structured_data)]
    assert "Nausea, maybe less now." in texts
    assert sum("perhaps" in text for text in texts) == 1
    assert len(report.applied_rules) == 1


def test_only_its_doctor_changes_a_rule(asha, ben, now):
    rule = rule_of(asha, "layout", section="Plan", layout="bullets")

    with pytest.raises(NotAllowed):
        services.switch_rule(rule, is_on=False, by=ben, at=now)
    services.remove_rule(rule, by=asha, at=now)
    with pytest.raises(Conflict):
        services.switch_rule(rule, is_on=True, by=asha, at=now)
    assert services.restore_rule(rule, by=asha, at=now).removed_at is None


def test_the_doors_of_style(asha, ben, rita, signed_in, learned):
    rule = learned[0]
    client = signed_in(asha)
    page, door = reverse("reports:style"), reverse("reports:style_change", args=[rule.pk])

    assert "Write “perhaps” instead of “maybe”" in client.get(page).content.decode()
    assert client.post(door, {"verb": "on"}).status_code == 302
    report = make_report(asha, session=make_written_session(asha), template=clinic_template("soap"))
    shown = client.get(reverse("reports:detail", args=[report.pk])).content.decode()
    assert "1 of your rules was used" in shown
    assert client.post(reverse("reports:style_take_back", args=[report.pk])).status_code == 302
    assert reloaded(report).applied_rules == []
    assert client.post(door, {"verb": "nonsense"}).status_code == 422
    assert client.post(reverse("reports:style_learn")).status_code == 302
    assert signed_in(ben).post(door, {"verb": "on"}).status_code == 404
    assert signed_in(rita).get(page).status_code == 403
    assert signed_in(asha).get(door).status_code == 405


def test_edits_are_quoted_only_while_their_report_is_open_to_the_doctor(asha, ben, signed_in, learned):
    client, page = signed_in(asha), reverse("reports:style")
    first, second, third = Report.objects.filter(pk__in=[source["report"] for source in learned[0].sources])
    quoted = {str(report.pk) for report in (first, second, third)}
    patients = {report.session.patient_id for report in (first, second, third)}

    def shown():
        text = client.get(page).content.decode()
        assert "Write “perhaps” instead of “maybe”" in text
        return {pk for pk in quoted if pk in text}

    assert shown() == quoted
    Report.objects.filter(pk=first.pk).update(erased_at=first.created_at)
    ConsultationSession.objects.filter(pk=second.session_id).update(patient=make_patient(ben), doctor=ben)
    assert shown() == {str(third.pk)}
    assert set(AuditSubject.objects.values_list("patient_id", flat=True)) == patients
