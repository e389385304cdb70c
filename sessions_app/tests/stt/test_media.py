"""Any sound file comes in as 16 kHz mono."""

import io

import pytest

from sessions_app.stt.base import SAMPLE_RATE, SpeechError
from sessions_app.stt.media import BLOCK_S, length_of, read_pcm
from sessions_app.tests.stt.sound import consultation, encode, seconds, silence

FORMATS = {
    "wav": ("wav", "pcm_s16le", 44_100),
    "flac": ("flac", "flac", 16_000),
    "mp3": ("mp3", "mp3", 44_100),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "m4a": ("ipod", "aac", 44_100),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_named_format_is_read_from_a_file_and_from_memory(name, tmp_path):
    container, codec, rate = FORMATS[name]
    path = tmp_path / f"sample.{name}"
    content = encode(seconds(consultation(), 0, 3), container, codec, rate)
    path.write_bytes(content)

    from_file = b"".join(read_pcm(path))
    from_memory = b"".join(read_pcm(io.BytesIO(content)))

    assert len(from_file) / 2 / SAMPLE_RATE == pytest.approx(3, abs=0.15)
    assert from_memory == from_file


def test_stereo_is_mixed_down(tmp_path):
    path = tmp_path / "stereo.wav"
    path.write_bytes(encode(seconds(consultation(), 0, 2), "wav", "pcm_s16le", 48_000, "stereo"))

    assert len(b"".join(read_pcm(path))) / 2 / SAMPLE_RATE == pytest.approx(2, abs=0.05)


def test_a_long_recording_comes_in_blocks_of_bounded_size():
    pieces = (silence(1) for _ in range(95))

    sizes = [len(block) for block in read_pcm(pieces)]

    assert max(sizes) == int(BLOCK_S * SAMPLE_RATE) * 2
    assert sum(sizes) == len(silence(95))


def test_a_rate_that_would_blow_one_packet_up_to_hours_is_refused():
    rate_at = 24  # RIFF: after the tags and the kind and number of channels
    content = bytearray(encode(silence(2), "wav", "pcm_s16le", 8_000))
    content[rate_at : rate_at + 4] = (1).to_bytes(4, "little")

    with pytest.raises(SpeechError) as refusal:
        list(read_pcm(io.BytesIO(bytes(content)), container="wav"))

    assert not refusal.value.transient


def test_what_is_no_sound_is_refused_for_good(tmp_path):
    path = tmp_path / "letter.wav"
    path.write_bytes(b"this is no sound" * 100)

    with pytest.raises(SpeechError) as refusal:
        list(read_pcm(path))

    assert not refusal.value.transient
    assert length_of(path) is None


def test_a_damaged_tail_ends_the_recording_there(tmp_path):
    whole = encode(seconds(consultation(), 0, 6), "ogg", "libopus", 48_000)
    path = tmp_path / "cut.ogg"
    path.write_bytes(whole[: len(whole) * 2 // 3])

    heard = len(b"".join(read_pcm(path))) / 2 / SAMPLE_RATE

    assert 2 < heard < 6
