"""The spool loses nothing that it acknowledged."""

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from sessions_app.spool import store as spool
from sessions_app.spool.store import KeyDestroyed, SpoolBusy, SpoolClosed, SpoolDamaged, SpoolStore, StorageFailed

KEY = b"k" * 32
CHUNK_MS = 200


@pytest.fixture
def store(tmp_path: Path) -> SpoolStore:
    return SpoolStore(tmp_path / "spool", one_key(KEY))


def one_key(key: bytes) -> spool.KeyOf:
    return lambda session_id, *, make=False: key


def pcm_of(seq: int, ms: int = CHUNK_MS) -> bytes:
    return random.Random(seq).randbytes(ms * 32)


def append(writer: spool.SpoolWriter, seq: int, t_ms: int | None = None, arrived_ms: int = 1_000) -> bool:
    return writer.append(seq, seq * CHUNK_MS if t_ms is None else t_ms, pcm_of(seq), arrived_ms=arrived_ms)


def sha_of(count: int) -> str:
    return hashlib.sha256(b"".join(pcm_of(seq) for seq in range(count))).hexdigest()


def test_chunks_come_back_in_order_with_their_sum(store):
    session = uuid4()
    writer = store.writer(session)

    for seq in range(5):
        append(writer, seq)
    acked = writer.commit()

    assert acked == 4
    assert [chunk.pcm for chunk in store.reader(session)] == [pcm_of(seq) for seq in range(5)]
    assert writer.timeline.sha256 == store.timeline(session).sha256 == sha_of(5)
    assert writer.timeline.clock_ms == 1000


def test_nothing_is_acknowledged_before_commit(store):
    session = uuid4()
    writer = store.writer(session)

    append(writer, 0)

    assert writer.acked == -1
    assert store.reader(session).read_new() == []


def test_the_first_copy_of_a_chunk_stays(store):
    session = uuid4()
    writer = store.writer(session)
    append(writer, 0)
    writer.commit()

    again = writer.append(0, 0, b"\1\2" * 100, arrived_ms=2)
    twice = [append(writer, 1), append(writer, 1)]
    writer.commit()

    assert again is False
    assert twice == [True, False]
    assert store.timeline(session).sha256 == sha_of(2)


def test_out_of_order_chunks_wait_for_the_missing_one(store):
    session = uuid4()
    writer = store.writer(session)
    reader = store.reader(session)
    for seq in (0, 2, 3, 6):
        append(writer, seq)

    acked = writer.commit()

    assert acked == 0
    assert writer.missing(7) == [(1, 1), (4, 5), (7, 7)]
    assert [chunk.seq for chunk in reader.read_new()] == [0]
    for seq in (1, 5, 4):
        append(writer, seq)
    assert writer.commit() == 6
    assert [chunk.seq for chunk in reader.read_new()] == [1, 2, 3, 4, 5, 6]
    assert writer.timeline.sha256 == sha_of(7)


def test_a_jump_of_the_clock_is_a_gap_and_maps_to_the_file(store):
    writer = store.writer(uuid4())
    append(writer, 0, t_ms=0)
    append(writer, 1, t_ms=5200)
    append(writer, 2, t_ms=5400)
    writer.commit()

    timeline = writer.timeline

    assert timeline.gaps == [(200, 5200)]
    assert timeline.clock_map == [(0, 0), (5200, 200)]
    assert timeline.clock_ms == 5600
    assert timeline.pcm_ms == 600


def test_a_clock_that_rounds_or_runs_back_makes_no_gap(store):
    writer = store.writer(uuid4())
    for seq, t_ms in enumerate((0, 203, 398, 350)):
        append(writer, seq, t_ms=t_ms)
    writer.commit()

    assert writer.timeline.gaps == []
    assert writer.timeline.clock_ms == 800


def test_a_second_writer_is_refused_until_the_first_closes(store):
    session = uuid4()
    first = store.writer(session)

    with pytest.raises(SpoolBusy):
        store.writer(session)
    first.close()

    store.writer(session).close()


