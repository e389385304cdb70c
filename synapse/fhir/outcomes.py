"""What went wrong, as an OperationOutcome."""

from reports.writers.fhir.values import Resource, without_empty

ISSUES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    413: "too-long",
    415: "not-supported",
    429: "throttled",
    503: "transient",
}


def outcome(message: str, *, issue: str, severity: str = "error", where: str = "") -> Resource:
    """Return one issue; `where` names the parameter of the request."""
    told: Resource = without_empty(
        {
            "resourceType": "OperationOutcome",
            "issue": [
                {
                    "severity": severity,
                    "code": issue,
                    "details": {"text": message},
                    "expression": [f"http.{where}"] if where else [],
                }
            ],
        }
    )
    return told


def left_out(count: int) -> Resource:
    """Say that reports are missing because their seals are broken."""
    reports = "1 report was" if count == 1 else f"{count} reports were"
    return outcome(f"{reports} left out: changed after signing.", issue="security", severity="warning")
