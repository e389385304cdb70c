import hmac
import json
from datetime import UTC
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext

from synapse.audit import rows, services
from synapse.audit.models import Action, AuditEvent
from synapse.audit.tests.tampering import found, tamper, tampered
from synapse.audit.verification import verify_chain


def renumber(first: int, step: int) -> list[str]:
    """Return the statements that move all rows from one on by a number of places."""
    return [
        f"UPDATE audit_auditevent SET seq = seq + 1000 WHERE seq >= {first}",
        f"UPDATE audit_auditevent SET seq = seq - {1000 - step} WHERE seq > 1000",
    ]


# What was done to the tables, and which rows of which kind that must show.
MUTATIONS = [
    (["UPDATE audit_auditevent SET action = 'export' WHERE seq = 5"], [(5, "edited")]),
    (["UPDATE audit_auditevent SET action = 'export' WHERE seq IN (2, 5)"], [(2, "edited"), (5, "edited")]),
    (["DELETE FROM audit_auditevent WHERE seq = 4"], [(4, "deleted")]),
    (["DELETE FROM audit_auditevent WHERE seq IN (2, 5, 6)"], [(2, "deleted"), (5, "deleted")]),
    (
        ["DELETE FROM audit_auditevent WHERE seq = 4", *renumber(5, -1)],
        [(4, "deleted"), (6, "patients changed"), (7, "patients changed")],
    ),
    (
        [
            "UPDATE audit_auditevent SET seq = 999 WHERE seq = 5",
            "UPDATE audit_auditevent SET seq = 5 WHERE seq = 6",
            "UPDATE audit_auditevent SET seq = 6 WHERE seq = 999",
        ],
        [(5, "moved")],
    ),
    (["DELETE FROM audit_auditevent WHERE seq > 8"], [(9, "cut off")]),
    (["UPDATE audit_chainhead SET seq = 8"], [(8, "end changed")]),
    (["UPDATE audit_chainhead SET seal = 'x'"], [(10, "end changed")]),
    (["UPDATE audit_auditevent SET key_id = 'x' WHERE seq = 5"], [(5, "key unknown")]),
    (["DELETE FROM audit_auditsubject WHERE event_seq = 3"], [(3, "patients changed")]),
    (
        [
            (
                "INSERT INTO audit_auditsubject (event_seq, patient_id) "
                "SELECT event_seq, patient_id FROM audit_auditsubject WHERE event_seq = 7"
            )
        ],
        [(7, "patients changed")],
    ),
    (
        ["INSERT INTO audit_auditsubject (event_seq, patient_id) VALUES (11, '7d4448409dc011d1b2455ffdce74fad2')"],
        [(11, "patients changed")],
    ),
    (
        ["UPDATE audit_auditevent SET ip = '10.9.9.9' WHERE seq = 2", "DELETE FROM audit_auditevent WHERE seq > 9"],
        [(2, "edited"), (10, "cut off")],
    ),
]


def test_each_change_is_named_with_its_row_and_its_kind(chain):
    for statements, expected in MUTATIONS:
        with tampered(*statements):
            assert set(expected) <= set(found()), statements
            assert {kind for _, kind in found()} == {kind for _, kind in expected}, statements
    assert found() == []


def test_an_inserted_row_is_told_from_an_edited_one(chain):
    copy = AuditEvent.objects.get(seq=6)
    tamper(*renumber(6, 1), *(f"UPDATE audit_auditsubject SET event_seq = 8 WHERE event_seq = {seq}" for seq in (7,)))
    copy.id = uuid4()
    copy.save(force_insert=True)

    assert found() == [(6, "inserted")]


def test_the_walk_goes_on_after_a_break_up_to_a_number_of_them(chain):
    tamper("UPDATE audit_auditevent SET outcome = 'denied' WHERE seq IN (1, 3, 5, 7, 9)")

    assert [broken.seq for broken in verify_chain().breaks] == [1, 3, 5, 7, 9]
    some = verify_chain(most=2)
    assert [broken.seq for broken in some.breaks] == [1, 3]
    assert not some.is_complete


def test_a_long_chain_is_read_in_pages(chain, monkeypatch):
    monkeypatch.setattr(rows, "PAGE", 3)
    assert (verify_chain().events, found()) == (10, [])

    tamper("DELETE FROM audit_auditevent WHERE seq BETWEEN 4 AND 6", "DELETE FROM audit_auditevent WHERE seq = 9")

    assert found() == [(4, "deleted"), (9, "deleted")]


def test_the_walk_keeps_no_writer_waiting(chain):
    with CaptureQueriesContext(connection) as asked:
        verify_chain()

    assert [query["sql"] for query in asked if query["sql"].startswith(("BEGIN", "SAVEPOINT", "DECLARE"))] == []


def test_the_hash_of_a_row_is_that_of_its_values_as_json(chain, settings):
    with services.unit_of_work():
        event = services.record(
            Action.READ, by=None, target=("x.Ü", '"quoted"'), detail={"b": ["ä", 1, None], "a": {"z": True, "y": 2.5}}
        )
    values = [event.seq, str(event.id), event.at.astimezone(UTC).isoformat(), "", "system", "read", "x.Ü", '"quoted"']
    values += ["", "", "allowed", "", "", event.detail, "", event.previous_mac]
    text = json.dumps(["event", values], sort_keys=True, separators=(",", ":"))

    assert event.mac == hmac.digest(settings.AUDIT_KEY[0].encode(), text.encode(), "sha256").hex()
    assert found() == []
