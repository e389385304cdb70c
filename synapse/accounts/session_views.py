"""Doors of one's own sessions: end one, end all others."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from synapse.accounts import browser_sessions
from synapse.accounts.models import UserSession
from synapse.web.http import ClinicRequest


@require_POST
def end(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Sign another browser of one's own out."""
    row = get_object_or_404(UserSession.objects.filter(user=request.user), pk=pk)
    browser_sessions.end(row, by=request.user)
    messages.success(request, "That device is signed out.")
    return redirect("accounts:security")


@require_POST
def end_others(request: ClinicRequest) -> HttpResponse:
    """Sign every browser of one's own out but this one."""
    here = browser_sessions.id_of(request.session)
    ended = browser_sessions.end_all(request.user, but=here, by=request.user)
    messages.success(request, "You are signed out everywhere else." if ended else "You were signed in nowhere else.")
    return redirect("accounts:security")
