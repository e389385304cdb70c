"""The note audit, rule by rule, and its doors."""

from datetime import timedelta

import pytest
from django.urls import reverse

from reports import note_audit
from reports.note_audit import readings
from reports.note_audit.notes import Note
from reports.tests.factories import make_report

TOPICS = {
    "subjective": ("history",),
    "risk": ("risk",),
    "goals": ("goals",),
    "interventions": ("interventions",),
    "assessment": ("assessment",),
    "plan": ("plan", "follow_up"),
}
GOOD = {
    "subjective": ["She avoids the office and misses work twice a week because of panic."],
    "risk": ["She denies thoughts of suicide when asked."],
    "goals": ["Return to the office by March."],
    "interventions": ["Graded exposure to the office was practised."],
    "assessment": ["Panic disorder, improving; she was engaged."],
    "plan": ["Start sertraline 50 mg every morning.", "Next session in 2 weeks."],
}


def note_with(changes: dict[str, list[str]] | None = None, **fields) -> Note:
    """Return a note that meets every rule, with sections replaced and facts set."""
    lines = {**GOOD, **(changes or {})}
    number = iter(range(1, 100))
    sections = [
        {
            "id": section,
            "title": section.capitalize(),
            "status": "documented" if texts else "not_discussed",
            "sentences": [
                {
                    "id": f"s{next(number)}",
                    "text": text,
                    "origin": "ai",
                    "evidence": [],
                    "support": "supported",
                    "flags": [],
                }
                for text in texts
            ],
            "subsections": [],
        }
        for section, texts in lines.items()
    ]
    return Note(sections=sections, topics=TOPICS, **fields)


def unmet(note: Note) -> dict[str, tuple[str, str]]:
    return {entry.rule.id: (entry.message, entry.section_id) for entry in note_audit.audit(note).unmet}


def test_a_note_that_has_everything_meets_every_rule():
    outcome = note_audit.audit(note_with(billing_code="90834", minutes=45, days_allowed=3))

    assert outcome.unmet == ()
    assert outcome.met == outcome.asked >= 10


@pytest.mark.parametrize(
    ("rule", "note", "section"),
    [
        ("medical_necessity", note_with({"assessment": [], "subjective": ["She talked of her garden."]}), "assessment"),
        ("intervention_named", note_with({"interventions": [], "goals": []}), "interventions"),
        ("intervention_and_goal", note_with({"interventions": ["Breathing was taught."]}), "interventions"),
        (
            "response",
            note_with({"assessment": ["Panic disorder."], "interventions": ["Exposure to the office."]}),
            "plan",
        ),
        ("follow_up", note_with({"plan": []}), "plan"),
        ("risk_addressed", note_with({"risk": []}), "risk"),
        ("crisis_risk", note_with({"risk": []}, billing_code="90839", minutes=45), "risk"),
        ("crisis_risk", note_with({"risk": []}, template_slug="safety_plan"), "risk"),
        ("risk_plan", note_with(risk_statements=[{"disposition": "current"}]), "risk"),
        ("medication_dose", note_with({"plan": ["Increase sertraline.", "Next session in 2 weeks."]}), "plan"),
        ("required_sections", note_with(unfilled=(("plan", "Plan"),)), "plan"),
        ("telehealth", note_with(is_telehealth=True), "plan"),
        ("time_and_code", note_with(billing_code="90837", minutes=43), ""),
        ("time_and_code", note_with(billing_code="90832", minutes=43), ""),
        ("unsigned", note_with(days_unsigned=4, days_allowed=3), ""),
        (
            "copied_note",
            note_with(previous_lines=tuple(line for lines in GOOD.values() for line in lines)),
            "subjective",
        ),
    ],
)
def test_a_rule_that_is_not_met_says_so_and_where(rule, note, section):
    message, place = unmet(note)[rule]

    assert message.endswith(".")
    assert place == section


def test_a_plan_with_time_in_another_section_needs_no_section_of_its_own():
    note = note_with({"plan": [], "assessment": ["Panic disorder, engaged; seen again in 2 weeks."]})

    assert "follow_up" not in unmet(note)


def test_a_crisis_note_that_only_says_not_assessed_has_not_assessed_risk():
    note = note_with(billing_code="90839", minutes=45)
    for section in note.sections:
        if section["id"] == "risk":
            section["sentences"][0] |= {
                "text": "Suicidal ideation: Not assessed this session.",
                "state": "not_assessed",
            }

    assert unmet(note)["crisis_risk"][1] == "risk"


