"""Whatever the API's own document lets a program send: never a 500, never an answer outside it, never foreign data.

Short in the suite. For long: API_FUZZ_EXAMPLES=200 python -m pytest synapse/tests/test_api_fuzz.py -n 2
"""

import os
import random
from functools import cache

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import Failure
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from sessions_app.models import ConsultationSession
from sessions_app.recordings import keys as recording_keys
from synapse.accounts import tokens
from synapse.accounts.scopes import scopes_of_role
from synapse.api import throttles
from synapse.tests.api_clinic import furnish
from synapse.wsgi import application

EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "2"))
IS_LONG = EXAMPLES > 5
ROLES = ("doctor", "receptionist", "admin")
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def one_connection():
    """Keep the test's connection open: a real server closes it after each request."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def everybody(one_connection, asha, ben, rita, omar, monkeypatch):
    monkeypatch.setattr(throttles, "PER_USER", 10**9)
    monkeypatch.setattr(throttles, "PER_SCOPE", dict.fromkeys(throttles.PER_SCOPE, 10**9))
    holdings = {"own": furnish(asha, "zzasha"), "foreign": furnish(ben, "zzben")}
    # A recording's key is durable before its first byte, so none can be made in a request that is undone.
    for session in ConsultationSession.objects.all():
        recording_keys.key_of(session.pk, make=True)
    return {"doctor": asha, "receptionist": rita, "admin": omar}, holdings


# What no answer to a role may hold. Clinical words are the doctor's; an administrator reads signed reports.
def forbidden_marks(role, holdings):
    if role == "doctor":
        return [holdings["foreign"].mark]
    if role == "receptionist":
        return [mark for held in holdings.values() for mark in (held.clinical_mark, held.spoken_mark)]
    return []


@cache
def operations():
    """Read the document once for all roles, so that what its requests are made from is prepared once."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", application)
    return [result.ok() for result in schema.get_all_operations()]


def modes_of(operation, position, role):
    """Return both modes; in the suite only what a doctor writes gets both, all else one with each role, by turns."""
    if IS_LONG or (operation.method != "get" and role == "doctor"):
        return MODES
    return (MODES[(position + ROLES.index(role)) % 2],)


@pytest.mark.timeout(0 if IS_LONG else 240)
@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_nothing_the_document_allows_breaks_it(role, everybody):
    people, holdings = everybody
    user = people[role]
    made = tokens.create_token(
        user,
        name="fuzz",
        scopes=scopes_of_role(user.role),
        lifetime=tokens.SIGN_IN_LIFETIME,
        by=user,
        at=timezone.now(),
    )
    broken = []
    for position, operation in enumerate(operations()):
        for mode in modes_of(operation, position, role):
            broken += _try(operation, mode, made.secret, holdings, forbidden_marks(role, holdings))
    assert not broken, "\n\n".join(broken)


def _try(operation, mode, secret, holdings, marks):
    """Send some generated requests, each undone afterwards; return what was wrong, the first of each kind."""
    found = {}
    dice = random.Random(f"{operation.label}{mode}")

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        _name_real_rows(case, holdings, dice)
        with transaction.atomic():
            response = case.call(headers={"Authorization": f"Bearer {secret}"})
            transaction.set_rollback(True)
        try:
            case.validate_response(response, checks=CHECKS)
            for mark in marks:
                assert mark.encode() not in response.content, f"{mark} in the answer"  # a PDF is no text
        except (AssertionError, BaseExceptionGroup, Failure) as error:
            found.setdefault(
                type(error).__name__, f"{case.as_curl_command()}\n{response.status_code} {str(error)[:1500]}"
            )

    try:
        send()
    except Exception as error:  # noqa: BLE001  # the operation's name is what helps
        found["crash"] = f"{operation.label} {mode}: {type(error).__name__}: {str(error)[:1500]}"
    return list(found.values())


def _name_real_rows(case, holdings, dice):
    """Put ids of rows that exist into the address, most often the doctor's own: else nothing but 404 is tried."""
    parts = [part for part in operation_path(case).split("/") if part]
    for name, value in dict(case.path_parameters or {}).items():
        place = parts.index("{" + name + "}")
        held = holdings[dice.choice(["own", "own", "own", "foreign"])]
        kind = parts[place - 1]
        if kind in {"reports", "sessions"} and dice.random() < 0.4:
            kind = {"reports": "signed", "sessions": "live"}[kind]
        case.path_parameters[name] = str(held.ids.get(kind, value))


def operation_path(case):
    return case.operation.path
