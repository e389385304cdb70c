"""The doors of reports: who comes in, what comes back."""

import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from reports import services
from reports.content import all_sentences, find_sentence
from reports.models import Report
from reports.tests.factories import (
    UNSUPPORTED,
    first_sentence,
    make_report,
    make_written_session,
    reloaded,
    settle,
)
from sessions_app.transcripts import corrections
from synapse.audit.models import AuditEvent
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def address(name, report, *args):
    return reverse(f"reports:{name}", args=[report.pk, *args])


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending", "Waiting to be written"),
        ("failed", "Use the built-in writer"),
        ("completed", "Sign report"),
        ("signed", "Signed by Dr Asha Rao"),
    ],
)
def test_a_report_opens_in_every_state(asha, signed_in, status, words):
    report = make_report(asha, status=status)

    response = signed_in(asha).get(address("detail", report))

    assert response.status_code == 200
    assert words in response.content.decode()
    assert AuditEvent.objects.filter(action="read", target_id=str(report.pk)).count() == 1


def test_a_draft_shows_its_lines_their_places_and_the_transcript(asha, signed_in):
    report = make_report(asha, with_unsupported=True)

    page = signed_in(asha).get(address("detail", report)).content.decode()

    assert "Lithium is not in the cited words" in page
    assert "Keep, I confirm it" in page
    assert 'aria-label="Play evidence at 0:' in page
    assert "How has your sleep been since we last met?" in page
    assert "Settle 1 line" in page


def test_a_stranger_finds_nothing(asha, ben, signed_in):
    report = make_report(asha)

    for name in ("detail", "progress"):
        response = signed_in(ben).get(address(name, report))
        assert response.status_code == 404
        assert report.session.patient.last_name not in response.content.decode()


def test_an_administrator_reads_signed_reports_only(asha, omar, signed_in):
    signed = make_report(asha, status="signed")
    draft = make_report(asha, session=make_written_session(asha))
    client = signed_in(omar)

    response = client.get(address("detail", signed))

    assert response.status_code == 200
    page = response.content.decode()
    assert "Amend" not in page
    assert "Export" not in page
    assert "How has your sleep been since we last met?" not in page
    assert client.get(address("detail", draft)).status_code == 404


def test_a_receptionist_is_refused_everywhere(asha, rita, signed_in):
    report = make_report(asha)
    client = signed_in(rita)

    pages = [reverse("reports:list"), address("detail", report)]
    pages += [reverse("reports:for_patient", args=[report.session.patient_id])]
    pages += [reverse("reports:for_session", args=[report.session_id]), reverse("report_templates:list")]

    for page in pages:
        assert client.get(page).status_code == 403
    assert AuditEvent.objects.filter(outcome="denied").count() == len(pages)


def test_nobody_reads_without_signing_in(asha, client):
    report = make_report(asha)

    for page in (reverse("reports:list"), address("detail", report), reverse("report_templates:list")):
        response = client.get(page)
        assert response.status_code == 302
        assert response.url.startswith(reverse("accounts:sign_in"))


def test_a_report_that_does_not_exist_is_not_found(asha, signed_in):
    assert signed_in(asha).get(reverse("reports:detail", args=[uuid.uuid4()])).status_code == 404


def test_a_broken_seal_shows_no_content(asha, signed_in, monkeypatch):
    report = make_report(asha, status="signed")
    monkeypatch.setattr("reports.sealing.signing.digest_of", lambda document, place: "0" * 64)

    response = signed_in(asha).get(address("detail", report))

    page = response.content.decode()
    assert response.status_code == 409
    assert "The seal of this report is broken" in page
    assert first_sentence(report)["text"] not in page
    assert AuditEvent.objects.get(action="deny").detail == {"reason": "seal_broken"}


def test_the_list_shows_unsigned_reports_first(asha, signed_in):
    signed = make_report(asha, status="signed")
    draft = make_report(asha, session=make_written_session(asha))

    page = signed_in(asha).get(reverse("reports:list")).content.decode()

    assert page.index(str(draft.pk)) < page.index(str(signed.pk))
    event = AuditEvent.objects.get(action="read")
    assert event.detail == {"part": "reports"}


@pytest.mark.parametrize(("show", "shown", "hidden"), [("open", "draft", "signed"), ("signed", "signed", "draft")])
def test_the_list_is_narrowed(asha, signed_in, show, shown, hidden):
    reports = {"signed": make_report(asha, status="signed"), "draft": None}
    reports["draft"] = make_report(asha, session=make_written_session(asha))

    page = signed_in(asha).get(reverse("reports:list"), {"show": show}).content.decode()

    assert str(reports[shown].pk) in page
    assert str(reports[hidden].pk) not in page


def test_an_older_version_stands_in_the_history_and_not_in_the_list(asha, signed_in, now):
    signed = make_report(asha, status="signed")
    amended = services.amend_report(signed, reason="Dose.", by=asha, at=now)
    client = signed_in(asha)

    listed = client.get(reverse("reports:list")).content.decode()
    page = client.get(address("detail", amended)).content.decode()

    assert str(signed.pk) not in listed
    assert address("detail", signed) in page


