"""System checks of report generation."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


@checks.register()
def check_report_engine(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[checks.CheckMessage]:
    """Refuse an engine that is named without what it needs: a key, or an address and a model."""
    if settings.REPORT_BACKEND == "gemini" and not settings.GEMINI_API_KEY:
        return [
            checks.Error(
                "REPORT_BACKEND is gemini, but GEMINI_API_KEY is not set.",
                hint="Set GEMINI_API_KEY, or REPORT_BACKEND=embedded for the built-in engine.",
                id="reports.E001",
            )
        ]
    if settings.REPORT_BACKEND == "openai" and not (settings.OPENAI_BASE_URL and settings.OPENAI_MODEL):
        return [
            checks.Error(
                "REPORT_BACKEND is openai, but OPENAI_BASE_URL or OPENAI_MODEL is not set.",
                hint="Set both, such as http://127.0.0.1:11434/v1 and the name of a model loaded there.",
                id="reports.E002",
            )
        ]
    return []
