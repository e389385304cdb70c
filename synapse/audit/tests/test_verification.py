import io
import json
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from synapse.audit import rows, services, verification
from synapse.audit.context import request_context
from synapse.audit.models import Action, AuditEvent, ChainCheck, ChainHead
from synapse.audit.seals import seal_head
from synapse.audit.tests.tampering import broken_row, found, tamper, tampered
from synapse.audit.verification import check_chain, verify_chain


def test_an_untouched_chain_is_whole(chain):
    verdict = verify_chain()

    assert (verdict.events, verdict.broken) == (10, None)


def test_an_empty_chain_is_whole(db, data_dir):
    assert verify_chain().broken is None


def test_an_edited_row_is_named_whatever_was_edited(chain):
    changes = [
        "action = 'export'",
        "outcome = 'denied'",
        "actor_label = 'somebody'",
        "actor_id = '7d444840-9dc0-11d1-b245-5ffdce74fad2'",
        "patient_id = '7d444840-9dc0-11d1-b245-5ffdce74fad2'",
        "target_id = 'x'",
        "target_label = 'x'",
        "ip = '10.0.0.1'",
        "request_id = '7d444840-9dc0-11d1-b245-5ffdce74fad2'",
        "sign_in_id = '7d444840-9dc0-11d1-b245-5ffdce74fad2'",
        "detail = '{\"number\": 50}'",
        "at = '2020-01-01 00:00:00+00:00'",
        "subjects_digest = 'x'",
        "mac = 'x'",
        "previous_mac = 'x'",
        "key_id = 'x'",
    ]
    for change in changes:
        with tampered(f"UPDATE audit_auditevent SET {change} WHERE seq = 5"):
            assert broken_row() == 5, change
    assert broken_row() is None


SQLITE = (
    "target_label = CAST(x'ff41' AS TEXT)",
    "detail = CAST(x'ff' AS TEXT)",
    "actor_label = x'00ff'",
    "mac = x'ff'",
)
POSTGRES = ("at = 'infinity'", "at = '4000-01-01 00:00:00+00 BC'", "ip = '10.0.0.0/8'", "detail = '1e9999'")


@pytest.mark.parametrize(
    "change",
    [f"detail = '{'[' * 5_000}{']' * 5_000}'", *(SQLITE if connection.vendor == "sqlite" else POSTGRES)],
    ids=lambda change: change[:40],
)
def test_a_row_nobody_could_have_written_is_named(chain, change):
    statements = [f"UPDATE audit_auditevent SET {change} WHERE seq = 5"]
    if connection.vendor == "sqlite":
        switch = "PRAGMA ignore_check_constraints = "
        statements = [f"{switch}ON", *statements, f"{switch}OFF"]
    tamper(*statements)

    assert broken_row() == 5


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps numbers alone in a column of numbers")
def test_a_patient_under_a_number_that_is_none_is_named(chain):
    tamper("INSERT INTO audit_auditsubject (event_seq, patient_id) VALUES ('x', '7d4448409dc011d1b2455ffdce74fad2')")

    assert broken_row() == 11


def test_a_trail_that_was_changed_in_every_row_is_not_held_in_memory(chain, monkeypatch):
    monkeypatch.setattr(verification, "MOST_UNPLACED", 4)
    monkeypatch.setattr(rows, "PAGE", 3)
    tamper("UPDATE audit_auditevent SET actor_label = 'x'")

    verdict = verify_chain(most=5)

    assert [(broken.seq, broken.kind.value) for broken in verdict.breaks] == [(seq, "edited") for seq in range(1, 6)]
    assert (verdict.events, verdict.is_complete) == (5, False)


def test_rows_with_and_without_a_sign_in_make_one_chain(chain):
    with request_context("203.0.113.7", uuid4()) as origin, services.unit_of_work():
        written = services.record(Action.READ, by=None)
    assert (written.sign_in_id, verify_chain().broken) == (origin.sign_in_id, None)

    for value in ("NULL", "'7d444840-9dc0-11d1-b245-5ffdce74fad2'"):
        with tampered(f"UPDATE audit_auditevent SET sign_in_id = {value} WHERE seq = 11"):
            assert broken_row() == 11


def test_a_deleted_row_is_named(chain):
    tamper("DELETE FROM audit_auditevent WHERE seq = 4")

    assert broken_row() == 4


def test_a_deleted_first_row_is_named(chain):
    tamper("DELETE FROM audit_auditevent WHERE seq = 1")

    assert broken_row() == 1


def test_an_inserted_row_is_named(chain):
    copy = AuditEvent.objects.get(seq=6)
    tamper(
        "UPDATE audit_auditevent SET seq = seq + 1000 WHERE seq >= 6",
        "UPDATE audit_auditevent SET seq = seq - 999 WHERE seq > 1000",
    )
    copy.id = uuid4()
    copy.save(force_insert=True)

    assert broken_row() == 6


def test_a_row_appended_without_the_key_is_named(chain):
    copy = AuditEvent.objects.get(seq=10)
    copy.seq, copy.id, copy.previous_mac = 11, uuid4(), copy.mac
    copy.save(force_insert=True)
    assert broken_row() == 11

    tamper("UPDATE audit_chainhead SET seq = 11")
    assert broken_row() == 11


