"""Live words from Google over many streams: none is lost, none is said twice, and the voices keep their names."""

import grpc
import pytest

from sessions_app.stt.base import Hints, SpeechError
from sessions_app.stt.google import GoogleTranscriber, live
from sessions_app.tests.stt.google_ear import Script, said, ticking
from sessions_app.tests.stt.google_stand_in import StandIn
from sessions_app.tests.stt.sound import consultation, reference

PIECE_S = 2.0
QUESTION = "Have you had any trouble with your sleep and how do you feel today?"
ANSWER = "My sleep was not good but I guess I am really better than I was ago."


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(live, "BACKOFF_S", (0.01, 0.02, 0.03))


@pytest.fixture
def serve():
    running = []

    def start(script, **options):
        server = StandIn(script)
        running.append(server)
        return GoogleTranscriber(endpoint=server.endpoint, **options), server

    yield start
    for server in running:
        server.stop()


def follow(session, server, pcm, *, start_s=0.0):
    """Feed a session as fast as the service hears, and return its events."""
    events = []
    piece = int(PIECE_S * 32_000)
    for first in range(0, len(pcm), piece):
        events += session.feed(pcm[first : first + piece])
        server.wait_until_heard((first + piece) / 32_000)
    return events + session.finish()


def finals(events):
    return [event.segment for event in events if event.segment.is_final]


def words_of(events):
    return [word for segment in finals(events) for word in segment.words]


def dialogue(length_s, *, turn_s=6.0, pause_s=0.8, text=None):
    """Return numbered turns of two people; every word is there once."""
    words = []
    number = 0
    start = 0.5
    while start + turn_s < length_s:
        voice = number % 2 + 1
        texts = " ".join(f"w{number}x{place}" for place in range(15)) if text is None else text[voice - 1]
        words += said(texts, start=start, end=start + turn_s - pause_s, voice=voice)
        start += turn_s
        number += 1
    return words


def speech_without_pause(length_s):
    return said(" ".join(f"w{place}" for place in range(int(length_s * 2.5))), start=0.2, end=length_s - 0.3, voice=1)


def assert_heard_once(events, words, *, offset_s=0.0):
    heard = words_of(events)
    assert [word.text for word in heard] == [word.text for word in words]
    assert [word.start for word in heard] == pytest.approx([word.start + offset_s for word in words], abs=0.02)


@pytest.mark.parametrize("language", ["en-US", "en-IN"])
def test_eleven_minutes_take_three_streams_and_every_word_comes_once(serve, language, monkeypatch):
    # A third of the real figures: the sound a stream has heard stands for its age.
    monkeypatch.setattr(live, "STREAM_PAUSE_S", 80.0)
    monkeypatch.setattr(live, "STREAM_S", 93.0)
    sound = ticking(220)
    script = Script(sound, dialogue(220), oldest_s=100.0)
    engine, server = serve(script)

    events = follow(engine.open_live(language=language, start_s=60.0, first_id=7), server, sound)

    assert_heard_once(events, script.words, offset_s=60.0)
    assert script.streams == 3
    assert [segment.id for segment in finals(events)] == list(range(7, 7 + len(finals(events))))
    assert max(script.sizes) <= 12_800


def test_five_real_minutes_fit_into_the_services_limit(serve):
    sound = ticking(320)
    script = Script(sound, dialogue(320))
    engine, server = serve(script)

    events = follow(engine.open_live(language="en-IN"), server, sound)

    assert_heard_once(events, script.words)
    assert script.streams == 2


@pytest.mark.parametrize("stream_s", [20.0, 23.0])
def test_a_stream_is_exchanged_in_the_middle_of_speech_without_a_pause(serve, monkeypatch, stream_s):
    monkeypatch.setattr(live, "STREAM_PAUSE_S", 18.0)
    monkeypatch.setattr(live, "STREAM_S", stream_s)
    sound = ticking(100)
    script = Script(sound, speech_without_pause(100), oldest_s=30.0, has_pauses=False)
    engine, server = serve(script)

    events = follow(engine.open_live(language="en-IN"), server, sound)

    assert_heard_once(events, script.words)
    assert script.streams >= 4


