"""The protocol's rules, without a socket."""

import contextlib
import itertools
import json
import random

import pytest

from sessions_app.capture import live
from sessions_app.capture.live import Close, Control, Finish, FinishedSpool, Gap, Hello, LiveStream, StreamClosed

HELLO = {"type": "hello", "encoding": "pcm_s16le", "sample_rate": 16000, "channels": 1}


class MemorySpool:
    """A spool whose disk is a dict; `commit` makes what was appended durable."""

    def __init__(self):
        self.durable = {}
        self.pending = {}

    @property
    def acked(self):
        seq = -1
        while seq + 1 in self.durable:
            seq += 1
        return seq

    @property
    def highest_seq(self):
        return max([*self.durable, *self.pending], default=-1)

    def append(self, seq, t_ms, pcm, *, arrived_ms):
        if seq in self.durable or seq in self.pending:
            return False
        self.pending[seq] = pcm
        return True

    def commit(self):
        self.durable |= self.pending
        self.pending = {}

    def missing(self, up_to):
        holes, have = [], {*self.durable, *self.pending}
        for seq in range(self.acked + 1, up_to + 1):
            if seq in have:
                continue
            if holes and holes[-1][1] == seq - 1:
                holes[-1] = (holes[-1][0], seq)
            else:
                holes.append((seq, seq))
        return holes


@pytest.fixture
def spool():
    return MemorySpool()


@pytest.fixture
def stream(spool):
    return LiveStream(spool, token="secret")


clock = itertools.count(step=50)  # ms


def chunk(seq, t_ms=None, pcm=b"\0\1" * 1600):
    return live.CHUNK_HEADER.pack(seq, seq * 100 if t_ms is None else t_ms) + pcm


def send(stream, *seqs):
    return [frame for seq in seqs for frame in stream.receive_audio(chunk(seq), arrived_ms=next(clock))]


def test_hello_pause_resume_mark_and_finish_are_read():
    sha = "ab" * 32

    frames = [
        live.parse_text(json.dumps(frame))
        for frame in (
            HELLO,
            {**HELLO, "stream": "token"},
            {"type": "pause", "cid": "c1"},
            {"type": "resume", "cid": "c2"},
            {"type": "mark", "cid": "c3", "kind": "risk", "t_ms": 1500},
            {"type": "gap", "cid": "c4", "from_ms": 200, "to_ms": 900, "reason": "asleep"},
            {"type": "finish", "last_seq": 7, "sha256": sha.upper()},
            {"type": "finish", "last_seq": -1, "sha256": None},
        )
    ]

    assert frames == [
        Hello(""),
        Hello("token"),
        Control("pause", "c1"),
        Control("resume", "c2"),
        Control("risk", "c3", 1500),
        Gap("c4", 200, 900, "asleep"),
        Finish(7, sha),
        Finish(-1, None),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "no json",
        "[]",
        "null",
        "1e999",
        '{"type": "dance"}',
        '{"type": ["hello"]}',
        json.dumps({**HELLO, "encoding": "opus"}),
        json.dumps({**HELLO, "sample_rate": 48000}),
        json.dumps({**HELLO, "channels": 2}),
        json.dumps({**HELLO, "stream": 7}),
        json.dumps({**HELLO, "stream": "\ud800"}),
        json.dumps({**HELLO, "stream": "x" * 201}),
        '{"type": "pause"}',
        '{"type": "pause", "cid": ""}',
        '{"type": "pause", "cid": 5}',
        '{"type": "pause", "cid": "s:server"}',
        json.dumps({"type": "pause", "cid": "x" * 61}),
        '{"type": "mark", "cid": "c", "kind": "party", "t_ms": 1}',
        '{"type": "mark", "cid": "c", "kind": ["risk"], "t_ms": 1}',
        '{"type": "mark", "cid": "c", "kind": "risk"}',
        '{"type": "mark", "cid": "c", "kind": "risk", "t_ms": -1}',
        '{"type": "mark", "cid": "c", "kind": "risk", "t_ms": 1.5}',
        '{"type": "gap", "cid": "c", "from_ms": 1, "to_ms": 2}',
        '{"type": "gap", "cid": "c", "from_ms": 1, "to_ms": 2, "reason": "not_sent"}',
        '{"type": "gap", "cid": "c", "from_ms": 2, "to_ms": 2, "reason": "away"}',
        '{"type": "gap", "cid": "s:1", "from_ms": 1, "to_ms": 2, "reason": "away"}',
        '{"type": "gap", "from_ms": 1, "to_ms": 2, "reason": "away"}',
        '{"type": "finish"}',
        '{"type": "finish", "last_seq": true, "sha256": null}',
        '{"type": "finish", "last_seq": -2, "sha256": null}',
        '{"type": "finish", "last_seq": 1, "sha256": "short"}',
        '{"type": "finish", "last_seq": 1, "sha256": 3}',
        "[" * 50_000,
        " " * 70_000,
    ],
)
def test_a_broken_text_frame_ends_with_4400(raw):
    with pytest.raises(StreamClosed) as end:
        live.parse_text(raw)

    assert end.value.code == Close.BROKEN_FRAME