def test_two_rows_that_changed_places_are_named(chain):
    tamper(
        "UPDATE audit_auditevent SET seq = 999 WHERE seq = 5",
        "UPDATE audit_auditevent SET seq = 5 WHERE seq = 6",
        "UPDATE audit_auditevent SET seq = 6 WHERE seq = 999",
    )

    assert broken_row() == 5


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ("seq = 5000000000 WHERE seq = 10", 10),
        ("seq = 11 WHERE seq = 10", 10),
        ("seq = 0 WHERE seq = 1", 1),
        ("seq = seq + 1000 WHERE seq >= 6", 6),
        ("seq = seq * 7 + 5000", 1),
    ],
)
def test_a_row_under_another_number_is_named_though_the_order_is_kept(chain, change, first):
    with tampered(f"UPDATE audit_auditevent SET {change}"):
        assert found()[0] == (first, "moved")


def test_a_cut_tail_is_named(chain):
    tamper("DELETE FROM audit_auditevent WHERE seq > 8")

    assert broken_row() == 9


def test_a_tail_cut_together_with_the_head_is_named(chain):
    kept = AuditEvent.objects.get(seq=8)
    tamper(
        "DELETE FROM audit_auditevent WHERE seq > 8",
        f"UPDATE audit_chainhead SET seq = 8, mac = '{kept.mac}'",
    )

    assert broken_row() == 8


def test_a_tail_cut_back_to_a_remembered_head_is_named_by_the_seal_outside(chain, db):
    remembered = ChainHead.objects.get()
    with services.unit_of_work():
        services.record(Action.DELETE, by=None)
    seal_head(timezone.now())

    tamper(
        "DELETE FROM audit_auditevent WHERE seq = 11",
        f"UPDATE audit_chainhead SET seq = {remembered.seq}, mac = '{remembered.mac}', seal = '{remembered.seal}'",
    )

    assert broken_row() == 11


def test_an_emptied_trail_is_named_by_the_seal_outside(chain):
    seal_head(timezone.now())

    tamper("DELETE FROM audit_auditevent", "DELETE FROM audit_auditsubject", "DELETE FROM audit_chainhead")

    assert broken_row() == 1


def test_a_change_of_the_patients_a_list_showed_is_named(chain):
    changes = [
        "DELETE FROM audit_auditsubject WHERE event_seq = 3",
        "UPDATE audit_auditsubject SET event_seq = 3 WHERE event_seq = 7",
        "UPDATE audit_auditsubject SET patient_id = '7d4448409dc011d1b2455ffdce74fad2' WHERE event_seq = 3",
        "INSERT INTO audit_auditsubject (event_seq, patient_id) VALUES (3, '7d4448409dc011d1b2455ffdce74fad2')",
    ]
    for change in changes:
        with tampered(change):
            assert broken_row() == 3, change


def test_patients_added_to_a_row_that_showed_none_are_named(chain):
    tamper("INSERT INTO audit_auditsubject (event_seq, patient_id) VALUES (5, '7d4448409dc011d1b2455ffdce74fad2')")

    assert broken_row() == 5


def test_a_row_under_a_former_key_is_still_verified(chain, settings):
    settings.AUDIT_KEY = ["a-new-key-of-thirty-two-random-bytes-0123456", *settings.AUDIT_KEY]
    with services.unit_of_work():
        services.record(Action.READ, by=None)
    assert verify_chain().broken is None

    settings.AUDIT_KEY = settings.AUDIT_KEY[:1]
    assert broken_row() == 1


def test_the_command_says_whole_and_exits_0(chain, capsys):
    call_command("verify_audit")

    assert "whole: 10 rows" in capsys.readouterr().out


def test_the_command_names_the_first_broken_row_and_exits_1(chain):
    tamper("UPDATE audit_auditevent SET action = 'export' WHERE seq IN (4, 6)")
    err = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", stderr=err)

    assert ended.value.code == 1
    assert "broken at row 4" in err.getvalue()


def test_a_check_is_kept_for_the_audit_page(chain):
    check_chain(timezone.now())
    tamper("DELETE FROM audit_auditevent WHERE seq = 4")
    check_chain(timezone.now())

    first, second = ChainCheck.objects.order_by("pk")
    assert (first.events, first.is_whole) == (10, True)
    assert (second.broken_seq, second.is_whole) == (4, False)


def test_the_command_says_it_as_json(chain, capsys):
    call_command("verify_audit", "--json")
    whole = json.loads(capsys.readouterr().out)
    tamper("UPDATE audit_auditevent SET action = 'export' WHERE seq IN (4, 6)")
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--json", "--most", "1")
    broken = json.loads(capsys.readouterr().out)

    assert (whole["whole"], whole["rows"], whole["breaks"]) == (True, 10, [])
    assert ended.value.code == 1
    assert (broken["first_broken"], broken["complete"]) == (4, False)
    assert broken["breaks"] == [{"row": 4, "kind": "edited", "reason": "it was changed"}]
