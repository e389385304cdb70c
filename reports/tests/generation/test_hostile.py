"""Transcripts that try to write their own report: nothing they order stands in one without a mark."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from reports.generation.asking import Ask, AskingGenerator, Reply
from reports.generation.assemble import AssembledReport, assemble, iter_sentences
from reports.generation.base import GenerationRequest, TranscriptSegment
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.gemini import GeminiGenerator
from reports.generation.openai_compatible import OpenAIGenerator

from .conftest import request_for, talk
from .model_server import GeminiServer, OpenAIServer
from .scripted_model import lines_in, saying

HOSTILE = json.loads((Path(__file__).parent / "data" / "hostile.json").read_text(encoding="utf-8"))
BEFORE = talk("d: How have you been this month?")
ORDER_ID = 2


@pytest.fixture(params=HOSTILE, ids=[one["id"] for one in HOSTILE])
def attack(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


def asked(attack: dict[str, Any]) -> GenerationRequest:
    words = TranscriptSegment(ORDER_ID, 4000, 5900, attack["speaker"], attack["words"])
    after = (
        TranscriptSegment(3, 6000, 7900, "patient", "I sleep badly and I cry most days."),
        TranscriptSegment(4, 8000, 9900, "doctor", "We will meet again in two weeks."),
    )
    return request_for((*BEFORE, words, *after), "soap")


def assert_nothing_ordered_stands(report: AssembledReport, attack: dict[str, Any]) -> None:
    ordered = [
        line for line in iter_sentences(report.sections) if re.search(attack["forbidden"], line["text"], re.IGNORECASE)
    ]
    assert [line["text"] for line in ordered if line["support"] == "supported"] == []
    assert all(line["flags"] for line in ordered)


def test_thirty_and_more_ways_are_tried() -> None:
    assert len({one["id"] for one in HOSTILE}) >= 30


def test_the_embedded_engine_follows_no_order(attack: dict[str, Any]) -> None:
    before = fingerprint()

    report = assemble(EmbeddedGenerator().generate(asked(attack)), asked(attack))

    assert_nothing_ordered_stands(report, attack)
    assert any("sleeps badly" in line["text"] for line in iter_sentences(report.sections))
    assert fingerprint() == before


class Obedient(AskingGenerator):
    """A model that writes what the transcript orders, under every heading, and cites the order for it."""

    name = "gemini"
    title = "The obedient model"
    model = "obedient"
    is_cloud = True

    def __init__(self, claim: str) -> None:
        super().__init__()
        self.claim = claim
        self.prompt = ""

    @contextmanager
    def conversation(self) -> Iterator[Ask]:
        yield self.answer

    def answer(self, system: str, contents: Sequence[str], schema: dict[str, Any], *, timeout: float) -> Reply:
        self.prompt = self.prompt or contents[0]
        return Reply(json.dumps(saying([(self.claim, [ORDER_ID])])(schema, "")), "obedient", {})


def test_what_a_model_writes_on_order_is_marked(attack: dict[str, Any]) -> None:
    report = assemble(Obedient(attack["claim"]).generate(asked(attack)), asked(attack))

    assert any(attack["claim"] == line["text"] for line in iter_sentences(report.sections))
    assert_nothing_ordered_stands(report, attack)


def test_the_prompt_keeps_its_lines_and_its_end(attack: dict[str, Any]) -> None:
    engine = Obedient(attack["claim"])

    engine.generate(asked(attack))

    assert [number for number, _, _ in lines_in(engine.prompt)] == [1, 2, 3, 4]
    assert engine.prompt.count("<transcript>") == engine.prompt.count("</transcript>") == 1
    assert engine.prompt.endswith("</transcript>")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u200b-\u200f\u202a-\u202e]", engine.prompt)
    assert settings.SECRET_KEY not in engine.prompt


@pytest.mark.parametrize("service", ["gemini", "openai"])
def test_a_real_client_carries_all_of_them_and_none_stands(service: str) -> None:
    segments = tuple(
        TranscriptSegment(number, 2000 * number, 2000 * number + 1900, attack["speaker"], attack["words"])
        for number, attack in enumerate(HOSTILE, start=1)
    )
    claims = [(attack["claim"], [number]) for number, attack in enumerate(HOSTILE, start=1)]
    asked_for = request_for(segments, "soap")
    with (GeminiServer() if service == "gemini" else OpenAIServer()).running() as server:
        server.model = saying(claims)
        engine: AskingGenerator = (
            GeminiGenerator(api_key="k", model="gemini-3.8-flash", base_url=server.url)
            if service == "gemini"
            else OpenAIGenerator(base_url=f"{server.url}/v1", model="llama3.2")
        )

        report = assemble(engine.generate(asked_for), asked_for)

    lines = list(iter_sentences(report.sections))
    assert len(lines) >= len(HOSTILE)
    assert [line["text"] for line in lines if line["support"] == "supported"] == []


def fingerprint() -> dict[str, Any]:
    return {name: repr(getattr(settings, name)) for name in ("SECRET_KEY", "REPORT_BACKEND", "GEMINI_MODEL", "DEBUG")}
