"""Every record carries a mark of its own; every address is asked by every role; a mark shows only where it may.

`n` is identity, `c` the clinical fields of the patient, `s` what was said in a session, `p` a private note. The API has
its own matrix (`test_api_matrix`), the FHIR server and the private notes their own paths.
"""

import re

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from patients.models import Patient
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.psychotherapy import services as notes
from synapse.tests.api_clinic import furnish
from synapse.tests.crawl import ask, every_address

ROLES = ("owner", "stranger", "receptionist", "admin", "nobody")
# What each role may ever read; where an administrator reads what was said is on the list below.
ALLOWED = {"owner": "ncsp", "stranger": "", "receptionist": "n", "admin": "nc", "nobody": ""}
# Signed reports are read by administrators, each look audited (spec: roles).
SIGNED_FOR_ADMIN = {"reports:detail", "reports:export", "reports:for_session", "reports:for_patient"}
PRIVATE_MARK = "zzashaprivate"
DENIED = {401, 403, 404}


@pytest.fixture
def held(asha):
    held = furnish(asha, "zzasha")
    patient, at = Patient.objects.get(pk=held.ids["patients"]), timezone.now()
    note = notes.begin_note(patient, by=asha, at=at)
    notes.save_note(note, text=PRIVATE_MARK, based_on=note.saved_at, by=asha, at=at)
    held.ids["notes"] = note.pk
    return held


@pytest.fixture
def marks(held):
    return {
        "n": held.identity_mark,
        "c": held.clinical_mark,
        "s": held.spoken_mark,
        "p": PRIVATE_MARK,
    }


@pytest.fixture
def askers(asha, ben, rita, omar):
    clients = {}
    for role, user in zip(ROLES, (asha, ben, rita, omar, None), strict=True):
        clients[role] = Client(raise_request_exception=False)
        if user is not None:
            clients[role].force_login(user)
    return clients


def seen(text, marks):
    return "".join(letter for letter, mark in marks.items() if mark in text)


def allowed(role, name):
    letters = ALLOWED[role]
    if role == "admin" and name in SIGNED_FOR_ADMIN:
        letters += "s"
    return letters


def answers(addresses, askers):
    """Ask every address as every role; yield name, role, answer and its words. What takes no GET is asked once."""
    for address in addresses:
        takes_get = True
        for role, client in askers.items():
            for path in address.paths if takes_get else ():
                response, text = ask(client, path)
                yield address.name, role, response, text
                takes_get = response.status_code != 405
                if response.status_code != 404:
                    break


@pytest.mark.django_db
def test_a_mark_is_read_only_where_the_matrix_of_roles_allows_it(held, marks, askers):
    wrong, shown, asked = [], {role: set() for role in ROLES}, 0
    addresses = every_address(held)
    for name, role, response, text in answers(addresses, askers):
        asked += 1
        found = seen(text, marks)
        shown[role] |= set(found)
        limits = allowed(role, name) if response.status_code not in DENIED else ""
        if too_much := set(found) - set(limits):
            wrong.append(f"{name} {role} {response.status_code}: {''.join(sorted(too_much))}")
        if seen(str(response.headers) + outward(text), marks):
            wrong.append(f"{name} {role}: a mark in headers, title or an address")
        if response.status_code >= 500:
            wrong.append(f"{name} {role}: {response.status_code}")
    assert wrong == [], "\n".join(wrong)
    # The crawl reached what it is about: whoever may read a kind of mark did read it.
    assert shown["owner"] == set("ncsp")
    assert shown["receptionist"] == {"n"}
    assert {"n", "c"} <= shown["admin"]
    assert len(addresses) > 300
    assert asked > 1000


def outward(text):
    """Return what of a page reaches browser history, server logs and other sites: its title and its addresses."""
    titles = re.findall(r"<title>(.*?)</title>", text, re.DOTALL)
    return " ".join([*titles, *re.findall(r'(?:href|action|src|hx-(?:get|post))="([^"]*)"', text)])


@pytest.mark.django_db
def test_nobody_changes_a_strangers_rows_by_their_ids(held, marks, askers, ben, rita):
    """POST to every address with a stranger's rows: no word of them comes back, nothing of theirs is changed."""
    wrong = []
    patient = held.ids["patients"]
    for address in every_address(held):
        for role in ("stranger", "nobody"):
            for path in address.paths[:1]:
                with transaction.atomic():
                    before = AuditEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
                    response = askers[role].post(path)
                    text = response.content.decode(errors="replace") + str(response.headers)
                    done = AuditEvent.objects.filter(seq__gt=before, outcome=Outcome.ALLOWED, patient_id=patient)
                    changed = list(done.exclude(action__in=[Action.DENY]).values_list("action", flat=True))
                    transaction.set_rollback(True)
                if seen(text, marks) or changed or response.status_code >= 500:
                    wrong.append(f"{address.name} {role} {response.status_code}: {seen(text, marks)} {changed}")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.django_db
def test_the_admin_site_shows_identity_to_administrators_and_nothing_else(held, marks, askers, omar):
    wrong, pages = [], 0
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        paths = [reverse(f"admin:{name}_changelist"), reverse(f"admin:{name}_changelist") + "?q=zzasha"]
        paths += [
            reverse(f"admin:{name}_{verb}", args=[row.pk])
            for row in model._default_manager.all()[:2]
            for verb in ("change", "history", "delete")
        ]
        for path in paths:
            for role, client in askers.items():
                response, text = ask(client, path)
                pages += 1
                limits = "nc" if role == "admin" and response.status_code == 200 else ""
                if set(seen(text, marks)) - set(limits) or response.status_code >= 500:
                    wrong.append(f"{path} {role} {response.status_code}: {seen(text, marks)}")
                if role != "admin" and response.status_code == 200:
                    wrong.append(f"{path} {role}: open")
    assert wrong == [], "\n".join(wrong)
    assert pages > 100