@pytest.mark.parametrize(
    ("status", "cut_s"),
    [
        (grpc.StatusCode.UNAVAILABLE, 7.9),
        (grpc.StatusCode.UNAVAILABLE, 8.21),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 8.4),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 8.77),
    ],
)
def test_a_stream_that_is_cut_goes_on_in_another(serve, status, cut_s):
    sound = ticking(30)
    script = Script(sound, dialogue(30, turn_s=3.0, pause_s=0.6), failures=[status, status], fail_after_s=cut_s)
    engine, server = serve(script)

    events = follow(engine.open_live(language="en-IN"), server, sound)

    assert_heard_once(events, script.words)
    assert script.streams == 3


@pytest.mark.parametrize("language", ["en-US", "en-IN"])
def test_a_stream_that_the_service_ends_for_its_age_goes_on_in_another(serve, language):
    sound = ticking(60)
    script = Script(sound, dialogue(60), oldest_s=25.0)
    engine, server = serve(script)

    events = follow(engine.open_live(language=language), server, sound)

    assert_heard_once(events, script.words)
    assert script.streams >= 3


def test_nothing_is_final_before_the_service_ends_the_stream_and_yet_nothing_is_lost(serve):
    sound = ticking(40)
    script = Script(
        sound, speech_without_pause(40), has_pauses=False, failures=[grpc.StatusCode.ABORTED], fail_after_s=20
    )
    engine, server = serve(script)

    events = follow(engine.open_live(language="en-IN"), server, sound)

    assert_heard_once(events, script.words)


def test_words_said_twice_on_purpose_stay_twice_at_a_seam(serve, monkeypatch):
    monkeypatch.setattr(live, "STREAM_PAUSE_S", 9.0)
    monkeypatch.setattr(live, "STREAM_S", 10.0)
    sound = ticking(30)
    script = Script(sound, said(" ".join(["very"] * 75), start=0.2, end=29.8), has_pauses=False)
    engine, server = serve(script)

    events = follow(engine.open_live(language="en-IN"), server, sound)

    assert len(words_of(events)) == 75
    assert script.streams >= 3


def test_results_that_repeat_all_words_replace_and_do_not_append(serve):
    sound = ticking(40)
    script = Script(sound, dialogue(40), repeats_words=True)
    engine, server = serve(script)

    events = follow(engine.open_live(language="en-IN"), server, sound)

    assert_heard_once(events, script.words)


@pytest.mark.parametrize("repeats_words", [False, True])
def test_voices_keep_their_names_although_labels_begin_anew_with_each_stream(serve, monkeypatch, repeats_words):
    monkeypatch.setattr(live, "STREAM_PAUSE_S", 35.0)
    monkeypatch.setattr(live, "STREAM_S", 40.0)
    sound = ticking(120)
    words = dialogue(120, text=(QUESTION, ANSWER))
    script = Script(sound, words, repeats_words=repeats_words)
    engine, server = serve(script)

    events = follow(engine.open_live(language="en-IN"), server, sound)

    assert script.streams >= 3
    names = {1: "doctor", 2: "patient"}
    speakers = [segment.speaker for segment in finals(events) for _ in segment.words]
    given = list(zip(speakers, [names[word.voice] for word in words], strict=True))
    named = [pair for pair in given if pair[0] != "unknown"]
    assert all(found == right for found, right in named)
    # Before forty words are spoken nobody is named.
    assert len(given) - len(named) <= 45


def test_words_come_interim_first_and_then_final_under_the_same_id(serve):
    sound = ticking(10)
    engine, server = serve(Script(sound, said("How have things been?", start=1.0, end=4.0)))

    events = follow(engine.open_live(language="en-IN", first_id=5), server, sound)

    assert (events[0].segment.id, events[0].segment.is_final, events[0].committed) == (5, False, 0)
    assert (events[-1].segment.id, events[-1].segment.is_final, events[-1].committed) == (5, True, 4)


