"""What a file is, told from its content, and its sound."""

import io

import pytest

from sessions_app.stt.media import read_pcm
from sessions_app.tests import files
from sessions_app.uploads.sound_files import NotSound, kind_of, length_said, pcm_of

READABLE = {
    **{name: (lambda name=name: files.sound_file(name)) for name in files.FORMATS},
    "webm without a length": files.live_webm,
    "webm with a picture": lambda: files.video("webm", "libopus", 3),
    "mp4 with a picture": lambda: files.video("mp4", "aac", 3),
}


@pytest.mark.parametrize("name", READABLE)
def test_every_kind_of_file_is_read_whatever_it_is_called(name):
    content = READABLE[name]()
    kind = kind_of(content)

    said = length_said(io.BytesIO(content), kind)
    pcm = b"".join(pcm_of(io.BytesIO(content), kind))

    assert len(pcm) / 32_000 == pytest.approx(3, abs=0.1)
    assert said is None if name == "webm without a length" else said == pytest.approx(3, abs=0.1)


def test_a_damaged_stretch_in_the_middle_costs_that_stretch_and_not_the_rest():
    content = bytearray(files.sound_file("mp3", 12))
    content[len(content) // 3 : len(content) // 3 + 2_000] = bytes(2_000)

    heard = len(b"".join(read_pcm(io.BytesIO(bytes(content)), container="mp3"))) / 32_000

    assert 11 < heard < 12.1


def test_no_other_reader_opens_a_file_than_that_of_its_kind():
    with pytest.raises(NotSound):
        list(pcm_of(io.BytesIO(files.sound_file("ogg")), "wav"))


def test_without_a_header_the_length_of_an_mp3_is_a_guess_and_not_said():
    content = files.sound_file("mp3")
    bare = content.replace(b"Xing", b"\0\0\0\0").replace(b"Info", b"\0\0\0\0")

    assert length_said(io.BytesIO(content), "mp3") == pytest.approx(3, abs=0.1)
    assert length_said(io.BytesIO(bare), "mp3") is None


def test_only_mpeg_frames_of_layer_three_count_as_mp3():
    assert kind_of(b"\xff\xfb\x90\x64" + bytes(100)) == "mp3"
    assert kind_of(b"ID3\x04" + bytes(100)) == "mp3"
    for head in (b"\xff\xff\xff\xff", b"\xff\xfb\xff\xff", b"\xff\xd9\x00\x00"):
        with pytest.raises(NotSound):
            kind_of(head)
