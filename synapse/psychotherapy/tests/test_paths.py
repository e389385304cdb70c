"""A private note reaches nobody but its author: one test a path."""

import json
import re
from dataclasses import asdict
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.urls import reverse

from patients import services as patients
from patients.finding.search import search_patients
from patients.handover import services as handover
from patients.models import PatientAccess
from patients.tests.factories import make_patient
from reports.generation import prompts
from reports.printing import exports
from reports.services import drafting
from reports.tests.factories import make_report
from synapse import workflows
from synapse.audit.models import AuditEvent
from synapse.common import erasures
from synapse.encryption import data_keys
from synapse.encryption.errors import DecryptionError
from synapse.fhir.everything import everything_about
from synapse.psychotherapy import sealing, services
from synapse.psychotherapy.models import AuthorKey, EarlierVersion, ProcessNote
from synapse.psychotherapy.tests.conftest import CANARY, write
from synapse.testing.plugin import make_user
from synapse.webhooks.models import WebhookDelivery

PACKAGE = settings.BASE_DIR / "synapse" / "psychotherapy"
OUR_FOLDERS = ("synapse", "patients", "sessions_app", "reports", "scheduling", "billing")


def addresses_of(note):
    return [
        reverse("private_notes:detail", args=[note.pk]),
        reverse("private_notes:delete", args=[note.pk]),
        reverse("private_notes:earlier", args=[note.pk, 1]),
    ]


def assert_is_closed(client, written):
    """The note is not there; where the patient may be opened, neither list has a row of it."""
    for address in addresses_of(written.note):
        assert client.get(address).status_code in (403, 404), address
    assert client.post(addresses_of(written.note)[0], {"text": "mine now"}).status_code in (403, 404)
    for name, args in (("mine", []), ("for_patient", [written.patient.pk])):
        answer = client.get(reverse(f"private_notes:{name}", args=args))
        assert str(written.note.pk) not in answer.content.decode()
    assert ProcessNote.objects.get().revision == written.note.revision


def test_no_module_outside_the_package_imports_it():
    sources = (path for folder in OUR_FOLDERS for path in (settings.BASE_DIR / folder).rglob("*.py"))
    imports = re.compile(r"^\s*(?:from|import) [\w., ]*psychotherapy", re.MULTILINE)
    product = (path for path in sources if PACKAGE not in path.parents and "tests" not in path.parts)
    found = [path for path in product if imports.search(path.read_text())]

    assert found == []


def test_no_relation_of_any_other_model_leads_to_a_note():
    ours = {ProcessNote, EarlierVersion, AuthorKey}
    relations = [
        field
        for model in apps.get_models(include_auto_created=True)
        if model not in ours
        for field in model._meta.get_fields(include_hidden=True)
        if field.is_relation and field.related_model in ours
    ]

    assert relations == []


def test_another_doctor_of_the_patient_does_not_reach_it(written, ben, signed_in, now):
    patients.share_patient(written.patient, doctor=ben, by=written.author, at=now)

    assert_is_closed(signed_in(ben), written)


def test_a_receptionist_does_not_reach_it(written, rita, signed_in):
    assert_is_closed(signed_in(rita), written)


def test_an_administrator_does_not_reach_it(written, omar, signed_in):
    assert_is_closed(signed_in(omar), written)


@pytest.mark.parametrize("role", ["admin", "doctor"])
def test_a_superuser_does_not_reach_it(written, signed_in, role):
    root = make_user("root", role, "Root", "Root")
    root.is_superuser = root.is_staff = True
    root.save()

    assert_is_closed(signed_in(root), written)


def test_a_doctor_who_covers_does_not_reach_it(written, ben, signed_in, now):
    hand_over(written, ben, now)

    assert_is_closed(signed_in(ben), written)


def test_the_author_keeps_a_note_whose_patient_went_to_another_doctor(written, ben, signed_in, now):
    PatientAccess.objects.filter(patient=written.patient, doctor=written.author).update(ended_at=now)

    page = signed_in(written.author).get(addresses_of(written.note)[0]).content.decode()

    assert CANARY in page
    assert written.patient.full_name not in page


def test_a_deactivated_author_and_one_of_another_role_reach_it_no_more(written, signed_in):
    author = written.author
    for changed in ({"is_active": False}, {"is_active": True, "role": "admin"}):
        for name, value in changed.items():
            setattr(author, name, value)
        author.save()
        assert list(ProcessNote.objects.visible_to(author)) == []
        with pytest.raises(services.NotAllowed):
            services.read_text(written.note, by=author)


def test_a_merge_shows_it_to_its_author_in_the_kept_record_and_to_nobody_else(written, ben, omar, signed_in, now):
    kept = make_patient(ben, at=now)
    workflows.merge_patients(kept, written.patient, choices={}, reason="Same identity card.", by=omar, at=now)
    kept.refresh_from_db()

    mine = signed_in(written.author).get(reverse("private_notes:for_patient", args=[kept.pk])).content.decode()
    theirs = signed_in(ben).get(reverse("private_notes:for_patient", args=[kept.pk])).content.decode()

    assert str(written.note.pk) in mine
    assert str(written.note.pk) not in theirs
    assert_is_closed(signed_in(ben), written)


@pytest.fixture
def reported(asha, now):
    """A signed report on a session that a private note is about as well."""
    report = make_report(asha, status="signed")
    write(report.session.patient, by=asha, at=now, session=report.session)
    write(report.session.patient, by=asha, at=now)
    return report


