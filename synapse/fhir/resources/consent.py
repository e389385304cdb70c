"""What a patient agreed to, as a Consent with the words they were asked."""

from base64 import b64encode
from datetime import datetime
from hashlib import sha1

from patients.consents.wording import words_of
from patients.models import Consent
from reports.writers.fhir.values import LOINC, Resource, coded, instant, organization_id, system
from synapse.fhir.resources.meta import finished, refer

SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
PRIVACY = coded(SCOPE, "patient-privacy", "Privacy Consent")
TREATMENT = coded(SCOPE, "treatment", "Treatment")
Kind = Consent.Kind
Status = Consent.Status
ABOUT_TREATMENT = frozenset({Kind.TREATMENT, Kind.TELEHEALTH})
STATUS = {
    Status.PENDING: "proposed",
    Status.LIVE: "active",
    Status.WITHDRAWN: "inactive",
    Status.EXPIRED: "inactive",
    Status.DECLINED: "rejected",
}
CATEGORIES = {
    Kind.DATA_SHARING: ("64292-6", "Release of information consent"),
    Kind.HIPAA_NOTICE: ("57016-8", "Privacy policy acknowledgment Document"),
}
ANY_CONSENT = ("59284-0", "Consent Document")


def consent_resource(consent: Consent, *, at: datetime) -> Resource:
    """Return a consent as it stands at a moment: it ends at its time, not when a sweep comes by."""
    kind = Kind(consent.kind)
    who = refer("Patient", consent.patient.kept_id)
    resource = {
        "resourceType": "Consent",
        "status": status_of(consent, at=at),
        "scope": TREATMENT if kind in ABOUT_TREATMENT else PRIVACY,
        "category": [coded(LOINC, *CATEGORIES.get(kind, ANY_CONSENT), str(kind.label))],
        "patient": who,
        "dateTime": instant(consent.answered_at),
        "performer": [who] if consent.was_answered else [],
        "organization": [refer("Organization", organization_id())],
        "sourceAttachment": _words(consent),
        # The words agreed to are the policy: under this URI each version is one and never changes.
        "policy": [{"uri": system(f"consent-text/{kind}/{consent.text_version}")}],
        "provision": _provision(consent),
    }
    return finished(resource, consent.pk, updated_at=consent.updated_at)


def status_of(consent: Consent, *, at: datetime) -> str:
    is_over = consent.is_live and consent.expires_at is not None and consent.expires_at <= at
    return "inactive" if is_over else STATUS[Status(consent.status)]


def _words(consent: Consent) -> Resource | None:
    """Return the text the patient was asked, when it is the one the stored hash is of."""
    text = words_of(consent)
    if text is None or text.hash != consent.text_hash:
        return None
    words = f"{text.title}\n{text.text}".encode()
    return {
        "contentType": "text/plain; charset=utf-8",
        "language": text.language,
        "data": b64encode(words).decode(),
        "size": len(words),
        "hash": b64encode(sha1(words, usedforsecurity=False).digest()).decode(),  # FHIR R4 wants SHA-1 here
        "title": text.title,
    }


def _provision(consent: Consent) -> Resource | None:
    """Return from when until when the patient agreed."""
    if consent.given_at is None:
        return None
    end = consent.withdrawn_at or consent.expires_at
    return {"type": "permit", "period": {"start": instant(consent.given_at), "end": instant(end) if end else None}}
