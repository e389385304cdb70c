"""Calls of the API of bills, and what of the answers is looked at."""

BILLS = "/api/v1/bills/"


def at(bill, verb=""):
    return f"{BILLS}{bill.pk}/{verb + '/' if verb else ''}"


def error_of(response):
    return response.json()["error"]


def said(response):
    """Return status, code and the names of the wrong fields."""
    error = error_of(response)
    return response.status_code, error["code"], sorted(error["fields"])
