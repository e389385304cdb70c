"""The Gemini engine, through google-genai. Consent to a cloud engine is the caller's to check; identity is taken out before."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from .asking import ATTEMPT_SECONDS, MAXIMUM_OUTPUT_TOKENS, Ask, AskingGenerator, Reply
from .base import GenerationError

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


class GeminiGenerator(AskingGenerator):
    """Draft reports with a Gemini model."""

    name = "gemini"
    title = "Gemini"
    is_cloud = True

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        base_url: str = "",
        timeout: float = ATTEMPT_SECONDS,
        first_pause: float = 1.0,
    ) -> None:
        """Take the key, the model's name, and for a stand-in its address; times are seconds."""
        super().__init__(timeout=timeout, first_pause=first_pause)
        self.model = model.removeprefix("models/")
        self._api_key = api_key
        self._base_url = base_url

    @classmethod
    def from_settings(cls) -> "GeminiGenerator":
        from django.conf import settings

        return cls(
            api_key=settings.GEMINI_API_KEY, model=settings.GEMINI_MODEL, base_url=settings.GOOGLE_GEMINI_BASE_URL
        )

    @contextmanager
    def conversation(self) -> Iterator[Ask]:
        if not self._api_key:
            raise GenerationError("Gemini has no key. Set GEMINI_API_KEY.", transient=False, code="no_key")
        from google import genai
        from google.genai import types

        from synapse.outside.http import RecordedClient, authorities

        http = RecordedClient(engine=self.name, model=self.model)
        # The client prepares two ways more that nobody goes here; each would read the authorities again.
        unused = {"verify": authorities(), "ssl": authorities()}
        options = types.HttpOptions(base_url=self._base_url or None, httpx_client=http, async_client_args=unused)
        client = genai.Client(api_key=self._api_key, vertexai=False, http_options=options)
        try:
            yield partial(self._call, client)
        finally:
            client.close()
            http.close()

    def _call(
        self, client: Any, system: str, contents: Sequence[str], schema: dict[str, Any], *, timeout: float
    ) -> Reply:
        from google.genai import errors

        try:
            response = client.models.generate_content(
                model=self.model, contents=list(contents), config=self._config(system, schema, timeout)
            )
        except errors.APIError as error:
            # The message of the service may repeat what was sent, so it is not kept.
            raise self._refusal(error.code) from None
        except Exception as error:  # noqa: BLE001
            # The transport's own exceptions are those of a private dependency; what is left here is the network.
            if "timeout" in type(error).__name__.lower():
                raise self.failure("did not answer in time", code="timeout", transient=True) from None
            raise self.failure("could not be reached", code="network", transient=True) from None
        return Reply(self._accepted_text(response), response.model_version or self.model, _tokens(response))

    def _config(self, system: str, schema: dict[str, Any], timeout: float) -> Any:
        from google.genai import types

        is_second_family = self.model.startswith(("gemini-2", "gemini-1"))
        thinking = None
        if self.model.startswith("gemini-2.5"):
            thinking = types.ThinkingConfig(thinking_budget=1024)
        elif self.model.startswith("gemini-") and not is_second_family:
            thinking = types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW)
        return types.GenerateContentConfig(
            http_options=types.HttpOptions(timeout=max(1, int(timeout * 1000))),
            system_instruction=system,
            temperature=0.1 if is_second_family else None,
            max_output_tokens=MAXIMUM_OUTPUT_TOKENS,
            response_mime_type="application/json",
            response_json_schema=schema,
            thinking_config=thinking,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            # Self-harm, abuse and sexual content are ordinary in this clinic: filtered out, they would be missing in the note.
            safety_settings=[
                types.SafetySetting(category=types.HarmCategory(category), threshold=types.HarmBlockThreshold.OFF)
                for category in _HARM_CATEGORIES
            ],
        )

    def _refusal(self, code: int | None) -> GenerationError:
        if code == 404:
            return GenerationError(
                f"The model {self.model} is retired or unknown. Set GEMINI_MODEL to a current one.",
                transient=False,
                code="model_retired",
            )
        if code == 429:
            return self.failure("has no quota left for now", code="quota", transient=True)
        if code in (401, 403):
            return GenerationError("Gemini refused the key. Check GEMINI_API_KEY.", transient=False, code="key_refused")
        if code in (408, 504):
            return self.failure("did not answer in time", code="timeout", transient=True)
        if code is not None and code >= 500:
            return self.failure("is not available", code="unavailable", transient=True)
        return self.failure("refused the request", code="refused", transient=False)

    def _accepted_text(self, response: Any) -> str:
        """Return the text of a complete answer. Text may be there although the answer was stopped: only STOP counts."""
        feedback = response.prompt_feedback
        if feedback is not None and feedback.block_reason:
            reason = _name(feedback.block_reason)
            raise self.failure(f"did not take the transcript ({reason})", code="blocked", transient=False)
        if not response.candidates:
            raise self.failure("gave no answer", code="bad_answer", transient=True)
        reason = _name(response.candidates[0].finish_reason)
        if reason in _BLOCKED:
            raise self.failure(f"stopped the answer by its own filter ({reason})", code="blocked", transient=False)
        if reason == "MAX_TOKENS":
            raise self.failure("was cut off: the session is too long for it", code="cut_off", transient=False)
        if reason != "STOP":
            raise self.failure(f"ended its answer early ({reason})", code="bad_answer", transient=True)
        return response.text or ""


def _name(value: Any) -> str:
    return str(getattr(value, "name", value))


def _tokens(response: Any) -> dict[str, int]:
    usage = response.usage_metadata
    return {name: int(getattr(usage, field, None) or 0) for name, field in _TOKEN_COUNTS.items()} if usage else {}
