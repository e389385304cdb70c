"""Calls of the API of reports, and what of the answers is looked at."""

from reports.tests.factories import first_sentence

SHARE = {"with": "patient", "email": "kavya@mail.example", "expires_in_hours": 24}


def address(report, verb=""):
    return f"/api/v1/reports/{report.pk}/{f'{verb}/' if verb else ''}"


def error_of(response):
    return response.json()["error"]


def ids_of(response):
    return [row["id"] for row in response.json()["results"]]


def in_words(report):
    """Return words that stand in the report and nowhere else."""
    return first_sentence(report)["text"].encode()
