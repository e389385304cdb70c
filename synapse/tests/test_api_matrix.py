"""Who gets what from every operation of the API: role, status, and whose words are in the answer.

Each operation is sent with an empty body to the rows of one doctor, by that doctor, another doctor, the receptionist,
the administrator and nobody. After a status stand the marks that are in the answer: `n` names and what the desk may
know, `c` the clinical fields of the patient, `s` what was said in a session. 400 and 409 mean: let in, but an empty
body does nothing.
"""

import pytest
from rest_framework.test import APIClient

from synapse.api import throttles
from synapse.tests.api_clinic import furnish
from synapse.tests.api_probe import operations, probe, text_of

ROLES = ("owner", "stranger", "receptionist", "admin", "nobody")

#      operation                                               owner stranger receptionist admin nobody
MATRIX = """
GET    /appointments/                                  200n  200   200n  200n  401
POST   /appointments/                                  400   400   400   400   401
GET    /appointments/{id}/                             200n  404   200n  200n  401
PUT    /appointments/{id}/                             200n  404   200n  200n  401
PATCH  /appointments/{id}/                             200n  404   200n  200n  401
POST   /appointments/{id}/cancel/                      200n  404   200n  200n  401
POST   /appointments/{id}/complete/                    200n  404   200n  200n  401
POST   /appointments/{id}/confirm/                     200n  404   200n  200n  401
POST   /appointments/{id}/no-show/                     409   404   409   409   401
POST   /appointments/{id}/reschedule/                  400   404   400   400   401
POST   /appointments/{id}/start/                       409   404   403   403   401
POST   /auth/token/                                    400   400   400   400   400
DELETE /auth/token/                                    401   401   401   401   401
GET    /availability/                                  200n  200   200n  200n  401
GET    /availability/{id}/                             200n  200   200n  200n  401
PUT    /availability/{id}/                             400   400   400   400   401
DELETE /availability/{id}/                             204   403   204   204   401
GET    /availability/closures/                         200   200   200   200   401
POST   /availability/closures/                         403   403   403   400   401
GET    /availability/closures/{id}/                    404   404   404   404   401
PUT    /availability/closures/{id}/                    403   403   403   404   401
PATCH  /availability/closures/{id}/                    403   403   403   404   401
DELETE /availability/closures/{id}/                    403   403   403   404   401
GET    /availability/time-off/                         200n  200   200n  200n  401
POST   /availability/time-off/                         400   400   400   400   401
GET    /availability/time-off/{id}/                    200n  404   200n  200n  401
DELETE /availability/time-off/{id}/                    204   404   204   204   401
GET    /bills/                                         200   200   200   200   401
POST   /bills/                                         400   400   400   400   401
GET    /bills/{bill_pk}/ledger/                        200   404   200   200   401
GET    /bills/{id}/                                    200   404   200   200   401
PUT    /bills/{id}/                                    200   404   200   200   401
PATCH  /bills/{id}/                                    200   404   200   200   401
POST   /bills/{id}/cancel/                             400   404   403   400   401
POST   /bills/{id}/payment/                            400   404   400   400   401
GET    /bills/{id}/pdf/                                200   404   200   200   401
POST   /bills/{id}/refund/                             400   404   403   400   401
POST   /bills/{id}/send/                               200   404   200   200   401
POST   /bills/{id}/send-reminder/                      409   404   409   409   401
GET    /free-slots/                                    200   200   200   200   401
GET    /ledger/                                        200   200   200   200   401
GET    /ledger/{id}/                                   404   404   404   404   401
GET    /patients/                                      200nc 200   200n  200nc 401
POST   /patients/                                      400   400   400   400   401
GET    /patients/{patient_pk}/appointments/            200n  404   200n  200n  401
GET    /patients/{patient_pk}/audit/                   200   404   403   200   401
GET    /patients/{patient_pk}/bills/                   200   404   200   200   401
GET    /patients/{patient_pk}/consents/                200   404   200   200   401
POST   /patients/{patient_pk}/consents/                400   404   400   400   401
GET    /patients/{patient_pk}/consents/{id}/           200   404   200   200   401
POST   /patients/{patient_pk}/consents/{id}/withdraw/  200   404   200   200   401
GET    /patients/{patient_pk}/reports/                 200   404   200   200   401
GET    /patients/{patient_pk}/sessions/                200s  404   200   200   401
GET    /patients/{patient_pk}/shares/                  200   404   403   200   401
POST   /patients/{patient_pk}/shares/                  400   404   403   400   401
GET    /patients/{patient_pk}/shares/{id}/             200   404   403   200   401
DELETE /patients/{patient_pk}/shares/{id}/             409   404   403   409   401
GET    /patients/{id}/                                 200nc 404   200n  200nc 401
PUT    /patients/{id}/                                 200nc 404   200n  200nc 401
PATCH  /patients/{id}/                                 200nc 404   200n  200nc 401
DELETE /patients/{id}/                                 204   404   403   204   401
POST   /patients/search/                               400   400   400   400   401
GET    /profile/                                       200   200   200   200   401
PUT    /profile/                                       200   200   200   200   401
PATCH  /profile/                                       200   200   200   200   401
GET    /profile/logo/                                  404   404   404   404   401
GET    /reports/                                       200   200   200   200   401
GET    /reports/{id}/                                  200s  404   200   404   401
PUT    /reports/{id}/                                  200s  404   403   403   401
PATCH  /reports/{id}/                                  200s  404   403   403   401
POST   /reports/{id}/amend/                            400   404   403   403   401
GET    /reports/{id}/evidence/                         200s  404   403   404   401
POST   /reports/{id}/export/                           400   404   403   403   401
POST   /reports/{id}/review/                           200s  404   403   403   401
POST   /reports/{id}/share/                            400   404   403   403   401
POST   /reports/{id}/sign/                             400   404   403   403   401
GET    /reports/{report_pk}/shares/                    200   404   200   404   401
GET    /reports/{report_pk}/shares/{id}/               404   404   404   404   401
DELETE /reports/{report_pk}/shares/{id}/               404   404   403   403   401
POST   /reports/{report_pk}/shares/{id}/hand-over/     403   403   404   403   401
GET    /sessions/                                      200s  200   200   200   401
POST   /sessions/                                      400   400   403   403   401
GET    /sessions/{id}/                                 200s  404   200   200   401
PUT    /sessions/{id}/                                 200   404   403   403   401
PATCH  /sessions/{id}/                                 200   404   403   403   401
DELETE /sessions/{id}/                                 204   404   403   403   401
GET    /sessions/{id}/audio/                           404   404   403   403   401
POST   /sessions/{id}/audio/                           415   404   403   403   401
POST   /sessions/{id}/complete/                        200   404   403   403   401
GET    /sessions/{id}/transcription/                   200s  404   403   200   401
GET    /sessions/{session_pk}/audio/uploads/           200   404   403   403   401
GET    /sessions/{session_pk}/audio/uploads/{id}/      404   404   403   403   401
DELETE /sessions/{session_pk}/audio/uploads/{id}/      404   404   403   403   401
POST   /sessions/{session_pk}/generate-report/         202   404   403   403   401
GET    /templates/                                     200   200   403   200   401
POST   /templates/                                     400   400   403   400   401
GET    /templates/{id}/                                200   404   403   404   401
PUT    /templates/{id}/                                200   404   403   404   401
PATCH  /templates/{id}/                                200   404   403   404   401
DELETE /templates/{id}/                                204   404   403   404   401
GET    /tokens/                                        200   200   200   200   401
POST   /tokens/                                        400   400   400   400   401
GET    /tokens/{id}/                                   404   404   404   404   401
DELETE /tokens/{id}/                                   404   404   404   404   401
GET    /transcriptions/                                200   200   403   200   401
GET    /transcriptions/{id}/                           200s  404   403   200   401
PUT    /transcriptions/{id}/                           200s  404   403   403   401
PATCH  /transcriptions/{id}/                           200s  404   403   403   401
POST   /transcriptions/{id}/regenerate/                409   404   403   403   401
GET    /webhooks/                                      200   200   200   200   401
POST   /webhooks/                                      400   400   400   400   401
GET    /webhooks/{id}/                                 404   404   404   404   401
PUT    /webhooks/{id}/                                 404   404   404   404   401
PATCH  /webhooks/{id}/                                 404   404   404   404   401
DELETE /webhooks/{id}/                                 404   404   404   404   401
POST   /webhooks/{id}/ping/                            404   404   404   404   401
POST   /webhooks/{id}/replay-dead/                     404   404   404   404   401
POST   /webhooks/{id}/rotate-secret/                   404   404   404   404   401
GET    /webhooks/{webhook_pk}/deliveries/              404   404   404   404   401
GET    /webhooks/{webhook_pk}/deliveries/{id}/         404   404   404   404   401
POST   /webhooks/{webhook_pk}/deliveries/{id}/replay/  404   404   404   404   401
"""


@pytest.fixture
def askers(api, asha, ben, rita, omar):
    return dict(zip(ROLES, (*map(api, (asha, ben, rita, omar)), APIClient()), strict=True))


@pytest.mark.django_db
def test_every_role_gets_what_the_matrix_says(askers, asha, monkeypatch):
    monkeypatch.setattr(throttles, "PER_USER", 10**9)
    monkeypatch.setattr(throttles, "PER_SCOPE", dict.fromkeys(throttles.PER_SCOPE, 10**9))
    held = furnish(asha, "zzasha")
    marks = {"n": held.identity_mark, "c": held.clinical_mark, "s": held.spoken_mark}
    wanted = {" ".join(row[:2]): row[2:] for row in map(str.split, MATRIX.strip().splitlines())}
    assert wanted.keys() == set(operations())
    wrong = []
    for operation, row in wanted.items():
        for (role, client), cell in zip(askers.items(), row, strict=True):
            response = probe(client, operation, held)
            text = text_of(response)
            got = f"{response.status_code}{''.join(letter for letter, mark in marks.items() if mark in text)}"
            if got != cell:
                wrong.append(f"{operation}: {role} got {got}, the matrix says {cell}")
    assert not wrong, "\n".join(wrong)
