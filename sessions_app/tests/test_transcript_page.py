"""What the transcript page shows of stored words, and the doors that correct them."""

import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from patients import services as patients
from sessions_app.models import ConsultationSession, SessionEvent
from sessions_app.tests.factories import (
    SEGMENTS,
    make_session,
    make_transcription,
    make_written_session,
    record_audio,
    segment_of,
    store_words,
)
from sessions_app.transcripts import corrections
from sessions_app.transcripts import page as transcript_page
from sessions_app.transcripts import services as transcripts
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db
DOORS = {
    "line": {"text": "Other words."},
    "speaker": {"speaker": "other"},
    "merge": {},
    "split": {"place": 2},
    "heard": {"place": 0},
    "restore": {},
    "reading": {"which": "live"},
    "swap": {},
    "replace": {"wanted": "the", "replacement": "a"},
    "undo": {},
    "redo": {},
    "correction_notes": {"text": "Checked by telephone.", "seen": ""},
}
OF_A_LINE = ("line", "speaker", "merge", "split", "heard", "restore", "reading")


@pytest.fixture
def completed(asha):
    return make_written_session(asha)


@pytest.fixture
def session(asha):
    session = make_session(asha)
    record_audio(session)
    return session


def url(name, session, number=2):
    return reverse(f"sessions:{name}", args=[session.pk, number] if name in OF_A_LINE else [session.pk])


def post(client, name, session, number=2, **values):
    row = session.transcriptions.get()
    data = {"transcription": str(row.pk), "revision": row.revision, **DOORS[name], **values}
    return client.post(url(name, session, number), data)


def texts(session):
    return [segment["text"] for segment in session.transcriptions.get().segments]


def test_doubtful_words_unknown_voices_gaps_and_risks_are_shown(session, now):
    row = make_transcription(session, status="processing")
    SessionEvent.objects.create(session=session, cid="g", kind="gap", at_ms=1_000, until_ms=13_000, at=now)
    SessionEvent.objects.create(session=session, cid="r", kind="risk", at_ms=14_000, at=now)
    lines = [
        segment_of("doctor", 0, 900, "Any side effects from sertraline", doubtful="sertraline"),
        segment_of("unknown", 13_500, 15_000, "Some nausea at first"),
    ]
    store_words(row, lines, now)

    shown = transcript_page.context_of(session, row)

    first, second = shown["turns"]
    assert [(piece.text, piece.kind, piece.percent, piece.place) for piece in first.pieces] == [
        ("Any side effects from", "", None, 0),
        ("sertraline", "doubtful", 30, 4),
    ]
    assert first.word_times == "0,180,360,540,720"
    assert [one.words for one in second.breaks_before] == ["12 s not recorded here"]
    assert (second.is_flagged, second.kind) == (True, "unk")
    assert [check.icon for check in shown["checks"]] == ["ear", "user"]


def test_a_line_whose_words_do_not_fit_its_text_is_shown_whole(session, now):
    row = make_transcription(session, status="processing")
    line = segment_of("doctor", 0, 900, "Any side effects from sertraline")
    store_words(row, [{**line, "words": line["words"][:2]}], now)

    turn = transcript_page.context_of(session, row)["turns"][0]

    assert [piece.text for piece in turn.pieces] == ["Any side effects from sertraline"]


def test_an_open_reading_is_shown_in_its_line_until_it_is_settled(session, asha, now):
    session.patient.current_medications = "Melatonin 2 mg\nSertraline 50 mg in the morning"
    session.patient.save()
    row = transcripts.open_live(session)
    live = {**segment_of("patient", 0, 2_000, "I take fifty milligrams in the morning"), "id": 1}
    transcripts.append_live_segments(row, [live], offset_ms=2_000, at=now)
    store_words(row, [segment_of("patient", 0, 2_000, "I take fifteen milligrams in the morning")], now)

    shown = transcript_page.context_of(session, row)

    (question,) = shown["turns"][0].questions
    assert (question.about, question.title) == ("a dose", "Dose: fifty or fifteen?")
    assert [option.agrees_with for option in question.options] == ["Sertraline 50 mg in the morning", ""]
    assert [piece.text for piece in shown["turns"][0].pieces if piece.kind == "two"] == ["fifteen"]
    assert shown["checks"][0].title == "Dose: fifty or fifteen?"
    row = corrections.choose_reading(row, 1, "batch", by=asha, at=now)
    after = transcript_page.context_of(session, row)
    assert after["turns"][0].questions == []
    assert after["check_count"] == 0


