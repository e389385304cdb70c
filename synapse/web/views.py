"""Addresses that browsers ask for on their own."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the icon; a PDF or a file opened in a tab has no page that could name it."""
    return redirect(static("img/favicon.svg"))
