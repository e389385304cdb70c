"""The engine for servers that speak the OpenAI protocol (Ollama, llama.cpp and others), through the openai client."""

import ipaddress
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from .asking import ATTEMPT_SECONDS, MAXIMUM_OUTPUT_TOKENS, Ask, AskingGenerator, Reply
from .base import GenerationError

# Names that no public resolver knows: of this machine, of a local network (RFC 6762, RFC 8375), and of containers.
_PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def is_local(url: str, model: str) -> bool:
    """Tell whether what is sent to this address stays on the clinic's own machines.

    Local are loopback and private addresses, names without a dot and those of private networks. A model whose name ends
    in `cloud` is passed on by a local Ollama to its own cloud, so it is not.
    """
    host = (urlsplit(url).hostname or "").lower().rstrip(".")
    if model.lower().endswith(("-cloud", ":cloud")):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_PRIVATE_ENDINGS))
    return address.is_loopback or (address.is_private and not address.is_unspecified)


class OpenAIGenerator(AskingGenerator):
    """Draft reports with a model behind any OpenAI-compatible address."""

    name = "openai"
    title = "The model server"

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str = "",
        timeout: float = ATTEMPT_SECONDS,
        first_pause: float = 1.0,
    ) -> None:
        """Take the address up to and with `/v1`, the model's name, and a key where one is asked for; times are seconds."""
        super().__init__(timeout=timeout, first_pause=first_pause)
        self.model = model
        self.is_cloud = not is_local(base_url, model)
        self._base_url = base_url
        self._api_key = api_key

    @classmethod
    def from_settings(cls) -> "OpenAIGenerator":
        from django.conf import settings

        return cls(base_url=settings.OPENAI_BASE_URL, model=settings.OPENAI_MODEL, api_key=settings.OPENAI_API_KEY)

    @contextmanager
    def conversation(self) -> Iterator[Ask]:
        if not self._base_url or not self.model:
            raise GenerationError(
                "The model server has no address or model. Set OPENAI_BASE_URL and OPENAI_MODEL.",
                transient=False,
                code="no_key",
            )
        from openai import OpenAI

        # The client insists on a key; servers without keys ignore it. It must not take one from the environment. Nor
        # may a proxy named there or a redirection carry words off that were meant for a machine of the clinic's own.
        client = OpenAI(
            base_url=self._base_url,
            api_key=self._api_key or "none",
            organization="",
            project="",
            max_retries=0,
            http_client=self._client(),
        )
        try:
            yield partial(self._call, client)
        finally:
            client.close()

    def _client(self) -> Any:
        """Return the way to the server, recorded when it leads out of the house."""
        from openai import DefaultHttpxClient

        from synapse.outside.http import RecordedClient

        if self.is_cloud:
            return RecordedClient(engine=self.name, model=self.model, follow_redirects=False)
        return DefaultHttpxClient(trust_env=False, follow_redirects=False)

    def _call(
        self, client: Any, system: str, contents: Sequence[str], schema: dict[str, Any], *, timeout: float
    ) -> Reply:
        """Ask for an answer bound to the schema; a server that cannot bind it gets the schema in words instead."""
        from openai import BadRequestError

        messages = [{"role": "system", "content": system}, *({"role": "user", "content": text} for text in contents)]
        bound = {"type": "json_schema", "json_schema": {"name": "report", "schema": schema}}
        try:
            return self._complete(client, messages, bound, timeout)
        except BadRequestError:
            in_words = f"Answer with one JSON object that fits this JSON schema:\n{json.dumps(schema)}"
            messages.append({"role": "user", "content": in_words})
        try:
            return self._complete(client, messages, {"type": "json_object"}, timeout)
        except BadRequestError:
            raise self.failure("refused the request", code="refused", transient=False) from None

    def _complete(self, client: Any, messages: list[dict[str, str]], form: dict[str, Any], timeout: float) -> Reply:
        import openai

        try:
            response = client.with_options(timeout=timeout).chat.completions.create(
                model=self.model,
                messages=messages,
                response_format=form,
                temperature=0.1,
                max_tokens=MAXIMUM_OUTPUT_TOKENS,
            )
        except openai.APITimeoutError:
            raise self.failure("did not answer in time", code="timeout", transient=True) from None
        except openai.APIConnectionError:
            raise self.failure("could not be reached", code="network", transient=True) from None
        except openai.BadRequestError:
            raise
        except openai.APIStatusError as error:
            # The body of a refusal may repeat what was sent, so it is not kept.
            raise self._refusal(error.status_code) from None
        except (openai.OpenAIError, ValueError):
            raise self.failure("gave an answer that cannot be read", code="bad_answer", transient=True) from None
        return Reply(self._accepted_text(response), response.model or self.model, _tokens(response))

    def _refusal(self, code: int) -> GenerationError:
        if code == 404:
            return GenerationError(
                f"The model server does not know {self.model}. Load it there or set OPENAI_MODEL.",
                transient=False,
                code="model_retired",
            )
        if code in (401, 403):
            return GenerationError(
                "The model server refused the key. Check OPENAI_API_KEY.", transient=False, code="key_refused"
            )
        if code == 429:
            return self.failure("has no quota left for now", code="quota", transient=True)
        if code in (408, 504):
            return self.failure("did not answer in time", code="timeout", transient=True)
        if code >= 500:
            return self.failure("is not available", code="unavailable", transient=True)
        return self.failure("refused the request", code="refused", transient=False)

    def _accepted_text(self, response: Any) -> str:
        """Return the text of an answer that ended by itself; one that was cut off or filtered is none."""
        choices = getattr(response, "choices", None)
        if not choices:
            raise self.failure("gave no answer", code="bad_answer", transient=True)
        reason = choices[0].finish_reason
        if reason == "content_filter" or getattr(choices[0].message, "refusal", None):
            raise self.failure("stopped the answer by its own filter", code="blocked", transient=False)
        if reason == "length":
            raise self.failure("was cut off: the session is too long for it", code="cut_off", transient=False)
        if reason != "stop":
            raise self.failure("ended its answer early", code="bad_answer", transient=True)
        return choices[0].message.content or ""


def _tokens(response: Any) -> dict[str, int]:
    """Return the counts under the names all engines use; thinking is part of the answer's count here."""
    usage = response.usage
    if usage is None:
        return {}
    thinking = getattr(usage.completion_tokens_details, "reasoning_tokens", None) or 0
    answer = usage.completion_tokens or 0
    return {
        "prompt": usage.prompt_tokens or 0,
        "answer": max(0, answer - thinking),
        "thinking": thinking,
        "cached": getattr(usage.prompt_tokens_details, "cached_tokens", None) or 0,
        "total": usage.total_tokens or 0,
    }
