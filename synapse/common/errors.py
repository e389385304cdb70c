"""The errors a user meets: a sentence for them, a code for programs, an HTTP status."""


class DomainError(Exception):
    """A broken rule. The message is shown to the user and names no patient."""

    code = "invalid"
    status = 400

    def __init__(self, message: str, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status or type(self).status

    def __str__(self) -> str:
        return self.message


class NotAllowed(DomainError):
    """The person sees the object but may not do this with it."""

    code = "not_allowed"
    status = 403


class Conflict(DomainError):
    """The object's state, or somebody who was faster, forbids it."""

    code = "conflict"
    status = 409


class InvalidTransition(Conflict):
    """The transition table lacks this step, or another request took it first."""

    code = "invalid_transition"
