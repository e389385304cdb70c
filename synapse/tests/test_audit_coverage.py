"""No patient data without a row in the trail: every page is opened, and every failure of the trail fails the page."""

import pytest
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone

from sessions_app.models import ConsultationSession
from synapse.audit import services as audit
from synapse.audit.models import Action, AuditEvent
from synapse.tests.api_clinic import furnish
from synapse.tests.test_rules import OPEN_ADDRESSES, addresses

SAMPLE = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
# Whose ids stand behind which first word of an address; elsewhere these two are tried.
ANYWHERE = ("patients", "appointments")
OWNERS = {
    "patients": ("patients",),
    "sessions": ("sessions", "transcriptions", "patients"),
    "reports": ("signed", "reports", "patients", "sessions"),
    "bills": ("bills", "patients"),
    "calendar": ("appointments", "patients"),
    "visits": ("appointments",),
    "templates": ("templates",),
    "appointments": ("appointments",),
    "transcriptions": ("transcriptions",),
}
# A doctor's own time off: the clinic of these tests writes a mark into its title, and it is about no patient.
ABOUT_NOBODY = {"availability-list", "availability:time_off", "time-off-list"}
READS = {Action.READ, Action.SEARCH, Action.EXPORT, Action.PRINT, Action.PLAY, Action.SHARE}


@pytest.fixture
def held(asha):
    return furnish(asha, "asha1mark")


def pages(held):
    """Yield every address of a page with the ids of the clinic's records in place of its parameter."""
    for name, address in addresses():
        if name in OPEN_ADDRESSES or name.startswith("admin:") or "(?P<" in address or "^" in address:
            continue
        word = address.removeprefix("/api/v1").removeprefix("/fhir").split("/")[1]
        places = address.count(SAMPLE)
        if places == 0:
            yield name, address
        elif places == 1:
            for owner in OWNERS.get(word, ANYWHERE):
                yield name, address.replace(SAMPLE, str(held.ids[owner]))


def test_every_page_that_shows_patient_data_leaves_a_row(signed_in, asha, held, monkeypatch):
    monkeypatch.setattr(audit, "_was_recorded_lately", lambda *arguments: False)
    monkeypatch.setattr("synapse.api.throttles.Throttle.allow_request", lambda *arguments: True)
    # The shell names whom one is recording on every page: that session was opened already.
    ConsultationSession.objects.filter(pk=held.ids["live"]).update(status="completed", ended_at=timezone.now())
    client = signed_in(asha)
    client.raise_request_exception = False
    marks = (held.identity_mark, held.clinical_mark, held.spoken_mark)
    shown, silent = set(), set()
    for name, address in pages(held):
        before = AuditEvent.objects.count()
        answer = client.get(address)
        assert answer.status_code != 500, name
        if answer.status_code != 200:
            continue
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        text = body.decode(errors="replace")
        if name in ABOUT_NOBODY or not any(mark in text for mark in marks):
            continue
        shown.add(name)
        rows = AuditEvent.objects.order_by("seq")[before:]
        if not any(row.action in READS and (row.patient_id or row.subjects_digest) for row in rows):
            silent.add(name)

    assert not silent, f"no row for {sorted(silent)}"
    assert len(shown) > 40


@pytest.mark.parametrize("address", ["page", "list", "api", "export", "fhir"])
def test_without_the_trail_nothing_is_shown(signed_in, api, asha, held, monkeypatch, address):
    patient, report = held.ids["patients"], held.ids["signed"]
    opened = {
        "page": lambda: signed_in(asha).get(reverse("patients:detail", args=[patient])),
        "list": lambda: signed_in(asha).get(reverse("patients:list")),
        "api": lambda: api(asha).get(f"/api/v1/patients/{patient}/"),
        "export": lambda: api(asha).post(f"/api/v1/reports/{report}/export/", {"format": "txt"}, format="json"),
        "fhir": lambda: api(asha).get(f"/api/v1/fhir/Patient/{patient}"),
    }[address]
    assert opened().status_code == 200

    def fail(*arguments, **options):
        raise DatabaseError("disk full")

    monkeypatch.setattr(AuditEvent, "save", fail)
    try:
        answer = opened()
    except DatabaseError:
        return  # the test client hands on what a server turns into a 500

    assert answer.status_code >= 500
    for mark in (held.identity_mark, held.clinical_mark, held.spoken_mark):
        assert mark not in answer.content.decode()
