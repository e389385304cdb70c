"""What every answer behind a link says to browsers, caches and search engines."""

from django.http import HttpResponse


def make_private(response: HttpResponse) -> HttpResponse:
    """Keep an answer out of caches and search engines, and its address out of what other sites are told."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response
