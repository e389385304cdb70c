"""Every try at a session's words is kept; the latest finished one counts."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from sessions_app import queries
from sessions_app.models import Transcription
from sessions_app.templatetags.sessions import time_left
from sessions_app.tests.factories import (
    make_transcription,
    make_written_session,
    segment_of,
)
from sessions_app.transcripts import corrections
from sessions_app.transcripts import services as transcripts
from synapse.common import jobs
from synapse.common.errors import NotAllowed
from synapse.common.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(asha):
    return make_written_session(asha)


@pytest.fixture
def again(session, asha):
    """A second try beside a finished transcript; it waits."""
    return transcripts.retry(session.transcriptions.get(), by=asha, at=timezone.now())


def address(name, session, *more):
    return reverse(f"sessions:{name}", args=[session.pk, *more])


def test_a_finished_transcript_counts_while_a_newer_try_runs_and_when_it_fails(session, again, signed_in, asha):
    first = session.transcriptions.get(retry_count=0)
    page = signed_in(asha).get(address("transcript", session)).content.decode()

    assert queries.current_transcription(session) == first
    assert queries.latest_try(session) == again
    assert "How has your sleep been" in page
    assert "being written again" in page

    transcripts.fail(again, message="The speech engine stopped.", at=timezone.now())
    page = signed_in(asha).get(address("transcript", session)).content.decode()

    assert queries.current_transcription(session) == first
    assert "How has your sleep been" in page
    assert "gave none" in page
    assert queries.sessions_for_list(asha).get().words_status == "completed"


def test_a_newer_finished_transcript_counts_and_the_page_that_shows_the_old_one_says_so(session, signed_in, asha):
    first = session.transcriptions.get()
    first.retry_count = 1
    first.save()
    make_transcription(session)  # the older of the two now
    older = session.transcriptions.get(retry_count=0)

    answer = signed_in(asha).get(address("newer_try", session), {"shown": str(older.pk)}).content.decode()

    assert queries.current_transcription(session) == first
    assert "Show the new transcript" in answer
    assert "hx-trigger" not in answer


def test_the_attempts_are_listed_with_how_they_ended_and_an_old_one_can_be_read(session, again, signed_in, asha):
    transcripts.fail(again, message="The speech engine stopped.", at=timezone.now())
    client = signed_in(asha)

    page = client.get(address("attempts", session)).content.decode()
    words = client.get(address("attempt", session, 1)).content.decode()

    assert "tiny.en" in page
    assert "The speech engine stopped." in page
    assert "Write the words again" in page
    assert "How has your sleep been" in words
    assert "The speech engine stopped." in client.get(address("attempt", session, 2)).content.decode()
    assert client.get(address("attempt", session, 3)).status_code == 404


def test_words_stand_apart_on_the_pages_that_only_show_them(session, again, signed_in, asha):
    first = session.transcriptions.get(retry_count=0)
    line = segment_of("patient", 0, 2_000, "I take zopiclone at night.", doubtful="zopiclone")
    Transcription.objects.filter(pk=first.pk).update(segments=[{**line, "id": 1, "original_text": None}])
    client = signed_in(asha)

    assert "I take zopiclone at night." in client.get(address("attempt", session, 1)).content.decode()

    first.delete()
    again.live_segments = [{**line, "id": 1, "original_text": None}]
    again.save()
    assert "I take zopiclone at night." in client.get(address("transcript", session)).content.decode()


def test_the_page_says_that_corrections_are_not_carried_over(session, signed_in, asha):
    client = signed_in(asha)
    assert "not carried over" not in client.get(address("attempts", session)).content.decode()

    corrections.swap_speakers(session.transcriptions.get(), by=asha, at=timezone.now())

    assert "not carried over" in client.get(address("attempts", session)).content.decode()


@pytest.mark.parametrize("name", ["attempts", "newer_try"])
def test_attempts_are_for_the_treating_doctors(session, signed_in, asha, ben, rita, omar, client, name):
    assert signed_in(asha).get(address(name, session)).status_code == 200
    assert signed_in(asha).post(address(name, session)).status_code == 405
    assert signed_in(ben).get(address(name, session)).status_code == 404
    assert signed_in(ben).get(address("attempt", session, 1)).status_code == 404
    assert signed_in(rita).get(address(name, session)).status_code == 403
    assert signed_in(omar).get(address("attempt", session, 1)).status_code == 403
    assert client.get(address(name, session)).status_code == 302


def test_an_admin_sees_the_attempts_without_their_words_and_redoes_no_finished_one(session, signed_in, omar):
    page = signed_in(omar).get(address("detail", session)).content.decode()

    assert "Attempt 1" in page
    assert "sleep" not in page
    assert address("attempt", session, 1) not in page
    with pytest.raises(NotAllowed):
        transcripts.retry(session.transcriptions.get(), by=omar, at=timezone.now())


def test_the_time_left_follows_the_pace_of_the_run(again, session, signed_in, asha):
    now = timezone.now()
    Job.objects.exclude(object_id=again.pk).delete()
    job = Job.objects.get()
    assert jobs.seconds_left(job, now) is None
    leased = jobs.lease_next("speech", [job.kind], timezone.now(), 300)
    jobs.set_progress(leased, 600, 3_000)
    Job.objects.filter(pk=leased.pk).update(started_at=now - timedelta(seconds=60), progress_at=now)
    leased.refresh_from_db()

    assert jobs.seconds_left(leased, now) == 240
    assert jobs.seconds_left(leased, now + timedelta(seconds=40)) == 200
    assert jobs.seconds_left(leased, now + timedelta(seconds=400)) == 0
    assert "about 4 min left" in signed_in(asha).get(address("newer_try", session)).content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "less than a minute left"),
        (59, "less than a minute left"),
        (60, "about 1 min left"),
        (61, "about 2 min left"),
    ],
)
def test_the_time_left_in_words(seconds, words):
    assert time_left(seconds) == words