def test_time_short_of_a_code_is_counted_in_minutes():
    assert unmet(note_with(billing_code="90837", minutes=43))["time_and_code"][0] == (
        "43 minutes: 90837 begins at 53, 10 short."
    )


@pytest.mark.parametrize(
    "note",
    [
        note_with({"plan": ["Increase sertraline to 100 mg.", "Next session in 2 weeks."]}),
        note_with({"plan": ["Sertraline was not increased.", "Next session in 2 weeks."]}),
        note_with(is_signed=True, days_unsigned=400, days_allowed=3),
        note_with(risk_statements=[{"disposition": "past"}]),
        note_with(billing_code="90839", minutes=45),
        note_with({"risk": []}, risk_statements=[{"disposition": "past"}]),
        note_with(
            {"plan": ["A safety plan was written.", "Next session in 2 weeks."]},
            risk_statements=[{"disposition": "current"}],
        ),
        note_with(previous_lines=("Panic disorder, improving; she was engaged.",)),
        note_with(
            {"subjective": [*GOOD["subjective"], "The session was held by video from her home."]}, is_telehealth=True
        ),
    ],
)
def test_a_rule_that_is_met_is_silent(note):
    assert unmet(note) == {}


@pytest.mark.django_db
def test_a_report_is_audited_with_what_is_known_around_it(asha, now):
    report = make_report(asha)
    at = report.session.ended_at + timedelta(days=4, hours=1)

    rules = {entry.rule.id for entry in readings.audit_report(report, at=at).unmet}

    assert "unsigned" in rules


@pytest.mark.django_db
def test_the_caseload_costs_the_same_for_one_report_as_for_five(asha, now, django_assert_num_queries):
    make_report(asha)
    with django_assert_num_queries(3):
        readings.audit_caseload(asha, at=now)
    for _ in range(4):
        make_report(asha)

    with django_assert_num_queries(3):
        audited = readings.audit_caseload(asha, at=now)

    assert len(audited) == 5


@pytest.mark.django_db
class TestDoors:
    def test_the_panel_names_what_is_missing_with_a_link_to_its_place(self, client, asha, now):
        report = make_report(asha)
        client.force_login(asha)

        page = client.get(reverse("reports:note_audit", args=[report.pk]), headers={"hx-request": "true"})

        assert page.status_code == 200
        assert b"rules met" in page.content
        assert b"<html" not in page.content

    def test_the_caseload_lists_own_reports_and_filters_by_rule(self, client, asha, now):
        report = make_report(asha)
        client.force_login(asha)
        missed = readings.audit_report(report, at=now).unmet[0].rule

        everything = client.get(reverse("reports:caseload_audit"))
        one = client.get(reverse("reports:caseload_audit"), {"rule": missed.id})
        none = client.get(reverse("reports:caseload_audit"), {"rule": "nonsense"})

        assert [entry.report for entry in everything.context["page"]] == [report]
        assert [entry.report for entry in one.context["page"]] == [report]
        assert list(none.context["page"]) == []

    def test_the_caseload_shows_drafts_or_signed_ones_alone(self, client, asha):
        draft, signed = make_report(asha), make_report(asha, status="signed")
        client.force_login(asha)

        shown = {
            state: {
                entry.report.pk
                for entry in client.get(reverse("reports:caseload_audit"), {"state": state}).context["page"]
            }
            for state in ("", "open", "signed")
        }

        assert draft.pk in shown["open"]
        assert signed.pk not in shown["open"]
        assert draft.pk not in shown["signed"]
        assert shown["open"] | shown["signed"] == shown[""]

    def test_a_stranger_finds_neither_panel_nor_row(self, client, asha, ben):
        report = make_report(asha)
        client.force_login(ben)

        assert client.get(reverse("reports:note_audit", args=[report.pk])).status_code == 404
        assert list(client.get(reverse("reports:caseload_audit")).context["page"]) == []

    @pytest.mark.parametrize("who", ["rita", "omar"])
    def test_who_writes_no_reports_has_no_audit(self, client, asha, request, who):
        report = make_report(asha)
        client.force_login(request.getfixturevalue(who))

        assert client.get(reverse("reports:note_audit", args=[report.pk])).status_code == 403
        assert client.get(reverse("reports:caseload_audit")).status_code == 403

    def test_an_unwritten_report_is_not_audited(self, client, asha):
        report = make_report(asha, status="pending")
        client.force_login(asha)

        assert client.get(reverse("reports:note_audit", args=[report.pk])).status_code == 409