def test_a_word_the_engine_put_in_says_what_it_heard(session, now):
    row = make_transcription(session, status="processing")
    line = segment_of("doctor", 0, 900, "Any side effects from sertraline")
    line["words"][4]["heard"] = "certain line"
    store_words(row, [line], now)

    shown = transcript_page.context_of(session, row)

    assert [(piece.kind, piece.heard) for piece in shown["turns"][0].pieces] == [("", ""), ("heard", "certain line")]
    assert [(check.hint, check.is_put_in) for check in shown["checks"]] == [("Heard as “certain line”", True)]


def test_a_changed_line_shows_both_wordings_and_who_changed_it(session, asha, now):
    row = make_transcription(session)
    row = corrections.correct_segments(row, [{"id": 1, "text": "How was your sleep?"}], by=asha, at=now)

    shown = transcript_page.context_of(session, row)

    first = shown["turns"][0]
    assert first.is_corrected
    assert first.corrected_by == asha.display_name
    assert [part.text for part in first.original if part.is_gone] == ["has", "sleep been since we last met?"]
    assert (shown["change_count"], shown["can_undo"], shown["can_redo"]) == (1, True, False)


def test_a_correction_answers_with_the_changed_lines_only(completed, asha, signed_in):
    answer = post(signed_in(asha), "line", completed, 2).json()

    assert texts(completed)[1] == "Other words."
    assert answer["revision"] == 1
    # The line after it comes along: a gap is written above the line that follows it.
    assert [(line["id"], line["after"], line["text"]) for line in answer["lines"]] == [
        (2, 1, "Other words."),
        (3, 2, SEGMENTS[2][3]),
    ]
    assert "Corrected by" in answer["lines"][0]["html"]
    assert "1 line" in answer["beside"]
    assert (answer["removed"], answer["can_undo"]) == ([], True)


def test_the_answer_brings_what_others_changed_meanwhile(completed, asha, signed_in):
    client = signed_in(asha)
    post(client, "line", completed, 4)

    answer = post(client, "line", completed, 1, revision=0).json()

    assert {line["id"] for line in answer["lines"]} >= {1, 4}
    assert answer["revision"] == 2


def test_a_line_changed_meanwhile_is_answered_with_how_it_stands(completed, asha, signed_in):
    client = signed_in(asha)
    post(client, "line", completed, 2, text="From the other window.")

    answer = post(client, "line", completed, 2, text="From here.", revision=0)

    assert answer.status_code == 409
    assert answer.json()["lines"][0]["text"] == "From the other window."
    assert answer.json()["revision"] == 1
    assert texts(completed)[1] == "From the other window."


def test_merging_and_splitting_say_which_lines_go_and_come(completed, asha, signed_in):
    client = signed_in(asha)

    merged = post(client, "merge", completed, 2).json()
    split = post(client, "split", completed, 1, place=3).json()
    undone = post(client, "undo", completed).json()

    assert (merged["removed"], merged["lines"][0]["id"]) == ([2], 1)
    assert [(line["id"], line["after"]) for line in split["lines"]][:2] == [(1, None), (5, 1)]
    assert undone["removed"] == [5]


