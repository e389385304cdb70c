"""The WebSocket door, through the whole ASGI application."""

import asyncio
import hashlib
import json
import time
from datetime import timedelta

import pytest
from asgiref.sync import SyncToAsync
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.testing import WebsocketCommunicator
from django.db import OperationalError, connections
from django.test import Client
from django.utils import timezone

from sessions_app import consumers, services
from sessions_app.capture import access as socket_access
from sessions_app.capture import live
from sessions_app.capture import recorder as capture
from sessions_app.models import ConsultationSession
from sessions_app.recordings import services as recordings
from sessions_app.routing import websocket_urlpatterns
from sessions_app.spool import store as spool
from sessions_app.tests.factories import make_consent, make_session, tone
from synapse.accounts import browser_sessions
from synapse.accounts.roles import Role
from synapse.audit.models import AuditEvent
from synapse.common import draining

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

application = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
HELLO = {"type": "hello", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": 1}
PCM = tone(200)
PATIENCE_SECONDS = 30  # a frame that does not come at all is waited for so long


def cookie_of(user):
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def socket(path, cookie="", origin=b"http://localhost:8000"):
    headers = [(b"origin", origin)] if origin else []
    if cookie:
        headers.append((b"cookie", f"sessionid={cookie}".encode()))
    return WebsocketCommunicator(application, path, headers=headers)


class Recorder:
    """A signed-in client of one session's stream."""

    def __init__(self, user, session_id):
        self.user, self.session_id, self.frames = user, session_id, []

    async def __aenter__(self):
        self.cookie = await database_sync_to_async(cookie_of)(self.user)
        self.socket = socket(f"/ws/sessions/{self.session_id}/audio/", self.cookie)
        connected, _ = await self.socket.connect(timeout=PATIENCE_SECONDS)
        assert connected
        return self

    async def __aexit__(self, *error):
        await self.socket.disconnect(timeout=PATIENCE_SECONDS)

    async def send(self, **frame):
        await self.socket.send_to(text_data=json.dumps(frame))

    async def chunk(self, seq, t_ms=None, pcm=PCM):
        data = live.CHUNK_HEADER.pack(seq, seq * 200 if t_ms is None else t_ms) + pcm
        await self.socket.send_to(bytes_data=data)

    async def expect(self, kind, seconds=PATIENCE_SECONDS):
        """Return the next frame of a kind; others are kept in `frames`."""
        while True:
            output = await self.socket.receive_output(seconds)
            assert output["type"] == "websocket.send", output
            frame = json.loads(output["text"])
            self.frames.append(frame)
            if frame["type"] == kind:
                return frame

    async def closed(self, seconds=PATIENCE_SECONDS):
        """Return the code the server closes with; frames before are kept."""
        while True:
            output = await self.socket.receive_output(seconds)
            if output["type"] == "websocket.close":
                assert type(output["code"]) is int  # the server refuses an enum
                return output["code"]
            self.frames.append(json.loads(output["text"]))

    async def hello(self, **more):
        await self.send(**HELLO, **more)
        return await self.expect("ready")

    async def ack(self, seq):
        while (await self.expect("ack"))["seq"] < seq:
            pass


@pytest.fixture
def session(asha):
    return make_session(asha)


@pytest.fixture(autouse=True)
def closed_connections():
    """The communicator keeps channels from closing connections; the thread it signs people in with is closed here."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(consumers, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(capture, "GROUP_SECONDS", 0.02)
    monkeypatch.setattr(draining, "_draining", False)


async def refusal(user, session_id, path="/ws/sessions/{}/audio/"):
    cookie = await database_sync_to_async(cookie_of)(user) if user else ""
    communicator = socket(path.format(session_id), cookie)
    connected, _ = await communicator.connect(timeout=PATIENCE_SECONDS)
    assert connected
    output = await communicator.receive_output(PATIENCE_SECONDS)
    assert output["type"] == "websocket.close"
    return output["code"]


async def test_nobody_signed_in_is_closed_with_4401(session):
    assert await refusal(None, session.pk) == 4401


async def test_a_stranger_and_the_receptionist_find_no_session(session, ben, rita):
    assert await refusal(ben, session.pk) == 4404
    assert await refusal(rita, session.pk) == 4404
    assert await database_sync_to_async(AuditEvent.objects.filter(action="deny", outcome="denied").count)() == 2


async def test_an_unknown_or_malformed_id_is_no_session(session, asha):
    assert await refusal(asha, "not-a-uuid") == 4404
    assert await refusal(asha, asha.pk) == 4404


async def test_an_admin_sees_the_session_but_may_not_record(session, omar):
    assert await refusal(omar, session.pk) == 4403


async def test_without_consent_there_is_no_recording(asha):
    session = await database_sync_to_async(make_session)(asha, consent=False)

    assert await refusal(asha, session.pk) == 4403


async def test_an_expired_consent_is_none(session, asha):
    await database_sync_to_async(session.patient.consents.update)(expires_at=timezone.now() - timedelta(seconds=1))

    assert await refusal(asha, session.pk) == 4403


async def test_a_session_that_is_over_is_closed_with_4410(asha):
    session = await database_sync_to_async(make_session)(asha, status="completed")

    assert await refusal(asha, session.pk) == 4410


async def test_a_foreign_origin_is_refused_in_the_handshake(session, asha):
    cookie = await database_sync_to_async(cookie_of)(asha)

    connected, _ = await socket(f"/ws/sessions/{session.pk}/audio/", cookie, b"https://evil.example").connect(
        timeout=PATIENCE_SECONDS
    )

    assert not connected


async def test_audio_is_stored_acknowledged_and_finished_with_the_same_sum(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        ready = await recorder.hello()
        for seq in range(5):
            await recorder.chunk(seq)
        await recorder.ack(4)
        sha = hashlib.sha256(PCM * 5).hexdigest()
        await recorder.send(type="finish", last_seq=4, sha256=sha)
        finished = await recorder.expect("finished")

    assert ready["next_seq"] == 0
    assert ready["credit"] == live.CREDIT
    assert finished == {"type": "finished", "last_seq": 4, "sha256": sha, "duration_ms": 1000}
    stored = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
    assert stored.audio_sha256 == sha
    assert stored.stream_closed_at is not None
    assert not stored.audio_sum_mismatch


async def test_a_missing_chunk_is_asked_for_and_then_all_is_there(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.chunk(2)
        missing = await recorder.expect("missing")
        await recorder.send(type="finish", last_seq=2, sha256=None)
        await recorder.chunk(1)
        finished = await recorder.expect("finished")

    assert (missing["from"], missing["to"]) == (1, 1)
    assert finished["last_seq"] == 2


async def test_sums_that_differ_are_said_and_marked_and_the_audio_kept(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.send(type="finish", last_seq=0, sha256="0" * 64)
        error = await recorder.expect("error")
        finished = await recorder.expect("finished")

    assert error["code"] == "sum_mismatch"
    assert finished["sha256"] == hashlib.sha256(PCM).hexdigest()
    stored = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
    assert stored.audio_sum_mismatch
    assert spool.default_store().exists(session.pk)


async def test_after_finish_no_audio_is_taken_and_the_answer_can_be_had_again(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        token = (await recorder.hello())["stream"]
        await recorder.chunk(0)
        await recorder.send(type="finish", last_seq=0, sha256=None)
        await recorder.expect("finished")
        await recorder.chunk(1)
        refused = await recorder.expect("error")
    async with Recorder(asha, session.pk) as again:
        ready = await again.hello(stream=token)
        await again.send(type="finish", last_seq=0, sha256=None)
        finished = await again.expect("finished")

    assert refused["code"] == "stream_finished"
    assert ready["next_seq"] == 1
    assert finished["last_seq"] == 0
    assert spool.default_store().timeline(session.pk).last_seq == 0


async def test_a_cut_goes_on_from_the_last_ack(session, asha):
    async with Recorder(asha, session.pk) as first:
        token = (await first.hello())["stream"]
        for seq in range(3):
            await first.chunk(seq)
        await first.ack(2)
    async with Recorder(asha, session.pk) as second:
        ready = await second.hello(stream=token)
        await second.chunk(2)
        await second.chunk(3)
        await second.ack(3)

    assert ready["next_seq"] == 3
    assert ready["t_ms"] == 600
    assert spool.default_store().timeline(session.pk).sha256 == hashlib.sha256(PCM * 4).hexdigest()


async def test_audio_before_hello_is_a_broken_frame(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.chunk(0)

        assert await recorder.closed() == 4400


@pytest.mark.parametrize("text", ["no json", '{"type":"finish","last_seq":0,"sha256":null}', '{"type":"hello"}'])
async def test_broken_text_is_closed_with_4400(session, asha, text):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.socket.send_to(text_data=text)

        assert await recorder.closed() == 4400


async def test_an_oversized_chunk_is_closed_with_4400_and_the_others_stay(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.chunk(1, pcm=b"\0" * 66_000)

        assert await recorder.closed() == 4400
    assert spool.default_store().timeline(session.pk).last_seq == 0


async def test_more_than_the_credit_is_closed_with_1008(session, asha, monkeypatch):
    monkeypatch.setattr(capture, "GROUP_SECONDS", 5)
    monkeypatch.setattr(live, "CREDIT", 4)
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(4)

        assert await recorder.closed() == 1008


async def test_a_second_recorder_is_refused_while_the_first_is_heard(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.hello()
        await first.chunk(0)
        await first.ack(0)
        async with Recorder(asha, session.pk) as second:
            await second.send(**HELLO)

            assert await second.closed() == 4409
        await first.chunk(1)
        await first.ack(1)


async def test_a_browser_that_did_not_hear_ready_says_hello_again(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.send(**HELLO)
        await first.expect("ready")  # the client was cut before this reached it
        second = Recorder(asha, session.pk)
        second.socket = socket(f"/ws/sessions/{session.pk}/audio/", first.cookie)
        await second.socket.connect(timeout=PATIENCE_SECONDS)
        await second.hello()

        assert await first.closed() == 4409
        await second.chunk(0)
        await second.ack(0)
        async with Recorder(asha, session.pk) as third:
            await third.send(**HELLO)
            assert await third.closed() == 4409
        await second.socket.disconnect(timeout=PATIENCE_SECONDS)


async def test_a_browser_that_was_cut_before_it_heard_ready_comes_back_at_once(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.hello()  # the client never learns its token, and sends nothing
    async with Recorder(asha, session.pk) as second:
        assert (await second.hello())["next_seq"] == 0
        await second.chunk(0)
        await second.ack(0)


async def test_the_streams_own_token_takes_over_at_once(session, asha):
    async with Recorder(asha, session.pk) as first:
        token = (await first.hello())["stream"]
        await first.chunk(0)
        await first.ack(0)
        async with Recorder(asha, session.pk) as second:
            ready = await second.hello(stream=token)

            assert await first.closed() == 4409
            await second.chunk(1)
            await second.ack(1)

    assert ready["next_seq"] == 1


async def test_a_silent_recorder_is_replaced_after_fifteen_seconds(session, asha):
    async with Recorder(asha, session.pk) as first:
        old_token = (await first.hello())["stream"]
        await first.chunk(0)
        await first.ack(0)
        await silence(session)
        async with Recorder(asha, session.pk) as second:
            token = (await second.hello())["stream"]

            assert await first.closed() == 4409
            async with Recorder(asha, session.pk) as third:
                await third.send(**HELLO, stream=old_token)
                assert await third.closed() == 4409

    assert token != old_token


async def test_a_stranger_token_is_refused_after_a_restart_while_audio_is_fresh(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.hello()
        await first.chunk(0)
        await first.ack(0)
    async with Recorder(asha, session.pk) as second:
        await second.send(**HELLO, stream="guess")

        assert await second.closed() == 4409


async def silence(session):
    """Let the recorder's last frame lie sixteen seconds back."""
    import os

    past = time.time() - live.HEARD_WITHIN_SECONDS - 1
    os.utime(spool.default_store().folder(session.pk) / "chunks", (past, past))
    for consumer in consumers._recorders.values():
        consumer._heard_at -= live.HEARD_WITHIN_SECONDS + 1


async def test_pause_and_resume_are_recorded_once_and_answered(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.send(type="pause", cid="c1")
        paused = await recorder.expect("state")
        await recorder.send(type="pause", cid="c1")
        again = await recorder.expect("state")
        await recorder.send(type="resume", cid="c2")
        resumed = await recorder.expect("state")

    assert paused == {"type": "state", "cid": "c1", "status": "paused", "t_ms": 200, "reason": None}
    assert again["status"] == "paused"
    assert resumed["status"] == "in_progress"
    kinds = await database_sync_to_async(list)(session.events.order_by("at").values_list("kind", flat=True))
    assert kinds == ["pause", "resume"]


async def test_a_mark_is_stored_at_its_place(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        for _ in range(2):
            await recorder.send(type="mark", cid="m1", kind="risk", t_ms=1234)
            state = await recorder.expect("state")

    assert state["cid"] == "m1"
    events = await database_sync_to_async(list)(session.events.values_list("kind", "at_ms"))
    assert events == [("risk", 1234)]


async def test_why_a_stretch_has_no_sound_is_stored_and_cut_to_what_is_missing(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.send(type="gap", cid="g1", from_ms=150, to_ms=4_000, reason="asleep")
        await recorder.chunk(1, t_ms=3_000)
        await recorder.send(type="finish", last_seq=1, sha256=None)
        await recorder.expect("finished")

    events = await database_sync_to_async(list)(session.events.values_list("kind", "at_ms", "until_ms", "reason"))
    assert events == [("gap", 200, 3_000, "asleep")]


async def test_a_flood_of_text_is_closed_with_1008(session, asha, monkeypatch):
    monkeypatch.setattr(live, "NEEDLESS_FRAMES", 5)
    monkeypatch.setattr(live, "NEEDLESS_FRAMES_PER_SECOND", 0)
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        for place in range(8):
            await recorder.send(type="mark", cid=f"m{place}", kind="moment", t_ms=place)

        assert await recorder.closed() == 1008


async def test_one_person_may_not_open_sockets_without_end(session, asha, monkeypatch):
    monkeypatch.setattr(consumers, "MOST_SOCKETS", 2)
    async with Recorder(asha, session.pk) as first, Recorder(asha, session.pk) as second:
        await first.hello()
        await second.send(type="mark", cid="m1", kind="moment", t_ms=0)
        await second.expect("state")
        assert await refusal(asha, session.pk) == 1008
        await first.chunk(0)
        await first.ack(0)
    async with Recorder(asha, session.pk) as later:
        await later.send(type="pause", cid="c1")
        await later.expect("state")


async def test_a_socket_that_is_still_being_let_in_counts_too(session, asha, monkeypatch):
    monkeypatch.setattr(consumers, "MOST_SOCKETS", 1)
    admit, loop, others = socket_access.admit, asyncio.get_running_loop(), []

    def admit_late(*args, **kwargs):
        monkeypatch.setattr(socket_access, "admit", admit)
        others.append(asyncio.run_coroutine_threadsafe(refusal(asha, session.pk), loop).result(10))
        return admit(*args, **kwargs)

    monkeypatch.setattr(socket_access, "admit", admit_late)
    async with Recorder(asha, session.pk) as first:
        await first.hello()

    assert others == [1008]


async def test_a_database_that_fails_at_the_end_is_asked_again(session, asha, monkeypatch):
    monkeypatch.setattr(capture, "STORAGE_RETRY_SECONDS", 0.05)
    real, calls = recordings.finish_stream, []

    def fails_once(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("locked")
        return real(*args, **kwargs)

    monkeypatch.setattr(recordings, "finish_stream", fails_once)
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.send(type="finish", last_seq=0, sha256=None)
        await recorder.chunk(0)

        assert (await recorder.expect("finished"))["last_seq"] == 0


async def test_a_refused_change_is_an_error_and_the_stream_lives(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.send(type="resume", cid="c1")
        error = await recorder.expect("error")
        await recorder.chunk(0)
        await recorder.ack(0)

    assert error["code"] == "invalid_transition"
    assert error["cid"] == "c1"


async def test_a_pause_made_elsewhere_is_told(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await database_sync_to_async(services.pause_session)(session, by=asha, at=timezone.now())
        state = await recorder.expect("state")

    assert state["status"] == "paused"
    assert "cid" not in state


async def test_completing_elsewhere_ends_the_stream_with_what_was_acknowledged(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.ack(0)
        fresh = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
        at = timezone.now() + timedelta(seconds=5)
        await database_sync_to_async(services.complete_session)(fresh, by=asha, at=at)

        assert await recorder.closed() == 4410
    assert recorder.frames[-1]["status"] == "completed"
    gap = await database_sync_to_async(session.events.get)(kind="gap")
    assert gap.at_ms == 200
    assert gap.until_ms > 4_000


async def test_withdrawing_consent_stops_at_once_and_drops_what_came_after(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        await recorder.ack(0)
        at = timezone.now()
        await asyncio.sleep(0.05)
        await recorder.chunk(1)
        await recorder.ack(1)
        await database_sync_to_async(session.patient.consents.update)(status="withdrawn", withdrawn_at=at)
        await database_sync_to_async(recordings.stop_recordings_of)(session.patient_id, by=asha, at=at)

        assert await recorder.closed() == 4403
    state = recorder.frames[-1]
    assert (state["type"], state["reason"]) == ("state", "consent_withdrawn")
    assert spool.default_store().timeline(session.pk).last_seq == 0
    assert await refusal(asha, session.pk) == 4403


async def test_consent_that_simply_ends_stops_the_recording_too(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await database_sync_to_async(session.patient.consents.update)(expires_at=timezone.now())

        assert await recorder.closed() == 4403
    stored = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
    assert not stored.with_recording
    assert stored.status == "in_progress"


async def test_recording_goes_on_after_consent_is_given_again(session, asha):
    async with Recorder(asha, session.pk) as first:
        await first.hello()
        await first.chunk(0)
        await first.ack(0)
        at = timezone.now()
        await database_sync_to_async(session.patient.consents.update)(status="withdrawn", withdrawn_at=at)
        await database_sync_to_async(recordings.stop_recordings_of)(session.patient_id, by=asha, at=at)
        await first.closed()
    await database_sync_to_async(make_consent)(session.patient, by=asha)
    fresh = await database_sync_to_async(ConsultationSession.objects.get)(pk=session.pk)
    await database_sync_to_async(recordings.start_recording)(fresh, by=asha, at=timezone.now())
    await silence(session)
    async with Recorder(asha, session.pk) as second:
        ready = await second.hello()
        await second.chunk(1, t_ms=5_000)
        await second.ack(1)

    assert ready["next_seq"] == 1
    assert spool.default_store().timeline(session.pk).gaps == [(200, 5_000)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_active": False}, 4401),
        ({"password": "another"}, 4401),
        ({"role": Role.RECEPTIONIST}, 4403),
    ],
)
async def test_a_change_of_rights_closes_an_open_stream(session, asha, change, code):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await database_sync_to_async(type(asha).objects.filter(pk=asha.pk).update)(**change)

        assert await recorder.closed() == code


async def test_signing_out_closes_an_open_stream(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await database_sync_to_async(browser_sessions.end_all)(asha, by=asha)

        assert await recorder.closed() == 4401


LEFT_ALONE = [
    {"last_used_at": timedelta(minutes=15, seconds=1)},
    {"signed_in_at": timedelta(hours=12, seconds=1)},
    {"locked_at": timedelta(0)},
]


async def leave(user, since):
    at = timezone.now()
    values = {name: at - time for name, time in since.items()}
    await database_sync_to_async(user.browser_sessions.update)(**values)


@pytest.mark.parametrize("since", LEFT_ALONE)
async def test_a_locked_screen_stops_no_recording_and_is_told_no_words(session, asha, since, monkeypatch):
    monkeypatch.setattr(consumers, "CHECK_SECONDS", 0.05)
    words = asyncio.Queue()

    async def spoken(session_id):
        while True:
            yield await words.get()

    monkeypatch.setattr(consumers.live_text, "subscribe", spoken)
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        words.put_nowait({"text": "said before"})
        await recorder.expect("segment")
        await leave(asha, since)
        await until(lambda: not any(one._is_screen_open for one in consumers._recorders.values()))
        words.put_nowait({"text": "said behind the cover"})
        await recorder.chunk(0)
        await recorder.ack(0)
        before = len(recorder.frames)
        await database_sync_to_async(locking_opens)(asha)
        await until(lambda: all(one._is_screen_open for one in consumers._recorders.values()))
        words.put_nowait({"text": "said after"})
        after = await recorder.expect("segment")

    assert "said behind the cover" not in json.dumps(recorder.frames[:before])
    assert after["text"] == "said after"
    row = await database_sync_to_async(asha.browser_sessions.get)()
    assert row.last_used_at <= timezone.now()


async def test_a_locked_screen_that_only_looks_on_is_closed(session, asha):
    async with Recorder(asha, session.pk) as onlooker:
        await leave(asha, {"locked_at": timedelta(0)})

        assert await onlooker.closed() == 4401


def locking_opens(user):
    now = timezone.now()
    user.browser_sessions.update(locked_at=None, last_used_at=now, signed_in_at=now)


async def until(is_so):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.02)


async def test_a_full_disk_is_said_nothing_is_acknowledged_and_then_it_goes_on(session, asha, monkeypatch):
    monkeypatch.setattr(capture, "STORAGE_RETRY_SECONDS", 0.05)
    import errno
    import os

    real = os.pwrite
    broken = True

    def full(descriptor, data, offset):
        if broken:
            raise OSError(errno.ENOSPC, "full")
        return real(descriptor, data, offset)

    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        monkeypatch.setattr(os, "pwrite", full)
        await recorder.chunk(0)
        error = await recorder.expect("error")
        told = [frame["type"] for frame in recorder.frames]
        broken = False
        await recorder.ack(0)

    assert error["code"] == "storage_failed"
    assert error["retryable"]
    assert "ack" not in told


async def test_storage_that_stays_broken_puts_the_session_into_error(session, asha, monkeypatch):
    import errno
    import os

    monkeypatch.setattr(capture, "STORAGE_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(capture, "STORAGE_GIVE_UP_SECONDS", 0.1)

    def broken(descriptor, data, offset):
        raise OSError(errno.EIO, "broken")

    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        monkeypatch.setattr(os, "pwrite", broken)
        await recorder.chunk(0)
        state = await recorder.expect("state")
        monkeypatch.undo()
        await recorder.ack(0)

    assert (state["status"], state["reason"]) == ("error", "storage_failed")


async def test_draining_acknowledges_and_says_come_back(session, asha):
    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        await recorder.chunk(0)
        # Long enough for the frame to be received on a busy machine, shorter than the 250 ms after which it is synced anyway.
        await asyncio.sleep(0.1)
        await draining.drain(5)

        assert await recorder.closed() == 1012
    assert {"type": "ack", "seq": 0} in recorder.frames
    assert await refusal(asha, session.pk) == 1012


async def test_a_frame_that_raises_is_answered_and_the_next_one_is_stored(session, asha, monkeypatch):
    def explode(*args, **kwargs):
        raise RuntimeError("unexpected")

    async with Recorder(asha, session.pk) as recorder:
        await recorder.hello()
        monkeypatch.setattr(services, "pause_session", explode)
        await recorder.send(type="pause", cid="c1")
        error = await recorder.expect("error")
        await recorder.chunk(0)
        await recorder.ack(0)

    assert error["code"] == "internal"
