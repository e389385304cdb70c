"""Run the speech engine on one file; needs no database and no key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from sessions_app.stt import get_transcriber
from sessions_app.stt.base import LiveEvent, SpeechError, Transcriber
from sessions_app.stt.playback import play
from synapse.outside import calls


class Command(BaseCommand):
    help = "Write the words of a sound file (WAV, FLAC, MP3, OGG, WEBM, M4A)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("audio", type=Path)
        parser.add_argument("--live", action="store_true", help="stream the file in real time through the live path")
        parser.add_argument("--json", action="store_true", help="print one JSON object with times and confidences")
        parser.add_argument("--language", default="", help="such as en-US; the default is STT_LANGUAGE")

    def handle(self, *args: Any, **options: Any) -> None:
        audio: Path = options["audio"]
        if not audio.is_file():
            raise CommandError(f"There is no file {audio}.")
        transcriber = get_transcriber(cloud_allowed=True)
        language = options["language"] or settings.STT_LANGUAGE
        try:
            with calls.unrecorded():
                if options["live"]:
                    self._live(transcriber, audio, language, as_json=options["json"])
                else:
                    self._batch(transcriber, audio, language, as_json=options["json"])
        except SpeechError as error:
            raise CommandError(str(error)) from None

    def _batch(self, transcriber: Transcriber, audio: Path, language: str, *, as_json: bool) -> None:
        transcript = transcriber.transcribe(audio, language=language)
        if as_json:
            self._print_json(transcript.as_json())
            return
        for segment in transcript.segments:
            self.stdout.write(f"{segment.start:8.2f}  {segment.speaker:8}  {segment.text}")

    def _live(self, transcriber: Transcriber, audio: Path, language: str, *, as_json: bool) -> None:
        def show(event: LiveEvent) -> None:
            segment = event.segment
            mark = " " if segment.is_final else "…"
            self.stdout.write(f"{segment.start:8.2f}  {segment.speaker:8}  {segment.text}{mark}")

        playback = play(transcriber, audio, language=language, on_event=(lambda event: None) if as_json else show)
        if as_json:
            self._print_json(playback.as_json(engine=transcriber.engine, model=transcriber.model, language=language))

    def _print_json(self, content: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(content, ensure_ascii=False))
