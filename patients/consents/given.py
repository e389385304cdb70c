"""Under which circumstances an answer was given: in which language, who heard it, who answered for whom."""

from dataclasses import dataclass
from datetime import datetime

from patients.models import Consent, Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.common.errors import DomainError

ADULT_AGE = 18


class GuardianNeeded(DomainError):
    """A child cannot agree alone."""

    code = "guardian_needed"

    def __init__(self) -> None:
        super().__init__(f"This patient is under {ADULT_AGE}: say who agrees for them, and how they are related.")


@dataclass(frozen=True)
class Given:
    """What is noted beside an answer; empty is what usually holds: the patient's own, heard by whoever records it."""

    language: str = ""
    heard_by: User | None = None
    paper_place: str = ""
    signer_name: str = ""
    signer_relation: str = ""
    interpreter: str = ""

    def fields(self) -> dict[str, object]:
        """Return what a consent row keeps of it."""
        return {
            "heard_by": self.heard_by,
            "paper_place": self.paper_place.strip(),
            "signer_name": self.signer_name.strip() if self.signer_relation else "",
            "signer_relation": self.signer_relation,
            "interpreter": self.interpreter.strip(),
        }


PLAIN = Given()


def check_signer(patient: Patient, given: Given, *, at: datetime) -> None:
    """Raise unless whoever agrees may: an adult for themself, or somebody named with their relation to the patient."""
    if given.signer_relation and given.signer_relation not in Consent.Relation.values:
        raise DomainError("Choose how the person is related to the patient.", code="unknown_relation")
    if given.signer_relation and not given.signer_name.strip():
        raise DomainError("Write the name of the person who answers for the patient.", code="signer_missing")
    if not given.signer_relation and is_minor(patient, at=at):
        raise GuardianNeeded


def is_minor(patient: Patient, *, at: datetime) -> bool:
    return patient.age_on(ClinicSettings.load().date_of(at)) < ADULT_AGE
