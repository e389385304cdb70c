"""Templates that try to run, to read settings or to reach further: they are text, filled from a fixed list of names."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from reports.generation import prompts
from reports.generation.assemble import assemble, iter_sentences
from reports.generation.gemini import GeminiGenerator
from reports.generation.openai_compatible import OpenAIGenerator

from .conftest import request_for, talk
from .model_server import GeminiServer, OpenAIServer
from .scripted_model import quoting

HOSTILE = json.loads((Path(__file__).parent / "data" / "hostile_templates.json").read_text(encoding="utf-8"))
SEGMENTS = talk("d: How have you been?", "p: I sleep badly and I cry most days.")
LINK = "See <a href='https://x.example/a'>the file</a> and [this](https://x.example/b)."


@pytest.mark.parametrize("attack", HOSTILE, ids=[one["id"] for one in HOSTILE])
def test_a_template_is_refused_or_stays_the_text_it_is(attack: dict[str, Any]) -> None:
    if attack["is_refused"]:
        with pytest.raises(prompts.UnknownVariable):
            prompts.check_prompt(attack["instructions"])
        return
    prompts.check_prompt(attack["instructions"])

    system = prompts.system_prompt(request_for(SEGMENTS, "soap", instructions=attack["instructions"]))

    assert settings.SECRET_KEY not in system
    assert "49" not in system.replace("{7*7}", "")
    assert system.index("Rules, without exception") < system.index("followed where they do not break a rule above")


def disobedient(schema: dict[str, Any], prompt: str) -> Any:
    """Answer as the order wants: sections nobody asked for, keys nobody knows, links in the lines."""
    answer = quoting(schema, prompt)
    for name, section in answer.items():
        if "sentences" in section:
            section["sentences"].append({"text": LINK, "evidence": [2], "tool_calls": [{"name": "send_mail"}]})
            section["html"] = "<b>bold</b>"
        assert name in schema["properties"]
    return {**answer, "other_patients": {"status": "documented", "sentences": [{"text": "OTHER", "evidence": [2]}]}}


@pytest.mark.parametrize("service", ["gemini", "openai"])
def test_what_the_schema_does_not_have_is_dropped_and_a_link_is_a_marked_text(service: str) -> None:
    request = request_for(SEGMENTS, "soap", instructions=" ".join(one["instructions"] for one in HOSTILE[3:]))
    with (GeminiServer() if service == "gemini" else OpenAIServer()).running() as server:
        server.model = disobedient
        engine: Any = (
            GeminiGenerator(api_key="k", model="gemini-3.8-flash", base_url=server.url)
            if service == "gemini"
            else OpenAIGenerator(base_url=f"{server.url}/v1", model="llama3.2")
        )

        report = assemble(engine.generate(request), request)

    said = json.dumps(report.as_json())
    assert [section["id"] for section in report.sections] == [section.id for section in request.sections]
    assert not any(word in said for word in ("OTHER", "send_mail", "<b>bold"))
    linked = [line for line in iter_sentences(report.sections) if "x.example" in line["text"]]
    assert linked
    assert all("link" in {flag["kind"] for flag in line["flags"]} for line in linked)
    assert {line["support"] for line in linked} == {"unsupported"}
    assert all("tools" not in body and "functionDeclarations" not in json.dumps(body) for _, body, _ in server.requests)