def test_the_list_costs_the_same_queries_for_more_rows(asha, signed_in, django_assert_max_num_queries):
    client = signed_in(asha)
    make_report(asha)
    client.get(reverse("reports:list"))
    with django_assert_max_num_queries(60) as few:
        client.get(reverse("reports:list"))
    for _ in range(4):
        make_report(asha, session=make_written_session(asha))

    with django_assert_max_num_queries(60) as many:
        client.get(reverse("reports:list"))

    assert len(many) - len(few) <= 1  # one insert of the shown patients either way


def test_a_patients_reports_come_as_a_page_and_as_a_panel(asha, ben, signed_in):
    report = make_report(asha)
    path = reverse("reports:for_patient", args=[report.session.patient_id])

    page = signed_in(asha).get(path).content.decode()
    panel = signed_in(asha).get(path, headers=HTMX).content.decode()

    assert "<html" in page
    assert "<html" not in panel
    assert str(report.pk) in panel
    assert signed_in(ben).get(path).status_code == 404


def test_a_session_leads_to_its_newest_report(asha, ben, signed_in, now):
    report = make_report(asha)
    amended = services.regenerate(report, by=asha, at=now)
    path = reverse("reports:for_session", args=[report.session_id])

    page = signed_in(asha).get(path)
    panel = signed_in(asha).get(path, headers=HTMX).content.decode()

    assert page.url == address("detail", amended)
    assert "<html" not in panel
    assert str(report.pk) in panel
    assert signed_in(ben).get(path).status_code == 404


def test_a_session_without_a_report_waits_for_it_and_offers_to_write_one(asha, signed_in):
    session = make_written_session(asha)
    path = reverse("reports:for_session", args=[session.pk])
    client = signed_in(asha)

    page = client.get(path).content.decode()
    before = client.get(f"{path}?wait", headers=HTMX)
    report = make_report(asha, session=session)
    after = client.get(f"{path}?wait", headers=HTMX)

    assert "Write the report" in page
    assert before.status_code == 204
    assert after["HX-Redirect"] == address("detail", report)


def test_a_report_is_asked_for_from_its_session(asha, signed_in):
    session = make_written_session(asha)

    response = signed_in(asha).post(reverse("reports:request", args=[session.pk]), {"template": ""})

    report = Report.objects.get(session=session)
    assert response.status_code == 302
    assert response.url == address("detail", report)


def test_an_unusable_choice_of_template_comes_back_with_the_form(asha, signed_in):
    session = make_written_session(asha)

    response = signed_in(asha).post(reverse("reports:request", args=[session.pk]), {"template": uuid.uuid4()})

    assert response.status_code == 422
    assert not Report.objects.exists()


def test_progress_polls_and_then_loads_the_page(asha, signed_in):
    report = make_report(asha, status="pending")
    client = signed_in(asha)

    waiting = client.get(address("progress", report), headers=HTMX)
    services.fail_generation(report.pk, code="timeout", at=report.created_at)
    ended = client.get(address("progress", report), headers=HTMX)

    assert 'hx-trigger="every 2s"' in waiting.content.decode()
    assert ended["HX-Refresh"] == "true"


def test_polling_adds_no_second_audit_row(asha, signed_in):
    report = make_report(asha, status="pending")
    client = signed_in(asha)

    client.get(address("detail", report))
    for _ in range(3):
        client.get(address("progress", report), headers=HTMX)

    assert AuditEvent.objects.filter(action="read", target_id=str(report.pk)).count() == 1


def test_a_failed_report_is_sent_to_the_built_in_writer(asha, signed_in):
    report = make_report(asha, status="failed")

    response = signed_in(asha).post(address("retry", report), {"built_in": "1"})

    assert response.status_code == 302
    assert (reloaded(report).status, reloaded(report).fallback_code) == ("pending", "chosen")


def test_a_report_is_written_again_with_another_template(asha, signed_in):
    report = make_report(asha)
    soap = type(report.template).objects.get(doctor=None, slug="soap")

    signed_in(asha).post(address("regenerate", report), {"template": soap.pk})

    assert Report.objects.get(session=report.session, version=2).template == soap


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


def test_the_whole_report_is_marked_read(asha, signed_in):
    report = make_report(asha)

    signed_in(asha).post(address("review", report))

    assert reloaded(report).reviewed_by == asha


def test_a_report_is_signed_with_the_password(asha, signed_in):
    report = settle(make_report(asha), by=asha)

    response = signed_in(asha).post(address("sign", report), {"password": PASSWORD, "revision": report.revision})

    assert response.url == address("detail", report)
    assert reloaded(report).is_signed


@pytest.mark.parametrize(("password", "words"), [("", "Type your password"), ("wrong", "This password is not right")])
def test_a_wrong_password_signs_nothing(asha, signed_in, password, words):
    report = settle(make_report(asha), by=asha)

    response = signed_in(asha).post(address("sign", report), {"password": password}, headers=HTMX)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not reloaded(report).is_signed


