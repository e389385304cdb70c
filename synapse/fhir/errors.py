"""What a FHIR client can be told is wrong; each becomes an OperationOutcome."""

from synapse.common.errors import DomainError


class FhirError(DomainError):
    """A request that cannot be answered; `issue` is the OperationOutcome's issue code, `where` names the parameter."""

    issue = "invalid"

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.where = where


class BadParameter(FhirError):
    """A search parameter has a value that cannot be read."""

    code = "bad_parameter"
    issue = "value"


class UnknownParameter(FhirError):
    """There is no such search parameter here: leaving it out would answer more than was asked for."""

    code = "unknown_parameter"
    issue = "not-supported"


class TooCostly(FhirError):
    """The search meets more than it can go through."""

    code = "too_costly"
    issue = "too-costly"


class UnknownResource(FhirError):
    """There is no such resource, or no such interaction, on this server."""

    code = "not_supported"
    issue = "not-supported"
    status = 404


class NotAcceptable(FhirError):
    """Another format was asked for than JSON."""

    code = "not_acceptable"
    issue = "not-supported"
    status = 406
