"""Doors of the verify page: no login, no patient data, slowed down for those who guess."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from reports.sealing.forms import CodeForm, CompareForm
from reports.verification import answers as verification
from synapse.accounts import throttle
from synapse.accounts.models import ClinicSettings
from synapse.audit import context
from synapse.documents import certificates

WRONG_CODE = "verify_code"
UPLOAD = "verify_upload"
MAXIMUM_WRONG_CODES = 20
MAXIMUM_UPLOADS = 30

View = Callable[..., HttpResponse]


def open_to_all(view: View) -> View:
    """Let a page be opened without a login, and keep it out of search engines and caches."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return login_not_required(never_cache(opened))


@require_safe
@open_to_all
def start(request: HttpRequest) -> HttpResponse:
    """Ask for the code on the document."""
    form = CodeForm(request.GET or None)
    if form.is_valid():
        return redirect("verify:code", code=form.cleaned_data["code"])
    return render(request, "reports/verify/start.html", {"form": form, **_certificate_facts()})


@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all
def check(request: HttpRequest, code: str) -> HttpResponse:
    """Say who sealed the document with this code and whether it holds; compare a file with it."""
    now, address = timezone.now(), context.current().ip
    sealed = verification.find_sealed(code)
    if sealed is None:
        # Asked only about wrong codes: a clinic behind one address keeps the page whoever guesses beside it.
        throttle.take_try(WRONG_CODE, WRONG_CODE, address, at=now, limit=MAXIMUM_WRONG_CODES)
        return render(request, "reports/verify/unknown.html", {"form": CodeForm()}, status=404)
    form = CompareForm(request.POST, request.FILES) if request.method == "POST" else CompareForm()
    found = None
    if form.is_valid():
        throttle.take_try(UPLOAD, UPLOAD, address, at=now, limit=MAXIMUM_UPLOADS)
        match = verification.compare_file(form.cleaned_data["file"].read(), sealed)
        found = verification.MATCH_WORDS[match]
    page = {"sealed": sealed, "form": form, "found": found, "is_report": sealed.is_report, **_certificate_facts()}
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "reports/verify/sealed.html", page, status=status)


@require_safe
@open_to_all
def certificate(request: HttpRequest) -> HttpResponse:
    """Hand out the clinic's public certificate, which a reader of its PDFs can be told to trust."""
    clinic = ClinicSettings.load().name
    public = certificates.signing_identity(clinic=clinic, at=timezone.now()).certificate
    response = HttpResponse(public.public_bytes(Encoding.DER), content_type="application/pkix-cert")
    response["Content-Disposition"] = 'attachment; filename="clinic-certificate.cer"'
    return response


def _certificate_facts() -> dict[str, object]:
    clinic = ClinicSettings.load().name
    public = certificates.signing_identity(clinic=clinic, at=timezone.now()).certificate
    return {
        "clinic": clinic,
        "fingerprint": certificates.fingerprint(public),
        "valid_until": public.not_valid_after_utc,
    }