def test_no_prompt_of_a_language_model_holds_it(reported):
    request = drafting.build_request(reported)

    assert CANARY not in json.dumps(asdict(request), default=str)
    assert CANARY not in prompts.system_prompt(request) + prompts.transcript_prompt(request)


def test_no_format_of_a_report_and_no_pdf_holds_it(reported, now):
    for file_type in exports.FORMATS:
        if file_type in ("pdf", "docx"):  # both are laid out from what the others print, and are compressed
            continue
        assert CANARY.encode() not in exports.render(reported, file_type=file_type, at=now).content, file_type


def test_nothing_of_the_fhir_server_holds_it(reported, asha, now):
    said = json.dumps(list(everything_about(reported.session.patient, by=asha, at=now)), default=str)

    assert reported.session.patient.patient_id in said
    assert "Countertransference" not in said


def test_no_search_finds_it(written, now):
    for text in (CANARY, "Countertransference-7qX", "sister"):
        assert list(search_patients(text, by=written.author, region="IN", today=now.date())) == []


def test_the_admin_site_does_not_know_it(written, omar):
    registered = {model._meta.app_label for model in admin.site._registry}

    assert "psychotherapy" not in registered
    assert not LogEntry.objects.exists()


def test_the_api_has_no_address_of_it_and_its_document_does_not_name_it(written, api):
    schema = api(written.author).get("/api/v1/schema/?format=json").content.decode().lower()
    patient = api(written.author).get(f"/api/v1/patients/{written.patient.pk}/").content.decode()

    assert "/api/v1/patients/" in schema
    assert not re.search(r"process[_-]?note|private[_-]?note", schema)
    assert "Countertransference" not in patient


def test_no_page_or_answer_about_the_patient_holds_it_but_its_own(reported, signed_in, asha):
    """Crawl what is about the patient, their session and their report, as the author, who may see all there is."""
    client = signed_in(asha)
    session = reported.session
    pages = [
        *(f"/patients/{session.patient_id}/{part}" for part in ("", "profile/", "history/", "sharing/", "consents/")),
        *(f"/sessions/{session.pk}/{part}" for part in ("", "transcript/", "facts/")),
        f"/reports/{reported.pk}/",
        reverse("dashboard:timeline", args=[session.patient_id]),
        *(f"/api/v1/{part}" for part in ("patients/", "sessions/", "reports/", "transcriptions/")),
        *(f"/api/v1/patients/{session.patient_id}/{part}/" for part in ("audit", "shares", "consents")),
        f"/api/v1/sessions/{session.pk}/",
        f"/api/v1/reports/{reported.pk}/",
    ]
    answered = 0
    for page in pages:
        answer = client.get(page, follow=True)
        answered += answer.status_code == 200
        assert b"Countertransference" not in answer.content, page

    assert answered > len(pages) / 2


def test_the_audit_trail_has_its_id_and_no_word_of_it(written, signed_in):
    signed_in(written.author).get(addresses_of(written.note)[0])

    rows = AuditEvent.objects.filter(target_type="psychotherapy.ProcessNote").order_by("seq")

    assert [row.action for row in rows] == ["create", "update", "read"]
    assert {(row.target_id, row.target_label, json.dumps(row.detail)) for row in rows} == {
        (str(written.note.pk), "", "{}")
    }


def test_no_webhook_tells_of_it(written):
    assert not WebhookDelivery.objects.exists()


def test_no_bytes_of_the_database_hold_it(written):
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                stored = b" ".join(
                    bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in row
                )
                assert b"Countertransference" not in stored, table


def test_a_text_moved_to_another_row_fails_loudly(written, now):
    other = write(written.patient, by=written.author, at=now, text="Another one.")
    ProcessNote.objects.filter(pk=other.pk).update(sealed=bytes(written.note.sealed))
    other.refresh_from_db()

    with pytest.raises(DecryptionError):
        services.read_text(other, by=written.author)


def test_a_colleagues_key_does_not_open_it(written, ben, now):
    write(make_patient(ben, at=now), by=ben, at=now)
    ProcessNote.objects.filter(pk=written.note.pk).update(author_id=ben.pk)

    with pytest.raises(DecryptionError):
        services.read_text(ProcessNote.objects.get(pk=written.note.pk), by=ben)


def test_what_opens_a_recordings_key_opens_no_authors_key(written):
    stored = AuthorKey.objects.get()

    with pytest.raises(DecryptionError):
        data_keys.unwrap(data_keys.WrappedKey(bytes(stored.wrapped), stored.key_id), settings.AUDIO_KEY)


def test_a_changed_byte_is_refused():
    key, note_id = b"k" * 32, ProcessNote().pk
    sealed = sealing.seal("word", note_id=note_id, revision=1, key=key)

    assert sealing.unseal(sealed, note_id=note_id, revision=1, key=key) == "word"
    for at in (0, 5, len(sealed) - 1):
        broken = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(DecryptionError):
            sealing.unseal(broken, note_id=note_id, revision=1, key=key)


def test_erasing_the_patient_destroys_every_note_about_them(reported, now):
    other = write(make_patient(reported.session.doctor, at=now), by=reported.session.doctor, at=now)

    erased = erasures.registered()["private notes"](reported.session.patient_id, now)

    assert erased == {"private notes": 2}
    assert list(ProcessNote.objects.all()) == [other]


def hand_over(written, doctor, now):
    return handover.hand_over(
        [written.patient],
        from_doctor=written.author,
        to_doctor=doctor,
        reason="Leave",
        ends_at=now + timedelta(days=5),
        by=written.author,
        at=now,
    )
