"""Every door that shares, exports, or changes who may do what asks for a fresh proof of identity."""

from uuid import UUID

import pytest
from django.urls import reverse

from reports.models import ReportShare
from reports.tests.factories import make_report
from synapse.accounts.browser_sessions import PROVEN_KEY

ROW = UUID(int=7)
PAGES = {
    "asha": [
        ("reports:sharing", [ROW]),
        ("patients:hand_over", [ROW]),
        ("patients:hand_over_all", []),
        ("billing:export_bills", []),
        ("billing:export_payments", []),
        ("billing:figures_export", []),
        ("dashboard:numbers_export", []),
        ("webhooks:add", []),
    ],
    "omar": [
        ("accounts:invite", []),
        ("billing:export_journal", []),
        ("dashboard:audit_export", []),
    ],
}
POSTS = {
    "asha": [
        ("reports:export", [ROW, "pdf"]),
        ("reports:sharing", [ROW]),
        ("patients:share", [ROW]),
        ("webhooks:rotate", [ROW]),
    ],
    "omar": [
        ("accounts:invite", []),
        ("accounts:change_role", [ROW]),
        ("accounts:deactivate", [ROW]),
        ("accounts:reactivate", [ROW]),
        ("accounts:turn_off_for", [ROW]),
    ],
}


@pytest.mark.parametrize("name", ["asha", "omar"])
def test_a_door_asks_when_the_last_proof_is_old(request, signed_in, name):
    client = signed_in(request.getfixturevalue(name))
    session = client.session
    session[PROVEN_KEY] -= 301
    session.save()

    pages = [client.get(reverse(door, args=args)) for door, args in PAGES[name]]
    posts = [client.post(reverse(door, args=args)) for door, args in POSTS[name]]

    assert {answer.url.split("?")[0] for answer in pages} == {reverse("accounts:prove")}
    assert {(answer.status_code, "proof-password" in answer.content.decode()) for answer in posts} == {(403, True)}


def test_a_browser_that_takes_the_way_of_programs_is_asked_as_well(asha, ben, signed_in):
    """A session cookie opens the API too: what a page asks a proof for must not go without one there."""
    report = make_report(asha, status="signed")
    patient = report.session.patient
    client = signed_in(asha)
    session = client.session
    session[PROVEN_KEY] -= 301
    session.save()
    of_report, of_patient = f"/api/v1/reports/{report.pk}", f"/api/v1/patients/{patient.pk}"
    share = {"with": "patient", "email": "a@mail.example", "expires_in_hours": 24}
    posts = {
        f"{of_report}/export/": {"format": "pdf"},
        f"{of_report}/share/": share,
        f"{of_patient}/shares/": {"doctor": str(ben.pk)},
    }
    pages = [f"/api/v1/fhir/Patient/{patient.pk}/$everything", f"/api/v1/fhir/Binary/{report.pk}"]

    sent = [client.post(address, body, content_type="application/json") for address, body in posts.items()]
    asked = [client.get(address) for address in pages]

    assert [answer.status_code for answer in sent + asked] == [403] * 5
    assert {answer.json()["error"]["code"] for answer in sent} == {"proof_required"}
    assert not ReportShare.objects.exists()
    assert client.get(f"{of_report}/").status_code == 200  # reading it is no giving away