def test_ready_says_where_to_go_on_and_how_far(spool, stream):
    send(stream, 0, 1)
    spool.commit()

    ready = stream.ready(clock_ms=200)

    assert ready == {"type": "ready", "next_seq": 2, "credit": live.CREDIT, "stream": "secret", "t_ms": 200}


def test_an_ack_follows_the_commit_and_never_comes_before(spool, stream):
    send(stream, 0, 1, 2)

    before = stream.committed()
    spool.commit()
    after = stream.committed()

    assert before == []
    assert after == [{"type": "ack", "seq": 2}]
    assert stream.committed() == []


def test_the_ack_stops_before_a_hole_and_the_hole_is_asked_for_once(spool, stream):
    asked = send(stream, 0, 3, 4, 6)
    spool.commit()

    assert asked == [{"type": "missing", "from": 1, "to": 2}, {"type": "missing", "from": 5, "to": 5}]
    assert stream.committed() == [{"type": "ack", "seq": 0}]
    assert send(stream, 1, 7) == []
    send(stream, 2, 5)
    spool.commit()
    assert stream.committed() == [{"type": "ack", "seq": 7}]


def test_a_duplicate_is_dropped_without_a_word(spool, stream):
    send(stream, 0)
    spool.commit()

    again = send(stream, 0)

    assert again == []
    assert spool.pending == {}


@pytest.mark.parametrize("data", [b"", b"1234567", b"12345678", chunk(0, pcm=b"123"), chunk(0, pcm=b"\0" * 65_600)])
def test_a_broken_audio_frame_ends_with_4400(stream, data):
    with pytest.raises(StreamClosed) as end:
        stream.receive_audio(data, arrived_ms=1)

    assert end.value.code == Close.BROKEN_FRAME


def test_the_largest_frame_is_64_kib(stream, spool):
    stream.receive_audio(chunk(0, pcm=b"\0" * (64 * 1024 - 8)), arrived_ms=1)

    assert len(spool.pending[0]) == 64 * 1024 - 8


def test_beyond_the_credit_ends_with_1008(spool, stream):
    send(stream, *range(live.CREDIT))

    with pytest.raises(StreamClosed) as end:
        send(stream, live.CREDIT)

    assert end.value.code == Close.POLICY
    spool.commit()
    assert send(stream, live.CREDIT) == []


def test_finish_asks_for_what_is_missing_and_waits(spool, stream):
    send(stream, 0, 1)
    spool.commit()

    asked = stream.announce_finish(Finish(4, None))

    assert asked == [{"type": "missing", "from": 2, "to": 4}]
    assert not stream.is_complete
    send(stream, 4, 3, 2)
    assert not stream.is_complete
    spool.commit()
    assert stream.is_complete


def test_an_end_before_what_was_received_is_refused(spool, stream):
    send(stream, 0, 1, 2)

    answer = stream.announce_finish(Finish(1, None))

    assert answer[0]["code"] == "bad_last_seq"
    assert stream.finish is None


