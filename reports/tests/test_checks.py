"""System checks of report generation."""

import pytest

from reports.checks import check_report_engine


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"REPORT_BACKEND": "", "GEMINI_API_KEY": ""}, []),
        ({"REPORT_BACKEND": "gemini", "GEMINI_API_KEY": ""}, ["reports.E001"]),
        ({"REPORT_BACKEND": "gemini", "GEMINI_API_KEY": "key"}, []),
        ({"REPORT_BACKEND": "openai", "OPENAI_BASE_URL": "", "OPENAI_MODEL": "llama3.2"}, ["reports.E002"]),
        ({"REPORT_BACKEND": "openai", "OPENAI_BASE_URL": "http://127.0.0.1/v1", "OPENAI_MODEL": ""}, ["reports.E002"]),
        ({"REPORT_BACKEND": "openai", "OPENAI_BASE_URL": "http://127.0.0.1/v1", "OPENAI_MODEL": "llama3.2"}, []),
    ],
)
def test_an_engine_named_without_what_it_needs_is_an_error(settings, values, found):
    for name, value in values.items():
        setattr(settings, name, value)

    assert [message.id for message in check_report_engine(None)] == found
