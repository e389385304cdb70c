"""What keeps a draft from being signed, as one entry each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Blocker:
    """One thing to do before a report can be signed. `target` is the id of the line, section or
    risk statement it is about."""

    code: str
    message: str
    target: str = ""
