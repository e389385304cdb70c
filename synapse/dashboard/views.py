"""The home page: a doctor's day, the front desk, an administrator's overview."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET

from scheduling.forms import current_zone
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.dashboard.day import read_day
from synapse.dashboard.overview import read_overview
from synapse.web.http import ClinicRequest, render_page
from synapse.web.nav import live_session_of

GREETINGS = ((4, "Good evening"), (12, "Good morning"), (18, "Good afternoon"), (24, "Good evening"))


@require_GET
def home(request: ClinicRequest) -> HttpResponse:
    """Show each role where its work begins."""
    if request.user.may(Permission.CONDUCT_SESSIONS):
        return _day(request)
    if request.user.may(Permission.MANAGE_CLINIC):
        return render_page(request, "dashboard/overview.html", {"overview": read_overview(now=timezone.now())})
    return redirect("dashboard:desk")


def _day(request: ClinicRequest) -> HttpResponse:
    now, zone = timezone.now(), current_zone()
    day = read_day(request.user, zone=zone, now=now)
    record_read(request, target=("home", now.astimezone(zone).date().isoformat()), subjects=day.patient_ids)
    hour = now.astimezone(zone).hour
    context = {
        "day": day,
        "now": now,
        "greeting": next(words for until, words in GREETINGS if hour < until),
        "live": live_session_of(request),
        "currency": ClinicSettings.load().currency,
    }
    return render_page(request, "dashboard/home.html", context)
