"""Where the pages of a report are."""

from django.urls import reverse

HTMX = {"HX-Request": "true"}


def address(name, report, *args):
    return reverse(f"reports:{name}", args=[report.pk, *args])