def test_an_unsettled_report_is_not_signed(asha, signed_in):
    report = make_report(asha, with_unsupported=True)

    response = signed_in(asha).post(address("sign", report), {"password": PASSWORD})

    assert response.status_code == 409
    assert "not supported by the recording" in response.content.decode()
    assert not reloaded(report).is_signed


def test_an_amendment_opens_as_the_next_version(asha, signed_in):
    report = make_report(asha, status="signed")
    client = signed_in(asha)

    refused = client.post(address("amend", report), {"reason": ""})
    response = client.post(address("amend", report), {"reason": "Dose corrected."})

    amended = Report.objects.get(amends=report)
    assert refused.status_code == 422
    assert response.url == address("detail", amended)
    assert "Dose corrected." in client.get(response.url).content.decode()


def test_an_export_is_a_file_with_an_opaque_name(asha, signed_in):
    report = make_report(asha, status="signed")

    response = signed_in(asha).post(address("export", report, "txt"))

    assert response["Content-Type"].startswith("text/plain")
    assert response["Content-Disposition"] == f'attachment; filename="report-{report.pk.hex[:8]}-v1.txt"'
    assert response["Cache-Control"] == "no-store"
    assert first_sentence(report)["text"] in response.content.decode()


def test_ticked_lines_go_into_the_record(asha, signed_in):
    report = make_report(asha, status="signed")
    client = signed_in(asha)
    page = client.get(address("detail", report)).content.decode()
    key = page.split('name="line" value="')[1].split('"')[0]

    client.post(address("take_over", report), {"line": [key]})

    patient = type(report.session.patient).objects.get(pk=report.session.patient_id)
    assert "75 mg" in patient.current_medications
    assert key not in client.get(address("detail", report)).content.decode()


def test_nothing_ticked_changes_nothing(asha, signed_in):
    report = make_report(asha, status="signed")

    response = signed_in(asha).post(address("take_over", report), {"line": ["medication-00000000"]}, follow=True)

    patient = type(report.session.patient).objects.get(pk=report.session.patient_id)
    assert patient.current_medications == ""
    assert "Nothing was changed" in response.content.decode()


def test_the_follow_up_link_holds_ids_and_a_day(asha, signed_in):
    report = make_report(asha, status="signed")

    page = signed_in(asha).get(address("detail", report)).content.decode()

    assert f"report={report.pk}" in page
    assert f"patient={report.session.patient_id}" in page


POSTS = [
    ("regenerate", ()),
    ("retry", ()),
    ("review", ()),
    ("check_section", ("plan",)),
    ("settle", ("s1",)),
    ("insert_finding", ("1-0",)),
    ("sign", ()),
    ("amend", ()),
    ("export", ("pdf",)),
    ("take_over", ()),
]


@pytest.mark.parametrize(("name", "args"), POSTS)
def test_what_changes_something_takes_post_only(asha, signed_in, name, args):
    report = make_report(asha, status="pending")

    assert signed_in(asha).get(address(name, report, *args)).status_code == 405


@pytest.mark.parametrize(("name", "args"), [*POSTS, ("edit_section", ("plan",))])
def test_a_stranger_changes_nothing(asha, ben, signed_in, name, args):
    report = make_report(asha, status="pending")

    assert signed_in(ben).post(address(name, report, *args)).status_code == 404


@pytest.mark.parametrize(("name", "args"), [*POSTS, ("edit_section", ("plan",))])
@pytest.mark.parametrize("who", ["rita", "omar"])
def test_no_other_role_changes_anything(asha, request, signed_in, name, args, who):
    report = make_report(asha, status="signed")

    response = signed_in(request.getfixturevalue(who)).post(address(name, report, *args))

    assert response.status_code == 403


def test_a_draft_shows_which_lines_rest_on_corrected_words(asha, signed_in):
    report = make_report(asha)
    line = next(line for line in all_sentences(report.structured_data) if "nausea" in line["text"])
    heard = line["evidence"][-1]
    changed = heard["quote"].replace("nausea", "dizziness")
    corrections.correct_segments(
        report.transcription, [{"id": heard["segment"], "text": changed}], by=asha, at=timezone.now()
    )

    page = signed_in(asha).get(address("detail", report)).content.decode()

    assert "<del>nausea</del> <ins>dizziness</ins>" in page
    assert page.count("data-source-corrected") >= 1


def test_a_signed_report_says_that_its_transcript_was_corrected_later(asha, signed_in):
    report = make_report(asha, status="signed")
    quote = next(iter(all_sentences(report.structured_data)))["evidence"]
    assert "data-corrected-after-signing" not in signed_in(asha).get(address("detail", report)).content.decode()
    segment = report.transcription.segments[0]["id"]
    corrections.correct_segments(
        report.transcription, [{"id": segment, "text": "Other words."}], by=asha, at=timezone.now()
    )

    page = signed_in(asha).get(address("detail", report)).content.decode()

    report.refresh_from_db()
    assert "data-corrected-after-signing" in page
    assert next(iter(all_sentences(report.structured_data)))["evidence"] == quote
