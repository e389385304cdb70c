"""An empty view, and one that lists fifty rows of plain text as JSON."""

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from synapse import urls

ROWS = 50


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"")


def plain(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM bench_plain LIMIT {ROWS}")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return JsonResponse({"results": rows})


# What the floor stands on has no sign-in: it is the least Django can do.
empty.login_required = plain.login_required = False  # type: ignore[attr-defined]  # read by Django's middleware

urlpatterns = [path("floor/empty/", empty), path("floor/plain/", plain), *urls.urlpatterns]
