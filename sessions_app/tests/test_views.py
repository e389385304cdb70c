"""The pages: works for its owner, 404 for a stranger, 403 for the wrong role, 405 for the wrong method."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from patients.tests.factories import make_patient
from sessions_app import services
from sessions_app.models import ConsultationSession, RecordingKey, SessionType
from sessions_app.recordings import audio, deletion
from sessions_app.recordings.retention import Rule
from sessions_app.tests.factories import (
    make_consent,
    make_session,
    make_transcription,
    make_written_session,
    record_audio,
    segment_of,
)
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(asha):
    return make_session(asha, chief_complaint="Cannot sleep")


@pytest.fixture
def completed(asha):
    return make_written_session(asha)


def url(name, session, *more):
    return reverse(f"sessions:{name}", args=[session.pk, *more])


OWN_PAGES = ["detail"]
OWN_VERBS = ["record", "pause", "resume", "complete", "cancel", "notes", "context", "allow_context", "mark"]
WORD_PAGES = ["transcript", "progress"]


@pytest.mark.parametrize("name", OWN_PAGES)
def test_a_live_sessions_pages_are_its_doctors(session, signed_in, asha, ben, rita, client, name):
    assert signed_in(asha).get(url(name, session)).status_code == 200
    assert signed_in(ben).get(url(name, session)).status_code == 404
    assert signed_in(rita).get(url(name, session)).status_code == 403
    assert client.get(url(name, session)).status_code == 302
    assert signed_in(asha).post(url(name, session)).status_code == 405


@pytest.mark.parametrize("name", OWN_VERBS)
def test_a_sessions_verbs_are_its_doctors(session, signed_in, asha, ben, rita, omar, client, name):
    assert signed_in(ben).post(url(name, session)).status_code == 404
    assert signed_in(rita).post(url(name, session)).status_code == 403
    assert signed_in(omar).post(url(name, session)).status_code == 403
    assert client.post(url(name, session)).status_code == 302
    assert signed_in(asha).get(url(name, session)).status_code == 405


@pytest.mark.parametrize("name", OWN_VERBS)
def test_a_colleague_with_whom_the_patient_is_shared_sees_but_may_not(session, signed_in, asha, ben, name, now):
    from patients import services as patients

    patients.share_patient(session.patient, doctor=ben, by=asha, at=now)
    values = {"text": "x", "kind": "risk", "cid": "c", "t_ms": 1}

    assert signed_in(ben).get(url("detail", session)).status_code == 200
    assert signed_in(ben).post(url(name, session), values).status_code == 403


@pytest.mark.parametrize("name", WORD_PAGES)
def test_words_are_for_the_treating_doctors(completed, signed_in, asha, ben, rita, omar, client, name):
    assert signed_in(asha).get(url(name, completed)).status_code in {200, 204}
    assert signed_in(ben).get(url(name, completed)).status_code == 404
    assert signed_in(rita).get(url(name, completed)).status_code == 403
    assert signed_in(omar).get(url(name, completed)).status_code == 403
    assert client.get(url(name, completed)).status_code == 302


def test_an_admin_sees_that_a_session_took_place_and_no_word_of_it(completed, signed_in, omar):
    page = signed_in(omar).get(url("detail", completed)).content.decode()

    assert completed.session_id in page
    assert "sleep" not in page
    assert "nausea" not in page


def test_the_recording_page_tells_its_script_how_things_stand(session, signed_in, asha):
    page = signed_in(asha).get(url("detail", session)).content.decode()

    assert 'data-mode="ready"' in page
    assert f'data-socket-path="/ws/sessions/{session.pk}/audio/"' in page
    assert "Cannot sleep" in page
    assert session.patient.first_name not in page.split("</title>")[0]


def test_without_consent_the_page_says_so_and_offers_to_record_it(asha, signed_in):
    session = make_session(asha, consent=False)

    page = signed_in(asha).get(url("detail", session)).content.decode()

    assert 'data-mode="no-consent"' in page
    assert "Consent is needed before you record" in page
    assert "Record consent" in page


def test_consent_recorded_from_the_page_comes_back_to_it_ready(asha, signed_in):
    session = make_session(asha, consent=False)
    client = signed_in(asha)
    page = url("detail", session)
    values = {"kind": "recording", "method": "verbal", "answer": "agreed", "next": page}

    answer = client.post(reverse("patients:consent_create", args=[session.patient_id]), values)

    assert answer.url == page
    assert 'data-mode="ready"' in client.get(page).content.decode()


def test_the_page_shows_the_words_heard_so_far_after_a_reload(session, signed_in, asha):
    from sessions_app.transcripts import services as transcripts

    row = transcripts.open_live(session)
    segment = {**segment_of("patient", 0, 900, "I slept badly", doubtful="badly"), "id": 1, "original_text": None}
    transcripts.append_live_segments(row, [segment], offset_ms=900, at=timezone.now())

    page = signed_in(asha).get(url("detail", session)).content.decode()

    assert 'I slept <span class="lowc" title="Low confidence">badly</span>' in page


def test_starting_goes_to_the_recording_page(asha, signed_in):
    patient = make_patient(doctor=asha)
    client = signed_in(asha)

    page = client.get(reverse("sessions:start"), {"patient": str(patient.pk)})
    answer = client.post(
        reverse("sessions:start"),
        {"patient": str(patient.pk), "session_type": "consultation", "chief_complaint": "Low mood"},
    )

    session = ConsultationSession.objects.get()
    assert page.status_code == 200
    assert answer.url == url("detail", session)
    assert (session.session_type, session.chief_complaint, session.with_recording) == ("consultation", "Low mood", True)


def test_starting_without_recording_is_its_own_button(asha, signed_in):
    patient = make_patient(doctor=asha)

    signed_in(asha).post(reverse("sessions:start"), {"patient": str(patient.pk), "without_recording": "on"})

    assert not ConsultationSession.objects.get().with_recording


def test_a_second_start_leads_to_the_open_session(session, asha, signed_in):
    patient = make_patient(doctor=asha)

    answer = signed_in(asha).post(reverse("sessions:start"), {"patient": str(patient.pk)})

    assert answer.url == url("detail", session)
    assert ConsultationSession.objects.count() == 1


def test_a_strangers_patient_cannot_be_started_with(asha, ben, signed_in):
    patient = make_patient(doctor=ben)
    client = signed_in(asha)

    assert client.get(reverse("sessions:start"), {"patient": str(patient.pk)}).status_code == 404
    assert client.post(reverse("sessions:start"), {"patient": str(patient.pk)}).status_code == 404
    assert client.post(reverse("sessions:start"), {"patient": "nonsense"}).status_code == 422


def test_completing_leads_to_the_transcript_and_drafts_the_bill(session, asha, signed_in):
    answer = signed_in(asha).post(url("complete", session))

    session.refresh_from_db()
    assert answer.url == url("transcript", session)
    assert session.status == "completed"
    assert session.bills.count() == 1


def test_pause_and_resume_without_a_socket(session, asha, signed_in):
    client = signed_in(asha)

    paused = client.post(url("pause", session)).json()
    resumed = client.post(url("resume", session), headers={"accept": "application/json"}).json()

    assert (paused["status"], resumed["status"]) == ("paused", "in_progress")


def test_a_mark_is_stored_once(session, asha, signed_in):
    client = signed_in(asha)

    for _ in range(2):
        answer = client.post(url("mark", session), {"kind": "risk", "cid": "c1", "t_ms": 61_000})
    refused = client.post(url("mark", session), {"kind": "party", "cid": "c2", "t_ms": 1})

    assert answer.status_code == 201
    assert refused.status_code == 422
    assert list(session.events.values_list("kind", "at_ms")) == [("risk", 61_000)]


def test_notes_are_saved_and_never_overwrite_newer_ones(session, asha, signed_in):
    client = signed_in(asha)

    first = client.post(url("notes", session), {"text": "Slept badly\r\nTired", "based_on": ""})
    stale = client.post(url("notes", session), {"text": "From another window", "based_on": ""})
    second = client.post(url("notes", session), {"text": "Slept well", "based_on": first.json()["saved_at"]})

    assert first.status_code == 200
    assert stale.status_code == 409
    assert stale.json()["text"] == "Slept badly\nTired"
    assert second.status_code == 200
    session.refresh_from_db()
    assert session.session_notes == "Slept well"


def test_the_private_context_is_saved_and_released_by_ticking(session, asha, signed_in):
    client = signed_in(asha)

    saved = client.post(url("context", session), {"text": "Is in a custody dispute", "based_on": ""})
    client.post(url("allow_context", session), {"allowed": "on"})

    assert saved.status_code == 200
    session.refresh_from_db()
    assert (session.private_context, session.context_for_report) == ("Is in a custody dispute", True)
    client.post(url("allow_context", session), {})
    session.refresh_from_db()
    assert session.context_for_report is False


def test_notes_that_cannot_be_read_are_refused(session, asha, signed_in):
    client = signed_in(asha)

    assert client.post(url("notes", session), {"text": "x" * 20_001}).status_code == 422
    assert client.post(url("notes", session), {"text": "x", "based_on": "yesterday"}).status_code == 422


def test_recording_can_begin_when_consent_was_given_in_the_session(asha, signed_in):
    session = make_session(asha, consent=False, with_recording=False)
    client = signed_in(asha)

    refused = client.post(url("record", session))
    make_consent(session.patient, by=asha)
    begun = client.post(url("record", session))

    session.refresh_from_db()
    assert refused.status_code == 403
    assert begun.status_code == 302
    assert session.with_recording


def test_the_list_shows_ones_own_sessions_and_their_state(asha, ben, signed_in):
    mine = make_session(asha, status="completed")
    make_session(asha)
    other = make_session(ben)

    page = signed_in(asha).get(reverse("sessions:list")).content.decode()
    running = signed_in(asha).get(reverse("sessions:list"), {"show": "live"}).content.decode()

    assert mine.session_id in page
    assert other.session_id not in page
    assert mine.session_id not in running


def test_the_list_costs_the_same_for_two_rows_as_for_twelve(asha, signed_in):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = signed_in(asha)
    counts = []
    for more in (2, 10):
        for _ in range(more):
            make_session(asha, status="completed")
        client.get(reverse("sessions:list"))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(reverse("sessions:list"))
        counts.append(len(queries))

    # The trail names every patient shown, in one insert.
    assert counts[0] == counts[1]


def test_the_transcript_page_shows_every_line_and_its_player(completed, asha, signed_in):
    audio.archive(completed, at=timezone.now())

    page = signed_in(asha).get(url("transcript", completed)).content.decode()

    assert "How has your sleep been" in page
    assert f'data-src="{url("audio", completed)}"' in page
    assert "Dr Rao" in page


@pytest.mark.parametrize(
    ("status", "words"),
    [("pending", "The words are being written"), ("failed", "could not be written"), ("no_speech", "Nobody was heard")],
)
def test_a_transcript_that_is_not_there_says_why(asha, signed_in, status, words):
    session = make_session(asha)
    record_audio(session)
    services.complete_session(session, by=asha, at=timezone.now())
    session.transcriptions.all().delete()
    make_transcription(session, status=status)

    page = signed_in(asha).get(url("transcript", session)).content.decode()

    assert words in page


def test_a_failed_transcript_is_tried_again_in_a_new_row(asha, omar, signed_in):
    session = make_session(asha)
    record_audio(session)
    services.complete_session(session, by=asha, at=timezone.now())
    session.transcriptions.all().delete()
    make_transcription(session, status="failed")

    answer = signed_in(omar).post(url("retry", session))

    assert answer.status_code == 302
    assert list(session.transcriptions.order_by("retry_count").values_list("status", flat=True)) == [
        "failed",
        "pending",
    ]


def test_the_waiting_page_loads_anew_when_the_words_are_there(completed, asha, signed_in):
    answer = signed_in(asha).get(url("progress", completed))

    assert answer.status_code == 204
    assert answer["HX-Refresh"] == "true"


def body_of(response):
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("is_archived", [False, True])
def test_sound_is_streamed_in_ranges(completed, asha, signed_in, is_archived):
    if is_archived:
        audio.archive(completed, at=timezone.now())
    client = signed_in(asha)

    whole = client.get(url("audio", completed))
    everything = body_of(whole)
    part = client.get(url("audio", completed), headers={"range": "bytes=10-99"})
    tail = client.get(url("audio", completed), headers={"range": "bytes=-50"})
    beyond = client.get(url("audio", completed), headers={"range": "bytes=99999999-"})

    assert whole["Content-Type"] == ("audio/ogg" if is_archived else "audio/wav")
    assert everything[:4] == (b"OggS" if is_archived else b"RIFF")
    assert int(whole["Content-Length"]) == len(everything)
    assert (part.status_code, body_of(part)) == (206, everything[10:100])
    assert part["Content-Range"] == f"bytes 10-99/{len(everything)}"
    assert body_of(tail) == everything[-50:]
    assert beyond.status_code == 416


@pytest.mark.parametrize("is_archived", [False, True])
def test_a_player_may_ask_for_sound_in_every_way_of_the_standard(completed, asha, signed_in, is_archived):
    if is_archived:
        audio.archive(completed, at=timezone.now())
    client = signed_in(asha)

    def ask(**headers):
        return client.get(url("audio", completed), headers=headers)

    whole = ask()
    everything, etag = body_of(whole), whole["ETag"]
    head = client.head(url("audio", completed), headers={"range": "bytes=10-99"})
    everything_but_ten = ask(range="bytes=10-")
    longer_than_there_is = ask(range="bytes=-99999999")

    assert (head.status_code, head["Content-Length"], head["ETag"]) == (200, str(len(everything)), etag)
    assert body_of(head) == b""
    assert body_of(everything_but_ten) == everything[10:]
    assert (longer_than_there_is.status_code, body_of(longer_than_there_is)) == (206, everything)
    assert body_of(ask(range="bytes=10-99", if_range=etag)) == everything[10:100]
    for passed_over in (
        {"range": "bytes=10-99", "if_range": '"of-another-file"'},
        {"range": "bytes=0-9,20-29"},
        {"range": "bytes=99-10"},
        {"range": "bytes=-"},
        {"range": "seconds=1-2"},
        {"range": f"bytes={'9' * 5_000}-"},
    ):
        answer = ask(**passed_over)
        assert (answer.status_code, body_of(answer)) == (200, everything), passed_over
    for never_there in ("bytes=99999999-", "bytes=-0"):
        answer = ask(range=never_there)
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(everything)}")


def test_sound_in_the_spool_and_in_the_file_are_told_apart(completed, asha, signed_in):
    client = signed_in(asha)
    spooled = client.get(url("audio", completed))["ETag"]

    audio.archive(completed, at=timezone.now())

    stored = client.get(url("audio", completed))["ETag"]
    assert spooled.startswith('"wav-')
    assert stored.startswith('"opus-')


def test_sound_that_cannot_be_read_is_said_and_is_no_crash(completed, asha, signed_in):
    RecordingKey.objects.update(key_id="00000000")

    answer = signed_in(asha).get(url("audio", completed))

    assert answer.status_code == 503
    assert b"cannot be read now" in answer.content


def test_listening_is_audited_once(completed, asha, signed_in):
    client = signed_in(asha)

    for _ in range(3):
        body_of(client.get(url("audio", completed), headers={"range": "bytes=0-9"}))

    assert AuditEvent.objects.filter(action="play", patient_id=completed.patient_id).count() == 1


def test_sound_is_for_the_treating_doctors_and_gone_when_deleted(completed, asha, ben, rita, omar, signed_in):
    assert signed_in(ben).get(url("audio", completed)).status_code == 404
    assert signed_in(rita).get(url("audio", completed)).status_code == 403
    assert signed_in(omar).get(url("audio", completed)).status_code == 403
    deletion.delete_recording(completed, rule=Rule.CLINIC, by=asha, at=timezone.now())
    assert signed_in(asha).get(url("audio", completed)).status_code == 404


def test_names_of_speakers_reach_the_script_as_json(session, asha, signed_in):
    import html
    import re

    page = signed_in(asha).get(url("detail", session)).content.decode()
    names = json.loads(html.unescape(re.search(r'data-names="([^"]*)"', page).group(1)))

    assert names["doctor"] == "Dr Rao"
    assert names["patient"] == "Kavya"


def test_a_patient_never_seen_begins_as_a_new_one(completed, asha, signed_in, now):
    client = signed_in(asha)

    def offered(patient):
        page = client.get(reverse("sessions:start"), {"patient": patient.pk})
        return page.context["form"].initial["session_type"]

    assert offered(make_patient(asha, at=now)) == SessionType.NEW_PATIENT
    assert offered(completed.patient) == SessionType.FOLLOWUP
