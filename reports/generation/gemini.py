"""The Gemini engine, through google-genai. Consent to a cloud engine is the caller's to check; identity is taken out here."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.structure import Section

from .base import DraftSection, DraftSentence, GeneratedReport, GenerationError, GenerationRequest, Progress
from .guard import Guard
from .prompts import PROMPT_VERSION, Scrubber, repair_prompt, system_prompt, transcript_prompt
from .schema import AnswerError, answer_schema, read_answer

ATTEMPTS = 3
TIMEOUT_SECONDS = 33.0  # three attempts and their pauses stay below the worker's limit of 120 s a job
REPAIR_UNTIL_SECONDS = 60.0  # a repair call is only begun this early after the start
MAXIMUM_OUTPUT_TOKENS = 16384  # thinking counts in it
_HARM_CATEGORIES = (
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
)
_TOKEN_COUNTS = {
    "prompt": "prompt_token_count",
    "answer": "candidates_token_count",
    "thinking": "thoughts_token_count",
    "cached": "cached_content_token_count",
    "total": "total_token_count",
}
_BLOCKED = frozenset(("SAFETY", "PROHIBITED_CONTENT", "SPII", "BLOCKLIST", "RECITATION"))


@dataclass(frozen=True, slots=True)
class _Answer:
    sections: tuple[DraftSection, ...]
    model: str
    tokens: dict[str, int]


class GeminiGenerator:
    """Draft reports with a Gemini model: one call a report, one more to repair sections that fail the guard."""

    name = "gemini"

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        base_url: str = "",
        timeout: float = TIMEOUT_SECONDS,
        first_pause: float = 1.0,
    ) -> None:
        """Take the key, the model's name, and for a stand-in its address; times are seconds."""
        self.model = model.removeprefix("models/")
        self._api_key = api_key
        self._base_url = base_url
        self._timeout = timeout
        self._first_pause = first_pause

    @classmethod
    def from_settings(cls) -> "GeminiGenerator":
        from django.conf import settings

        return cls(
            api_key=settings.GEMINI_API_KEY, model=settings.GEMINI_MODEL, base_url=settings.GOOGLE_GEMINI_BASE_URL
        )

    def generate(self, request: GenerationRequest, *, progress: Progress | None = None) -> GeneratedReport:
        """Draft every section of the request; raise GenerationError."""
        if not any(segment.text.strip() for segment in request.segments):
            raise GenerationError("The transcript has no words.", transient=False, code="no_speech")
        if not self._api_key:
            raise GenerationError("Gemini has no key. Set GEMINI_API_KEY.", transient=False, code="no_key")
        started = time.monotonic()
        client = self._client()
        try:
            system, transcript = system_prompt(request), transcript_prompt(request)
            answer = self._ask(client, system, [transcript], request.sections, request)
            sections, tokens = answer.sections, answer.tokens
            problems = _hard_problems(sections, Guard(request.segments))
            if problems and time.monotonic() - started < REPAIR_UNTIL_SECONDS:
                sections, tokens = self._repaired(client, system, transcript, request, answer, problems)
        finally:
            client.close()
        for done, section in enumerate(sections, start=1):
            if progress:
                progress(section.id, done, len(sections))
        return GeneratedReport(
            sections=sections, engine=self.name, model=answer.model, prompt_version=PROMPT_VERSION, token_usage=tokens
        )

    def _client(self) -> Any:
        from google import genai
        from google.genai import types

        return genai.Client(
            api_key=self._api_key,
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=self._base_url or None,
                timeout=int(self._timeout * 1000),
                retry_options=types.HttpRetryOptions(
                    attempts=ATTEMPTS, initial_delay=self._first_pause, max_delay=8 * self._first_pause
                ),
            ),
        )

    def _ask(
        self,
        client: Any,
        system: str,
        contents: Sequence[str],
        sections: tuple[Section, ...],
        request: GenerationRequest,
    ) -> _Answer:
        from google.genai import errors

        try:
            response = client.models.generate_content(
                model=self.model, contents=list(contents), config=self._config(system, sections)
            )
        except errors.APIError as error:
            # The message of the service may repeat what was sent, so it is not kept.
            raise self._refusal(error.code) from None
        except Exception as error:  # noqa: BLE001
            # The transport's own exceptions are those of a private dependency; what is left here is the network.
            is_late = "timeout" in type(error).__name__.lower()
            raise GenerationError(
                "Gemini did not answer in time." if is_late else "Gemini could not be reached.",
                transient=True,
                code="timeout" if is_late else "network",
            ) from None
        answer = _parse(_accepted_text(response))
        try:
            drafted = read_answer(answer, sections, {segment.id for segment in request.segments})
        except AnswerError as error:
            raise GenerationError(
                f"Gemini's answer has the wrong form: {error}", transient=True, code="bad_answer"
            ) from None
        return _Answer(drafted, response.model_version or self.model, _tokens(response))

    def _config(self, system: str, sections: tuple[Section, ...]) -> Any:
        from google.genai import types

        is_second_family = self.model.startswith(("gemini-2", "gemini-1"))
        thinking = None
        if self.model.startswith("gemini-2.5"):
            thinking = types.ThinkingConfig(thinking_budget=1024)
        elif self.model.startswith("gemini-") and not is_second_family:
            thinking = types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW)
        return types.GenerateContentConfig(
            system_instruction=system,
            temperature=0.1 if is_second_family else None,
            max_output_tokens=MAXIMUM_OUTPUT_TOKENS,
            response_mime_type="application/json",
            response_json_schema=answer_schema(sections),
            thinking_config=thinking,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            # Self-harm, abuse and sexual content are ordinary in this clinic: filtered out, they would be missing in the note.
            safety_settings=[
                types.SafetySetting(category=types.HarmCategory(category), threshold=types.HarmBlockThreshold.OFF)
                for category in _HARM_CATEGORIES
            ],
        )

    def _repaired(
        self,
        client: Any,
        system: str,
        transcript: str,
        request: GenerationRequest,
        answer: _Answer,
        problems: list[tuple[str, DraftSentence, str]],
    ) -> tuple[tuple[DraftSection, ...], dict[str, int]]:
        """Return the sections after one repair call; one that did not get better, or a failed call, leaves them as they were."""
        failing = {section_id for section_id, _, _ in problems}
        wanted = tuple(section for section in request.sections if section.id in failing)
        try:
            repaired = self._ask(
                client,
                system,
                [transcript, Scrubber(request.identifiers).scrub(repair_prompt(problems))],
                wanted,
                request,
            )
        except GenerationError:
            return answer.sections, answer.tokens
        guard = Guard(request.segments)
        replacements = {
            section.id: section
            for section in repaired.sections
            if len(_hard_problems([section], guard)) < sum(section_id == section.id for section_id, _, _ in problems)
        }
        tokens = {name: answer.tokens.get(name, 0) + repaired.tokens.get(name, 0) for name in _TOKEN_COUNTS}
        return tuple(replacements.get(section.id, section) for section in answer.sections), tokens

    def _refusal(self, code: int | None) -> GenerationError:
        if code == 404:
            return GenerationError(
                f"The model {self.model} is retired or unknown. Set GEMINI_MODEL to a current one.",
                transient=False,
                code="model_retired",
            )
        if code == 429:
            return GenerationError("Gemini's quota is used up for now.", transient=True, code="quota")
        if code in (401, 403):
            return GenerationError("Gemini refused the key. Check GEMINI_API_KEY.", transient=False, code="key_refused")
        if code is not None and (code >= 500 or code == 408):
            return GenerationError("Gemini is not available at the moment.", transient=True, code="unavailable")
        return GenerationError(f"Gemini refused the request (HTTP {code}).", transient=False, code="refused")