@pytest.mark.parametrize("cut", [1, 16, 40, 6_000])
def test_a_torn_tail_is_cut_off_and_the_rest_goes_on(store, cut):
    session = uuid4()
    writer = store.writer(session)
    for seq in range(3):
        append(writer, seq)
        writer.commit()
    writer.close()
    chunks = store.folder(session) / "chunks"
    # As after a power cut in the middle of a write that nobody was told about.
    third = (chunks.stat().st_size - 17) // 3
    os.truncate(chunks, chunks.stat().st_size - cut)
    (store.folder(session) / "mark").write_bytes(b"")

    again = store.writer(session)

    assert again.acked == 1
    assert chunks.stat().st_size == 17 + 2 * third
    append(again, 2)
    assert again.commit() == 2
    assert store.timeline(session).sha256 == sha_of(3)


def test_durable_bytes_that_changed_are_reported_and_not_cut(store):
    session = uuid4()
    writer = store.writer(session)
    for seq in range(3):
        append(writer, seq)
    writer.commit()
    writer.close()
    chunks = store.folder(session) / "chunks"
    data = bytearray(chunks.read_bytes())
    data[200] ^= 1
    chunks.write_bytes(data)

    with pytest.raises(SpoolDamaged):
        store.writer(session)
    assert len(chunks.read_bytes()) == len(data)


def test_a_chunk_moved_to_another_session_does_not_open(store):
    session, other = uuid4(), uuid4()
    writer = store.writer(session)
    append(writer, 0)
    writer.commit()
    store.folder(session).rename(store.folder(other))

    assert store.reader(other).read_new() == []


def test_the_disk_holds_no_sound_in_the_clear(store):
    session = uuid4()
    writer = store.writer(session)
    writer.append(0, 0, b"HELLOPCM" * 800, arrived_ms=1)
    writer.commit()

    stored = b"".join(path.read_bytes() for path in store.folder(session).iterdir())

    assert b"HELLOPCM" not in stored


def test_another_key_opens_nothing_and_says_so(store):
    session = uuid4()
    writer = store.writer(session)
    append(writer, 0)
    writer.commit()
    writer.close()
    foreign = SpoolStore(store.root, one_key(b"o" * 32))

    with pytest.raises(SpoolDamaged):
        foreign.timeline(session)
    for _ in range(2):  # the first failure holds no lock
        with pytest.raises(SpoolDamaged):
            foreign.writer(session)


def test_a_key_is_made_before_the_first_byte_and_asked_for_afterwards(tmp_path):
    session, asked = uuid4(), []
    folder = tmp_path / "spool" / str(session)

    def key_of(session_id: UUID, *, make: bool = False) -> bytes:
        asked.append((make, folder.exists()))
        return KEY

    store = SpoolStore(tmp_path / "spool", key_of)
    store.writer(session).close()
    store.writer(session).close()
    store.timeline(session)

    assert asked == [(True, False), (False, True), (False, True)]


def test_a_deleted_recording_gets_no_new_spool(tmp_path):
    session = uuid4()

    def key_of(session_id: UUID, *, make: bool = False) -> bytes:
        raise KeyDestroyed

    store = SpoolStore(tmp_path / "spool", key_of)

    with pytest.raises(KeyDestroyed):
        store.writer(session)
    assert not store.folder(session).exists()


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(store, monkeypatch):
    session = uuid4()
    writer = store.writer(session)
    append(writer, 0)
    writer.commit()
    real_pwrite = os.pwrite

    def full(descriptor, data, offset):
        real_pwrite(descriptor, data[: len(data) // 2], offset)
        raise OSError(errno.ENOSPC, "no space")

    append(writer, 1)
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageFailed) as failure:
        writer.commit()
    monkeypatch.undo()

    assert failure.value.is_full
    assert writer.acked == 0
    assert writer.commit() == 1
    writer.close()
    assert store.timeline(session).sha256 == store.writer(session).timeline.sha256 == sha_of(2)


def test_a_failed_fsync_acknowledges_nothing(store, monkeypatch):
    session = uuid4()
    writer = store.writer(session)
    append(writer, 0)

    def broken(descriptor):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StorageFailed):
        writer.commit()
    monkeypatch.undo()

    assert writer.acked == -1
    assert store.reader(session).read_new() == []
    assert writer.commit() == 0


