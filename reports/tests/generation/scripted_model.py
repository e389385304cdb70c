"""Models for the stand-ins: what they answer follows from the schema and the prompt they are given."""

import re
from collections.abc import Callable
from typing import Any

_LINE = re.compile(r"^\[(\d+)\] (\w+): (.*)$", re.MULTILINE)

Line = tuple[int, str, str]  # segment id, speaker, words


def lines_in(prompt: str) -> list[Line]:
    return [(int(number), speaker, words) for number, speaker, words in _LINE.findall(prompt)]


def quoting(schema: dict[str, Any], prompt: str) -> Any:
    """Answer as a careful model would: each place holds the patient's first words, quoted and cited."""
    number, _, words = next((line for line in lines_in(prompt) if line[1] == "PATIENT"), (0, "", ""))
    return saying([(f"The patient said: “{words}”", [number])])(schema, prompt)


def saying(sentences: list[tuple[str, list[int]]]) -> Callable[[dict[str, Any], str], Any]:
    """Return a model that writes these sentences in every place, whatever was said."""

    def model(schema: dict[str, Any], prompt: str) -> Any:
        return _filled(schema, sentences)

    return model


def _filled(schema: dict[str, Any], sentences: list[tuple[str, list[int]]]) -> Any:
    properties = schema["properties"]
    text, evidence = sentences[0]
    if "state" in properties:
        return {"state": "denied", "text": text, "evidence": evidence}
    if "sentences" in properties:
        return {
            "status": "documented",
            "sentences": [{"text": words, "evidence": cited} for words, cited in sentences],
        }
    if "rows" in properties:
        columns = properties["rows"]["items"]["properties"]["cells"]["properties"]
        return {
            "status": "documented",
            "rows": [{"cells": dict.fromkeys(columns, words), "evidence": cited} for words, cited in sentences],
        }
    return {name: _filled(inner, sentences) for name, inner in properties.items()}