def test_speakers_are_named_one_by_one_for_a_voice_and_swapped(completed, asha, signed_in):
    client = signed_in(asha)

    post(client, "speaker", completed, 1, speaker="patient", and_below="on")
    after = [segment["speaker"] for segment in completed.transcriptions.get().segments]
    post(client, "restore", completed, 1)
    post(client, "swap", completed)
    swapped = [segment["speaker"] for segment in completed.transcriptions.get().segments]

    assert after == ["patient"] * 4
    assert swapped == ["patient", "doctor", "doctor", "doctor"]


@pytest.mark.parametrize(
    ("name", "values", "status"),
    [
        ("line", {"text": " "}, 422),
        ("line", {"text": "x" * 5_000}, 422),
        ("speaker", {"speaker": "nobody"}, 422),
        ("split", {"place": 99}, 400),
        ("replace", {"wanted": "risperidone"}, 400),
        ("reading", {}, 400),
        ("undo", {}, 409),
        ("swap", {"transcription": "00000000-0000-0000-0000-000000000001"}, 409),
        ("swap", {"transcription": "x"}, 422),
        ("correction_notes", {"seen": "Something else"}, 409),
    ],
)
def test_what_cannot_be_done_says_so_and_changes_nothing(completed, asha, signed_in, name, values, status):
    if name == "correction_notes":
        corrections.save_notes(completed.transcriptions.get(), "Mine", seen="", by=asha, at=timezone.now())

    answer = post(signed_in(asha), name, completed, **values)

    assert answer.status_code == status
    assert answer.json()["message"]
    assert texts(completed) == [text for _, _, _, text in SEGMENTS]


def test_a_page_of_an_older_transcript_corrects_nothing_of_the_newer(completed, asha, signed_in):
    old = completed.transcriptions.get()
    again = transcripts.retry(old, by=asha, at=timezone.now())
    transcripts.start_processing(again, at=timezone.now())
    store_words(again, [segment_of("doctor", 0, 2_000, "The words were written again here")], timezone.now())

    answer = signed_in(asha).post(url("swap", completed), {"transcription": str(old.pk), "revision": 0})

    assert answer.status_code == 409
    assert "Reload" in answer.json()["message"]


@pytest.mark.parametrize("name", DOORS)
def test_corrections_are_for_the_treating_doctors(completed, ben, rita, omar, signed_in, name):
    assert post(signed_in(ben), name, completed).status_code == 404
    assert post(signed_in(rita), name, completed).status_code == 403
    assert post(signed_in(omar), name, completed).status_code == 403
    assert signed_in(ben).get(url(name, completed)).status_code == 405


@pytest.mark.parametrize("view", ["", "full", "original", "history"])
def test_the_changes_are_shown_by_line_in_full_as_first_heard_and_as_history(completed, asha, ben, signed_in, view):
    client = signed_in(asha)
    post(client, "line", completed, 2)

    page = client.get(url("changes", completed), {"view": view})

    words = {"": "<ins>", "full": SEGMENTS[0][3], "original": SEGMENTS[1][3], "history": "Words corrected"}
    assert words[view] in page.content.decode()
    assert AuditEvent.objects.filter(action="read", patient_id=completed.patient_id).exists()
    assert signed_in(ben).get(url("changes", completed)).status_code == 404


def test_without_words_there_are_no_changes(asha, signed_in):
    session = make_session(asha)

    assert signed_in(asha).get(url("changes", session)).status_code == 404
    data = {"transcription": str(uuid.uuid4()), "revision": 0}
    assert signed_in(asha).post(url("swap", session), data).status_code == 404


def test_the_private_context_is_for_the_sessions_doctor_alone(asha, ben, now, signed_in):
    session = make_session(asha, status="completed", with_recording=False)
    make_transcription(session)
    ConsultationSession.objects.filter(pk=session.pk).update(private_context="Is in a custody dispute")
    patients.share_patient(session.patient, doctor=ben, by=asha, at=now)
    address = reverse("sessions:transcript", args=[session.pk])

    assert "custody dispute" in signed_in(asha).get(address).content.decode()
    assert "custody dispute" not in signed_in(ben).get(address).content.decode()