def test_audio_behind_the_announced_end_is_not_taken(spool, stream):
    send(stream, 0)
    stream.announce_finish(Finish(1, None))

    answer = send(stream, 2)

    assert answer[0]["code"] == "stream_finished"
    assert 2 not in spool.pending


def test_after_the_end_no_audio_is_taken(spool, stream):
    send(stream, 0)
    stream.shut()

    answer = send(stream, 1)

    assert answer == [live.error_frame("stream_finished", answer[0]["message"])]
    assert 1 not in spool.pending


def test_a_recording_without_audio_finishes(stream):
    assert stream.announce_finish(Finish(-1, None)) == []
    assert stream.is_complete


def test_a_client_that_missed_the_end_is_told_where_it_was():
    stream = LiveStream(FinishedSpool(41), token="t")
    stream.shut()

    assert stream.ready(clock_ms=8_400)["next_seq"] == 42
    assert send(stream, 41)[0]["code"] == "stream_finished"


def test_sums_are_compared_only_when_the_client_held_all():
    assert live.sums_differ(Finish(1, "a" * 64), "b" * 64)
    assert not live.sums_differ(Finish(1, "a" * 64), "a" * 64)
    assert not live.sums_differ(Finish(1, None), "b" * 64)


@pytest.mark.parametrize("seed", range(20))
def test_a_client_that_obeys_the_frames_always_gets_everything_stored(seed):
    """Duplicates, reordering and losses on the way: following `ack` and `missing` brings every chunk over."""
    chance = random.Random(seed)
    spool, count = MemorySpool(), chance.randint(1, 200)
    stream = LiveStream(spool, token="t")
    to_send, told = list(range(count)), -1
    for _ in range(10_000):
        if chance.random() < 0.1:
            stream = LiveStream(spool, token="t")
            to_send = list(range(stream.ready(clock_ms=0)["next_seq"], count))
        window = [seq for seq in to_send[:40] if seq <= told + live.CREDIT]
        chance.shuffle(window)
        for seq in window:
            if chance.random() < 0.7:
                for frame in send(stream, *[seq] * chance.randint(1, 2)):
                    to_send += range(frame["from"], frame["to"] + 1)
        if chance.random() < 0.5:
            spool.commit()
            for frame in stream.committed():
                told = frame["seq"]
        to_send = sorted({seq for seq in to_send if seq > spool.acked})
        if not to_send:
            for frame in stream.announce_finish(Finish(count - 1, None)):
                to_send += range(frame["from"], frame["to"] + 1)
            if stream.is_complete:
                break

    assert stream.is_complete
    assert sorted(spool.durable) == list(range(count))


def test_repeated_chunks_without_end_are_closed_with_1008(stream):
    send(stream, 0)

    with pytest.raises(StreamClosed) as end:
        for _ in range(live.NEEDLESS_FRAMES + 1):
            stream.receive_audio(chunk(0), arrived_ms=0)

    assert end.value.code == Close.POLICY


def test_patience_comes_back_with_time():
    patience = live.Patience(10, 20)
    for _ in range(10):
        patience.spend(1_000)

    for at_ms in range(1_050, 11_050, 50):
        patience.spend(at_ms)

    with pytest.raises(StreamClosed):
        patience.spend(11_000)


def test_large_frames_cost_more_of_the_patience(stream):
    send(stream, 0)

    with pytest.raises(StreamClosed):
        for _ in range(live.NEEDLESS_FRAMES // 10):
            stream.receive_audio(chunk(0, pcm=b"\0" * 60_000), arrived_ms=0)


def test_who_goes_on_trying_too_often_still_gets_the_share_of_the_time():
    patience = live.Patience(1, 2)
    patience.spend(0)

    let_in = 0
    for at_ms in range(100, 2_100, 100):
        with contextlib.suppress(StreamClosed):
            patience.spend(at_ms)
            let_in += 1

    assert let_in == 4
