"""The doors of uploads: for the session's doctor, in parts, with sentences a script can show."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from sessions_app import stt
from sessions_app.models import AudioUpload
from sessions_app.tests import files
from sessions_app.tests.factories import make_session, record_audio
from sessions_app.tests.speech_jobs import Engine, run_jobs
from sessions_app.tests.uploading import begin, bring, finish, send
from sessions_app.uploads import services as uploads
from sessions_app.uploads import store as upload_store
from synapse.common import jobs
from synapse.common.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: Engine())


@pytest.fixture
def session(asha):
    return make_session(asha, status="completed", with_recording=False)


def address(name, session, *more):
    return reverse(f"sessions:{name}", args=[session.pk, *more])


def opened(client, session, content, source="upload"):
    head = hashlib.sha256(content[: 64 * 1024]).hexdigest()
    values = {"source": source, "total_bytes": len(content), "head_sha256": head}
    return client.post(address("open_upload", session), values if source == "upload" else {"source": source})


def part(client, url, offset, content):
    return client.post(f"{url}?offset={offset}", content, content_type="application/octet-stream")


def test_a_file_comes_in_parts_and_the_page_goes_on_to_the_transcript(session, signed_in, asha):
    client, content = signed_in(asha), files.sound_file("stereo wav")
    made = opened(client, session, content).json()
    middle = 300_000

    first = part(client, made["part_url"], 0, content[:middle])
    wrong = part(client, made["part_url"], 5, content[5:9])
    again = opened(client, session, content).json()
    second = part(client, made["part_url"], again["offset"], content[middle:])
    done = client.post(made["finish_url"], {"sha256": hashlib.sha256(content).hexdigest()})
    waiting = client.get(address("upload_state", session)).content.decode()
    run_jobs()
    over = client.get(address("upload_state", session))

    assert (first.json(), again["id"], again["offset"]) == ({"offset": middle}, made["id"], middle)
    assert (wrong.status_code, wrong.json()["error"]["offset"]) == (409, middle)
    assert second.json() == {"offset": len(content)}
    assert done.json() == {"next": address("upload", session)}
    assert "Waiting for the speech engine" in waiting
    assert (over.status_code, over["HX-Redirect"]) == (204, address("detail", session))
    page = client.get(address("transcript", session)).content.decode()
    assert "I slept badly" in page
    assert "Uploaded recording" in page


def test_a_refusal_is_a_sentence_with_its_code(session, signed_in, asha):
    client = signed_in(asha)
    made = opened(client, session, b"Dear colleague" * 9).json()

    answer = part(client, made["part_url"], 0, b"Dear colleague" * 9)

    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "not_sound")
    assert "WAV, FLAC" in answer.json()["error"]["message"]
    assert "The last recording was not taken" in client.get(address("upload", session)).content.decode()


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "abc", "9" * 40])
def test_a_part_must_name_its_place(session, signed_in, asha, offset):
    client = signed_in(asha)
    made = opened(client, session, b"x" * 20).json()

    assert part(client, made["part_url"], offset, b"x").status_code == 400


def test_a_part_larger_than_agreed_is_refused_and_never_read_whole(session, signed_in, asha):
    client = signed_in(asha)
    made = opened(client, session, bytes(uploads.PART_BYTES * 2)).json()

    answer = part(client, made["part_url"], 0, bytes(uploads.PART_BYTES + 1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_part_fits_into_the_memory_of_a_request(settings):
    assert uploads.PART_BYTES <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE


@pytest.mark.parametrize(
    "values",
    [{}, {"source": "live"}, {"source": "upload", "total_bytes": "x"}, {"source": "upload", "head_sha256": "z"}],
)
def test_an_upload_that_cannot_be_understood_is_refused(session, signed_in, asha, values):
    assert signed_in(asha).post(address("open_upload", session), values).status_code == 400


def test_without_consent_an_upload_is_403_and_a_dictation_begins(asha, signed_in):
    session = make_session(asha, consent=False, with_recording=False)
    client = signed_in(asha)

    refused = opened(client, session, b"x" * 100)
    spoken = opened(client, session, b"", source="dictation")

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "no_consent")
    assert spoken.status_code == 201
    page = client.get(address("upload", session)).content.decode()
    assert "Consent is needed before you upload</b><br>Ask on the telephone" in page
    assert "Start dictating" in page


def test_a_locked_screen_stops_neither_an_upload_nor_a_dictation(session, signed_in, asha):
    client, content = signed_in(asha), files.sound_file("wav")
    made = opened(client, session, content).json()
    client.post(reverse("accounts:lock"))

    sent = part(client, made["part_url"], 0, content)
    done = client.post(made["finish_url"])

    assert (sent.status_code, done.status_code) == (200, 200)
    assert client.get(address("upload", session)).status_code == 302  # and shows nothing


PAGES = ["upload", "upload_state"]
VERBS = ["open_upload", "upload_part", "finish_upload", "keep_upload", "stop_upload"]


@pytest.mark.parametrize("name", [*PAGES, *VERBS])
def test_uploads_are_the_sessions_doctors(session, signed_in, asha, ben, rita, omar, client, now, name):
    from patients import services as patients

    upload = begin(session, files.sound_file("wav"))
    url = address(name, session, *([upload.pk] if name in VERBS[1:] else []))
    verb = "get" if name in PAGES else "post"
    values = {"source": "dictation"} if name == "open_upload" else None
    url = f"{url}?offset=0" if name == "upload_part" else url

    assert getattr(signed_in(ben), verb)(url, values).status_code == 404
    assert getattr(signed_in(rita), verb)(url, values).status_code == 403
    assert getattr(signed_in(omar), verb)(url, values).status_code == 403
    assert getattr(client, verb)(url, values).status_code == 302
    assert getattr(signed_in(asha), "post" if verb == "get" else "get")(url).status_code == 405
    patients.share_patient(session.patient, doctor=ben, by=asha, at=now)
    assert getattr(signed_in(ben), verb)(url, values).status_code == 403
    assert AudioUpload.objects.get().status == "receiving"


def test_an_upload_belongs_to_its_session(session, signed_in, asha):
    upload = begin(session, files.sound_file("wav"))
    other = make_session(asha, status="completed", with_recording=False)

    assert signed_in(asha).post(address("stop_upload", other, upload.pk)).status_code == 404


def test_the_page_says_what_is_on_its_way_and_stops_it(session, signed_in, asha):
    client, content = signed_in(asha), files.sound_file("stereo wav")
    upload = begin(session, content)
    send(upload, content, end=300_000)

    page = client.get(address("upload", session)).content.decode()
    answer = client.post(address("stop_upload", session, upload.pk))

    assert "293.0\xa0KB of 562.6\xa0KB arrived" in page
    assert answer.status_code == 302
    assert not upload_store.default_store().folder(upload.pk).exists()


def test_a_dictation_left_in_another_browser_can_be_kept_as_far_as_it_came(session, signed_in, asha):
    client = signed_in(asha)
    upload = begin(session, b"", source="dictation", total_bytes=None)
    send(upload, files.hum(3))

    page = client.get(address("upload", session)).content.decode()
    client.post(address("keep_upload", session, upload.pk))
    run_jobs()

    assert "0:03 of it arrived" in page
    assert "Dictated after the session" in client.get(address("transcript", session)).content.decode()


def test_the_page_shows_how_far_the_reading_is_and_what_is_left(session, signed_in, asha):
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content)
    finish(upload, content)
    job = jobs.lease_next("speech", [uploads.READ], timezone.now(), 300)
    Job.objects.update(started_at=timezone.now() - timedelta(seconds=60))
    jobs.set_progress(job, 25, 100)

    page = signed_in(asha).get(address("upload_state", session)).content.decode()

    assert "25% read" in page
    assert "About 3 min left" in page


def test_a_session_with_a_recording_or_a_cancelled_one_offers_nothing(signed_in, asha):
    cancelled = make_session(asha, status="cancelled")
    recorded = make_session(asha)
    record_audio(recorded)

    page = signed_in(asha).get(address("upload", recorded)).content.decode()

    assert "This session has its recording" in page
    assert "data-upload" not in page
    assert "was cancelled" in signed_in(asha).get(address("upload", cancelled)).content.decode()


def test_the_transcript_page_of_a_session_without_a_sound_leads_to_upload_and_dictation(
    session, signed_in, asha, ben, now
):
    from patients import services as patients

    patients.share_patient(session.patient, doctor=ben, by=asha, at=now)

    assert address("upload", session) in signed_in(asha).get(address("transcript", session)).content.decode()
    assert address("upload", session) not in signed_in(ben).get(address("transcript", session)).content.decode()
    begin(session, files.sound_file("wav"))
    assert "on its way" in signed_in(asha).get(address("transcript", session)).content.decode()


def test_a_recording_that_could_not_be_read_is_explained_where_its_words_would_be(session, signed_in, asha):
    bring(session, files.empty_wav())

    assert "holds no sound at all" in signed_in(asha).get(address("transcript", session)).content.decode()


def test_of_a_cut_file_the_transcript_page_says_what_is_missing(session, signed_in, asha):
    whole = files.faststart_m4a(12)
    bring(session, whole[: len(whole) * 2 // 3])

    assert "The uploaded file ended early" in signed_in(asha).get(address("transcript", session)).content.decode()


def test_a_telephone_visit_starts_on_the_page_that_takes_its_recording(signed_in, asha):
    from patients.tests.factories import make_patient

    patient = make_patient(doctor=asha)

    answer = signed_in(asha).post(
        reverse("sessions:start"), {"patient": patient.pk, "session_type": "followup", "then": "upload"}
    )

    session = patient.consultation_sessions.get()
    assert answer.url == address("upload", session)
    assert not session.with_recording


def test_nothing_of_a_file_is_told_in_the_trail(session, signed_in, asha):
    from synapse.audit.models import AuditEvent

    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content)
    finish(upload, content)
    run_jobs()

    details = [json.dumps(one) for one in AuditEvent.objects.values_list("detail", flat=True)]
    for verb in ("open_upload", "finish_upload", "store_upload"):
        assert sum(f'"{verb}"' in one for one in details) == 1