def test_chunks_that_arrived_after_a_time_are_dropped(store):
    session = uuid4()
    writer = store.writer(session)
    reader = store.reader(session)
    for seq in range(4):
        append(writer, seq, arrived_ms=1_000 * seq)
    writer.commit()
    reader.read_new()

    writer.drop_after(1_500)

    assert writer.acked == 1
    assert store.timeline(session).sha256 == sha_of(2)
    append(writer, 2, arrived_ms=9_000)
    writer.commit()
    assert writer.timeline.sha256 == sha_of(3)


def test_a_sealed_spool_takes_nothing_more(store):
    session = uuid4()
    writer = store.writer(session)
    append(writer, 0)
    writer.commit()
    store.seal(session)

    append(writer, 1)
    with pytest.raises(SpoolClosed):
        writer.commit()

    assert store.timeline(session).sha256 == sha_of(1)


def test_the_clock_is_known_without_reading_the_audio(store):
    session = uuid4()
    writer = store.writer(session)
    append(writer, 0, t_ms=3_000)
    writer.commit()

    quick = store.clock_ms(session)
    (store.folder(session) / "mark").write_bytes(b"torn")

    assert quick == store.clock_ms(session) == 3_200
    assert store.clock_ms(uuid4()) == 0


def test_what_a_killed_server_left_is_read_whole_after_settling(store):
    session = uuid4()
    writer = store.writer(session)
    append(writer, 0)
    writer.commit()
    stale_mark = (store.folder(session) / "mark").read_bytes()
    append(writer, 1)
    writer.commit()
    writer.close()
    (store.folder(session) / "mark").write_bytes(stale_mark)

    store.settle(session)

    assert store.timeline(session).sha256 == sha_of(2)


def test_a_reader_survives_a_new_writer_without_repeating_itself(store):
    session = uuid4()
    writer = store.writer(session)
    reader = store.reader(session)
    append(writer, 0)
    writer.commit()
    first = reader.read_new()
    writer.close()
    writer = store.writer(session)
    append(writer, 1)
    writer.commit()

    second = reader.read_new()

    assert [chunk.seq for chunk in first + second] == [0, 1]


@pytest.mark.parametrize("seed", range(30))
def test_random_duplicates_reorder_cuts_and_crashes_keep_every_byte(store, seed):
    """Invariant of every fault: the sum over what is acknowledged equals the sum over what was recorded."""
    chance = random.Random(seed)
    session = UUID(int=seed)
    count = chance.randint(20, 120)
    writer = store.writer(session)

    while writer.acked < count - 1:
        window = range(writer.acked + 1, min(count, writer.acked + 33))
        batch = [seq for seq in window if chance.random() < 0.8]
        batch += chance.choices(range(count), k=chance.randint(0, 5))
        chance.shuffle(batch)
        for seq in batch:
            if seq <= writer.acked + 32:
                append(writer, seq)
        if chance.random() < 0.8:
            writer.commit()
        acked = writer.acked
        if chance.random() < 0.3:
            writer.close()
            chunks = store.folder(session) / "chunks"
            if chance.random() < 0.5:
                with chunks.open("ab") as torn:  # a record of which only a part reached the disk
                    torn.write(chance.randbytes(chance.randint(1, 9_000)))
            writer = store.writer(session)
            assert writer.acked >= acked

    assert writer.timeline.sha256 == sha_of(count)
    assert store.timeline(session).sha256 == sha_of(count)


def test_what_was_acknowledged_outlives_kill_minus_nine(store, tmp_path):
    session = uuid4()
    script = textwrap.dedent(
        """
        import random, sys
        from pathlib import Path
        from uuid import UUID
        from sessions_app.spool.store import SpoolStore
        key = bytes.fromhex(sys.argv[2])
        writer = SpoolStore(Path(sys.argv[1]), lambda session_id, make: key).writer(UUID(sys.argv[3]))
        for seq in range(100_000):
            writer.append(seq, seq * 200, random.Random(seq).randbytes(6400), arrived_ms=1)
            if seq % 3 == 0:
                print(writer.commit(), flush=True)
        """
    )
    project = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", script, str(store.root), KEY.hex(), str(session)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project) as process:
        acked = -1
        for line in process.stdout:
            acked = int(line)
            if acked >= 60:
                break
        process.send_signal(signal.SIGKILL)
        acked = max([acked, *(int(value) for value in process.stdout.read().split())])
    writer = store.writer(session)

    assert writer.acked >= acked
    assert writer.timeline.sha256 == sha_of(writer.acked + 1)