def _accepted_text(response: Any) -> str:
    """Return the text of a complete answer; text also comes with answers that were stopped, and is not taken then."""
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason:
        raise GenerationError(
            f"Gemini's own filter stopped the request ({_name(feedback.block_reason)}).",
            transient=False,
            code="blocked",
        )
    if not response.candidates:
        raise GenerationError("Gemini gave no answer.", transient=True, code="bad_answer")
    reason = _name(response.candidates[0].finish_reason)
    if reason in _BLOCKED:
        raise GenerationError(f"Gemini's own filter stopped the answer ({reason}).", transient=False, code="blocked")
    if reason == "MAX_TOKENS":
        raise GenerationError(
            "Gemini's answer was cut off: the session is too long for it.", transient=False, code="cut_off"
        )
    if reason != "STOP":
        raise GenerationError(f"Gemini ended its answer early ({reason}).", transient=True, code="bad_answer")
    return response.text or ""


def _name(value: Any) -> str:
    return str(getattr(value, "name", value))


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise GenerationError("Gemini's answer is not JSON.", transient=True, code="bad_answer") from None


def _tokens(response: Any) -> dict[str, int]:
    usage = response.usage_metadata
    return {name: int(getattr(usage, field, None) or 0) for name, field in _TOKEN_COUNTS.items()} if usage else {}


def _hard_problems(sections: Sequence[DraftSection], guard: Guard) -> list[tuple[str, DraftSentence, str]]:
    """Return section id, sentence and reason for each sentence with a hard flag."""
    problems = []
    for section in sections:
        for sentence in section.all_sentences():
            reasons = [flag.detail for flag in guard.check(sentence.text, sentence.evidence).flags if flag.is_hard]
            if reasons:
                problems.append((section.id, sentence, " ".join(reasons)))
    return problems
