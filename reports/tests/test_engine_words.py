"""Every way an engine can fail is told in words, with the name of the service that failed."""

import re
from pathlib import Path

import pytest

from reports.generation import asking, gemini, openai_compatible
from reports.pages import engine_words

CODES = {
    code
    for module in (asking, gemini, openai_compatible)
    for code in re.findall(r'code="(\w+)"', Path(module.__file__).read_text())
}


def test_the_codes_are_those_of_the_engines():
    assert {"quota", "timeout", "network", "blocked", "cut_off", "model_retired", "key_refused", "bad_answer"} <= CODES


@pytest.mark.parametrize("code", sorted(CODES))
@pytest.mark.parametrize(("backend", "name"), [("gemini", "Gemini"), ("openai", "model server")])
def test_each_has_words_that_name_no_code_and_no_other_service(settings, backend, name, code):
    settings.REPORT_BACKEND = backend
    other = "Gemini" if backend == "openai" else "model server"

    for words in (engine_words.of_fallback(code), engine_words.of_failure(code), engine_words.of_rewrite(code)):
        assert words.endswith(".")
        assert "_" not in words
        assert other not in words
    assert name in engine_words.of_fallback(code) or code in ("no_speech", "bad_prompt")


def test_nothing_is_said_where_nothing_stood_in():
    assert (engine_words.of_fallback(""), engine_words.of_rewrite("")) == ("", "")
