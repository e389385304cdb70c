"""What the tests of a patient's pages share."""

from django.contrib.messages import get_messages

from synapse.audit.models import AuditEvent

NEW = {
    "first_name": "Mira",
    "last_name": "Banerjee",
    "date_of_birth_day": "2",
    "date_of_birth_month": "3",
    "date_of_birth_year": "1988",
    "phone_primary": "98200 41733",
}
SECRETS = {
    "allergies": "Penicillin",
    "medical_history": "Panic disorder",
    "current_medications": "Sertraline 50 mg",
    "notes": "Dog called Rex",
    "tags": ["Anxious"],
}


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("seq")


def messages_of(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]
