"""System checks of report generation."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


@checks.register()
def check_report_engine(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[checks.CheckMessage]:
    """Refuse a cloud engine that is named without its key."""
    if settings.REPORT_BACKEND == "gemini" and not settings.GEMINI_API_KEY:
        return [
            checks.Error(
                "REPORT_BACKEND is gemini, but GEMINI_API_KEY is not set.",
                hint="Set GEMINI_API_KEY, or REPORT_BACKEND=embedded for the built-in engine.",
                id="reports.E001",
            )
        ]
    return []
