"""What people type about a session. Forms validate; services save."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.utils.dateparse import parse_datetime

from sessions_app.models import SessionType
from sessions_app.recordings.deletion import Reason
from sessions_app.transcripts.segments import LONGEST_TEXT, SPEAKERS
from sessions_app.voices.profiles import LARGEST_BYTES, TEXT
from synapse.documents.uploads import Kind
from synapse.web.forms import CheckedFileField

LONGEST_NOTES = 20_000
LONGEST_COMPLAINT = 500
LONGEST_REASON = 500


class StartForm(forms.Form):
    """Begin a session with a patient, perhaps from a visit."""

    patient = forms.UUIDField(widget=forms.HiddenInput)
    appointment = forms.UUIDField(label="Today’s visit", required=False, widget=forms.HiddenInput)
    session_type = forms.ChoiceField(label="Type of session", choices=SessionType.choices, required=False)
    chief_complaint = forms.CharField(
        label="Reason for the visit",
        required=False,
        max_length=LONGEST_COMPLAINT,
        widget=forms.Textarea({"rows": 2}),
        help_text="In the patient’s words.",
    )
    without_recording = forms.BooleanField(required=False, widget=forms.HiddenInput)
    then = forms.ChoiceField(choices=[("", ""), ("upload", "upload")], required=False, widget=forms.HiddenInput)

    def offer_visits(self, visits: Iterable[tuple[UUID, str]]) -> None:
        """Let one choose among visits, or none of them; without any there is nothing to choose."""
        if choices := list(visits):
            self.fields["appointment"].widget = forms.Select(
                choices=[*choices, ("", "None: a session without a visit")]
            )


class NotesForm(forms.Form):
    """The doctor's notes and the version they were based on."""

    text = forms.CharField(required=False, strip=False, max_length=LONGEST_NOTES)
    based_on = forms.CharField(required=False)

    def clean_based_on(self) -> Any:
        raw = self.cleaned_data["based_on"]
        if not raw:
            return None
        try:
            at = parse_datetime(raw)
        except ValueError:
            at = None
        if at is None:
            raise forms.ValidationError("This is no time.", code="invalid")
        return at


class MoveForm(forms.Form):
    """Why a session goes to another patient."""

    to = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Why is it moved?",
        max_length=LONGEST_REASON,
        widget=forms.Textarea({"rows": 2}),
        help_text="For example: started from the wrong chart.",
        error_messages={"required": "Say why the session is moved."},
    )


class MarkForm(forms.Form):
    """A mark made on a session that runs without a socket."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in ("moment", "risk", "medication", "action")])
    cid = forms.RegexField(r"^(?!s:)[\x21-\x7e]{1,60}$")
    t_ms = forms.IntegerField(min_value=0, max_value=2**32 - 1)


class RevisionForm(forms.Form):
    """Which transcript an edit is of, and the revision the page showed."""

    transcription = forms.UUIDField()
    revision = forms.IntegerField(min_value=0, required=False)


class LineTextForm(RevisionForm):
    """The corrected words of one line; `continues` is the revision of the edit that is still being typed."""

    text = forms.CharField(
        max_length=LONGEST_TEXT,
        error_messages={
            "required": "A line cannot be empty. Write what was said.",
            "max_length": f"A line holds at most {LONGEST_TEXT} characters. Split it.",
        },
    )
    continues = forms.IntegerField(min_value=0, required=False)


class SpeakerForm(RevisionForm):
    """Who said a line, and whether every later line of the same voice follows."""

    speaker = forms.ChoiceField(choices=[(speaker, speaker) for speaker in SPEAKERS])
    and_below = forms.BooleanField(required=False)


class SplitForm(RevisionForm):
    """The word of a line, from 1, before which it is cut."""

    place = forms.IntegerField(min_value=1)


class HeardForm(RevisionForm):
    """A word of a line, from 0, that was listened to, or none for all; `take_back` what the engine put in for it."""

    place = forms.IntegerField(min_value=0, required=False)
    take_back = forms.BooleanField(required=False)


class ReplaceForm(RevisionForm):
    """What to search for and put in its place; `line` and `occurrence`, from 0, when it is one place only."""

    wanted = forms.CharField(max_length=200, error_messages={"required": "Type what to search for."})
    replacement = forms.CharField(max_length=200, required=False)
    whole_words = forms.BooleanField(required=False)
    match_case = forms.BooleanField(required=False)
    line = forms.IntegerField(min_value=0, required=False)
    occurrence = forms.IntegerField(min_value=0, required=False)


class ReadingForm(RevisionForm):
    """Which of two readings stands, or the words that do."""

    which = forms.ChoiceField(choices=[(which, which) for which in ("live", "batch", "typed")])
    text = forms.CharField(max_length=200, required=False)


class CorrectionNotesForm(RevisionForm):
    """What the doctor says about the corrections, and what the page showed before."""

    text = forms.CharField(required=False, strip=False)
    seen = forms.CharField(required=False, strip=False)


class UploadForm(forms.Form):
    """A file about to be uploaded, or a dictation about to begin: its length in bytes and the sum of its first part."""

    source = forms.ChoiceField(choices=[("upload", "upload"), ("dictation", "dictation")])
    total_bytes = forms.IntegerField(required=False, min_value=0, max_value=2**50)
    head_sha256 = forms.RegexField(r"^[0-9a-fA-F]{64}$", required=False)


class FinishForm(forms.Form):
    """The end of an upload: the sum of the whole, when the client knows it."""

    sha256 = forms.RegexField(r"^[0-9a-fA-F]{64}$", required=False)


class DeleteAudioForm(forms.Form):
    """Why a recording is deleted before its time."""

    reason = forms.ChoiceField(
        label="Why",
        choices=[("", "Choose a reason"), *Reason.choices],
        error_messages={"required": "Choose why the recording is deleted."},
    )


class VoiceForm(forms.Form):
    """Agree to a profile of one's own voice and send what it is made of."""

    agreed = forms.BooleanField(
        label="I have read this and agree to it",
        error_messages={"required": "Tick the box to agree. Without it nothing is recorded."},
    )
    text_version = forms.CharField(max_length=20, initial=TEXT.version, widget=forms.HiddenInput)
    sound = CheckedFileField(
        kind=Kind.SOUND, error_messages={"required": "Nothing was recorded.", "empty": "Nothing was recorded."}
    )

    def clean_sound(self) -> Any:
        sound = self.cleaned_data["sound"]
        if sound.size > LARGEST_BYTES:
            raise forms.ValidationError("The recording is too long. A minute at most is taken.")
        return sound
