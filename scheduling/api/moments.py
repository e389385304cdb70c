"""The ends of a window of time in a query: `from` and `to`, each a moment or a whole day."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from scheduling.calendar.layout import day_bounds
from scheduling.services.slot_checks import LAST_YEAR
from synapse.accounts.models import ClinicSettings
from synapse.api.serializers import StrictSerializer

FIRST_YEAR = 1900
USUAL_WINDOW = timedelta(days=14)
# With room for the hour the clocks may be set back.
LONGEST_WINDOW = timedelta(days=62, hours=1)
LENGTH_OF_DAY = len("2026-03-01")

NO_MOMENT = "Send a moment with its zone, as in 2026-03-01T09:30:00Z, or a day, as in 2026-03-01."
WORDS = "A moment with its zone, or a day of the clinic's zone, which counts whole."
SCHEMA = {"type": "string", "description": WORDS, "anyOf": [{"format": "date"}, {"format": "date-time"}]}


class NoMoment(ValueError):
    """The text names no moment in a year anybody plans for."""


def read_moment(text: str, zone: ZoneInfo, *, is_end: bool) -> datetime:
    """Return the moment a text names; a day stands for its beginning in the zone, or with `is_end` for its end.

    Raises NoMoment, also for a moment without its own zone: nobody knows which was meant.
    """
    try:
        day = parse_date(text) if len(text) == LENGTH_OF_DAY else None
        if day is not None:
            return day_bounds(_real(day), zone)[1 if is_end else 0]
        moment = parse_datetime(text)
    except ValueError:
        raise NoMoment from None
    if moment is None or moment.tzinfo is None:
        raise NoMoment
    _real(moment.date())
    return moment


def _real(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise NoMoment
    return day


def clinic_zone() -> ZoneInfo:
    return ZoneInfo(ClinicSettings.load().timezone)


@extend_schema_field(SCHEMA)
class MomentField(serializers.Field[datetime, str, str, Any]):
    """A moment of a query; a day is one of the clinic's zone."""

    default_error_messages = {"invalid": NO_MOMENT}

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_end = is_end

    def to_internal_value(self, data: str) -> datetime:
        try:
            return read_moment(data, clinic_zone(), is_end=self.is_end)
        except NoMoment:
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


class WindowSerializer(StrictSerializer):
    """A window of time; `start` and `end` are in the validated data."""

    def get_fields(self) -> dict[str, Any]:
        ends = {
            "from": MomentField(source="start", required=False, help_text=f"{WORDS} Not said: now."),
            "to": MomentField(
                source="end",
                is_end=True,
                required=False,
                help_text=f"{WORDS} At most {LONGEST_WINDOW.days} days later; not said: {USUAL_WINDOW.days} days.",
            ),
        }
        return {**ends, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start = attrs.setdefault("start", timezone.now())
        end = attrs.setdefault("end", start + USUAL_WINDOW)
        if not start < end <= start + LONGEST_WINDOW:
            raise serializers.ValidationError({"to": f"Send an end at most {LONGEST_WINDOW.days} days after `from`."})
        return attrs


class _MomentFormField(forms.CharField):
    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_end = is_end

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return read_moment(text, clinic_zone(), is_end=self.is_end)
        except NoMoment:
            raise ValidationError(NO_MOMENT) from None


@extend_schema_field(SCHEMA)
class MomentFilter(django_filters.Filter):
    """Rows before or after a moment; a day is one of the clinic's zone."""

    field_class = _MomentFormField