def test_interim_words_after_an_exchange_do_not_show_settled_words_again(serve, monkeypatch):
    monkeypatch.setattr(live, "STREAM_PAUSE_S", 9.0)
    monkeypatch.setattr(live, "STREAM_S", 10.0)
    sound = ticking(20)
    script = Script(sound, speech_without_pause(20), has_pauses=False)
    engine, server = serve(script)

    events = follow(engine.open_live(language="en-IN"), server, sound)

    settled = set()
    for event in events:
        texts = event.segment.text.split()
        assert not settled & set(texts)
        if event.segment.is_final:
            settled |= set(texts)


def test_the_vocabulary_goes_with_every_stream(serve):
    sound = ticking(5)
    script = Script(sound)
    engine, server = serve(script)

    follow(engine.open_live(language="en-US", hints=Hints(vocabulary=("sertraline",), names=("Kavya",))), server, sound)

    assert list(script.configs[0].config.speech_contexts[0].phrases) == ["sertraline"]


def test_a_refused_feature_costs_no_word(serve):
    sound = ticking(20)
    script = Script(sound, dialogue(20), refused=("diarization_config",))
    engine, server = serve(script)

    assert_heard_once(follow(engine.open_live(language="en-IN"), server, sound), script.words)


def test_a_service_that_stays_away_is_a_failure_and_leaves_all_unsettled_sound(serve):
    sound = ticking(20)
    script = Script(sound, dialogue(20), failures=[grpc.StatusCode.UNAVAILABLE] * 50)
    engine, server = serve(script)
    session = engine.open_live(language="en-IN", start_s=3.0, first_id=4)

    with pytest.raises(SpeechError) as failure:
        follow(session, server, sound)

    left = session.hand_over()
    assert failure.value.transient
    assert (left.start_s, left.next_id) == (3.0, 4)
    assert sound.startswith(left.pcm[:32_000])


def test_a_service_that_refuses_us_is_asked_once(serve):
    sound = ticking(5)
    script = Script(sound, failures=[grpc.StatusCode.PERMISSION_DENIED] * 5)
    engine, server = serve(script)

    with pytest.raises(SpeechError) as failure:
        follow(engine.open_live(language="en-IN"), server, sound)

    assert not failure.value.transient
    assert script.streams == 1


def test_the_end_waits_for_a_silent_service_no_longer_than_set(serve, monkeypatch):
    monkeypatch.setattr(live, "FINISH_TIMEOUT_S", 0.05)
    monkeypatch.setattr(live, "BACKOFF_S", ())
    sound = ticking(5)
    engine, server = serve(Script(sound, delay_s=0.3))

    with pytest.raises(SpeechError, match="in time"):
        follow(engine.open_live(language="en-IN"), server, sound)


def test_live_voices_without_labels_are_told_apart_by_their_sound(serve):
    turns = reference()["turns"]
    words = [word for turn in turns for word in said(turn["text"], start=turn["start"], end=turn["end"])]
    engine, server = serve(Script(consultation(), words, refused=("diarization_config",)))

    events = follow(engine.open_live(language="en-IN"), server, consultation())

    def speaker_at(second):
        return next(turn["speaker"] for turn in turns if turn["start"] - 0.01 <= second <= turn["end"] + 0.01)

    named = [segment for segment in finals(events) if segment.speaker != "unknown"]
    right = [segment.speaker == speaker_at(segment.words[0].middle) for segment in named]
    assert len(right) >= 4
    assert sum(right) >= 0.9 * len(right)


def test_a_service_that_fails_slowly_is_given_up_after_a_while(serve, monkeypatch):
    monkeypatch.setattr(live, "AWAY_S", 0.0)
    sound = ticking(10)
    script = Script(sound, failures=[grpc.StatusCode.UNAVAILABLE] * 9)
    engine, server = serve(script)

    with pytest.raises(SpeechError):
        follow(engine.open_live(language="en-IN"), server, sound)

    assert script.streams == 2
