"""One page with every component in every state, to look at when one is changed. Demo mode or DEBUG only."""

from dataclasses import dataclass
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from synapse.documents.uploads import Kind
from synapse.web.forms import CheckedFileField, DateThreeFieldsField, PlainMessages
from synapse.web.http import render_page
from synapse.web.status import LOOKS

COLOURS = (
    *("brand", "brand-soft", "rec", "rec-soft", "warn", "info", "violet", "ok"),
    *("mark", "ink", "ink-2", "ink-3", "canvas", "surface-3", "line-2", "control"),
)
ICON_SAMPLE = (
    "users",
    "calendar-event",
    "microphone",
    "file-text",
    "shield-lock",
    "quote",
    "sparkles",
    "pill",
    "clock",
)


class SampleForm(PlainMessages, forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="First name")
    birth = DateThreeFieldsField(
        what="Date of birth", label="Date of birth", help_text="For example, 2 5 1991", latest=date.today
    )
    phone = forms.CharField(label="Mobile number", required=False, help_text="We send reminders here")
    password = forms.CharField(label="Password", widget=forms.PasswordInput)
    language = forms.ChoiceField(label="Language", choices=[("en", "English"), ("hi", "Hindi")])
    notes = forms.CharField(label="Notes", required=False, widget=forms.Textarea)
    role = forms.ChoiceField(
        label="Role", choices=[("doctor", "Doctor"), ("receptionist", "Receptionist")], widget=forms.RadioSelect
    )
    days = forms.MultipleChoiceField(
        label="Days",
        required=False,
        choices=[("mon", "Monday"), ("tue", "Tuesday")],
        widget=forms.CheckboxSelectMultiple,
    )
    telehealth = forms.BooleanField(label="Video visit", required=False, help_text="A link is sent with the reminder")
    agreed = forms.BooleanField(label="I have read this line")
    picture = CheckedFileField(kind=Kind.PICTURE, label="Picture", required=False)


@dataclass
class Sample:
    """Stands for a row with a status."""

    status: str
    _meta: ClassVar[Any] = SimpleNamespace(model_name="sample")

    def get_status_display(self) -> str:
        return self.status.replace("_", " ").capitalize()


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Show every component."""
    if settings.MODE != "demo" and not settings.DEBUG:
        raise Http404
    now = timezone.now()
    wrong = SampleForm(
        {"birth_day": "2", "birth_month": "5", "birth_year": str(now.year + 60), "phone": "98200"}, prefix=None
    )
    context = {
        "good": SampleForm(initial={"name": "Kavya", "birth": date(1991, 5, 2)}, prefix="good"),
        "wrong": wrong,
        "statuses": [Sample(status) for status in LOOKS],
        "page": Paginator(range(60), 20).page(2),
        "views": [("all", "All"), ("open", "Open"), ("done", "Done")],
        "colours": COLOURS,
        "icons": ICON_SAMPLE,
        "moments": [now, now - timedelta(days=1), now + timedelta(days=1), now - timedelta(days=40)],
    }
    return render_page(request, "web/gallery.html", context)
