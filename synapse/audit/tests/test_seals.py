import json

import pytest
from django.utils import timezone

from synapse.audit import seals, services
from synapse.audit.chain import head_seal, outside_seal
from synapse.audit.models import Action, AuditEvent, ChainHead
from synapse.audit.seals import seal_head, seal_path
from synapse.audit.tests.tampering import found, tamper
from synapse.audit.verification import verify_chain


class Shelf(dict):
    """A place elsewhere for copies of the seals, which keeps what it got first."""

    def keep(self, number, line):
        assert number not in self
        self[number] = line

    def find(self, number):
        return self.get(number)


@pytest.fixture
def shelf():
    shelf = Shelf()
    seals.set_keeper(shelf)
    yield shelf
    seals.set_keeper(None)


def seal_three_ends() -> list[str]:
    """Seal three ends of the chain and return the lines."""
    for _ in range(3):
        with services.unit_of_work():
            services.record(Action.READ, by=None)
        seal_head(timezone.now())
    return seal_path().read_text().splitlines()


def test_the_end_is_sealed_outside_once_for_each_new_end(chain):
    now = timezone.now()
    seal_head(now)
    seal_head(now)
    with services.unit_of_work():
        services.record(Action.READ, by=None)
    seal_head(now)

    seals = [json.loads(line) for line in seal_path().read_text().splitlines()]
    assert [seal["seq"] for seal in seals] == [10, 11]
    assert verify_chain().broken is None


def test_a_half_written_or_forged_seal_is_no_seal(chain):
    seal_head(timezone.now())
    with seal_path().open("a") as file:
        file.write('{"seq": 99, "mac": "x", "key_id": "x", "seal": "forged"}\n{"seq": 12')

    assert verify_chain().broken is None


def test_a_seal_taken_out_of_the_file_shows(chain):
    lines = seal_three_ends()
    assert found() == []

    seal_path().write_text("\n".join([lines[0], lines[2]]) + "\n")
    assert found() == [(13, "seal missing")]

    seal_path().write_text("\n".join(lines[1:]) + "\n")
    assert found() == [(12, "seal missing")]


def test_a_changed_time_of_a_seal_makes_it_none(chain):
    lines = seal_three_ends()

    seal_path().write_text("\n".join([lines[0], lines[1].replace('"at": "2', '"at": "3'), lines[2]]) + "\n")

    assert found() == [(13, "seal missing")]


def test_a_seal_from_before_they_were_chained_counts(chain):
    head = ChainHead.objects.get()
    line = {"seq": 10, "mac": head.mac, "at": "2026-01-01T00:00:00+00:00", "key_id": head.key_id}
    line["seal"] = outside_seal(head.key_id, 10, head.mac)
    seal_path().parent.mkdir(parents=True)
    seal_path().write_text(json.dumps(line) + "\n")
    seal_three_ends()
    assert found() == []

    tamper("DELETE FROM audit_auditevent WHERE seq > 5", "DELETE FROM audit_chainhead")
    assert (6, "cut off") in found()


def test_a_line_cut_by_a_crash_does_not_swallow_the_next_seal(chain):
    lines = seal_three_ends()
    seal_path().write_text("\n".join(lines[:2]) + "\n" + lines[2][:40])

    seal_head(timezone.now())

    assert [seal.seq for seal in seals.read_seals()] == [11, 12, 13]
    assert found() == []


def test_every_seal_is_copied_to_the_keeper_once(chain, shelf):
    lines = seal_three_ends()
    seal_head(timezone.now())

    assert list(shelf.values()) == lines


def test_the_end_cut_off_chain_head_and_file_is_found_by_the_copies_elsewhere(chain, shelf):
    lines = seal_three_ends()
    kept = AuditEvent.objects.get(seq=12)
    before = ChainHead(seq=12, mac=kept.mac, key_id=kept.key_id)
    seal_path().write_text("\n".join(lines[:2]) + "\n")
    # Somebody who even holds the key makes the head anew.
    tamper(
        "DELETE FROM audit_auditevent WHERE seq = 13",
        f"UPDATE audit_chainhead SET seq = 12, mac = '{kept.mac}', seal = '{head_seal(before)}'",
    )

    assert found() == [(13, "seal missing")]
    with services.unit_of_work():
        services.record(Action.READ, by=None)
    with pytest.raises(seals.SealsDiffer):
        seal_head(timezone.now())


@pytest.mark.parametrize("known_to", ["keeper", "file"])
def test_after_a_restore_the_walk_says_what_happened_and_accuses_nobody(chain, shelf, known_to):
    lines = seal_three_ends()
    known = list(seals.read_seals())
    if known_to == "file":
        seals.set_keeper(None)
    bring_back(11, lines[:1] if known_to == "keeper" else lines)
    assert found() == [(12, "seal missing" if known_to == "keeper" else "cut off")]
    now = timezone.now()

    seals.go_on_after(known if known_to == "file" else [], restored="backup-1", at=now)

    assert seal_path().read_text().splitlines()[:3] == lines
    assert found() == []
    (restore,) = verify_chain().restores
    assert (restore.backup, restore.at, restore.seq, restore.lost_until) == ("backup-1", now, 11, 13)
    assert "rows 12 to 13 at least" in restore.sentence
    with services.unit_of_work():
        services.record(Action.READ, by=None)
    seal_head(timezone.now())
    assert found() == []
    # From there on the chain is held as before, and so is what the restore goes on from.
    tamper("DELETE FROM audit_auditevent WHERE seq >= 11", "DELETE FROM audit_chainhead")
    assert (11, "cut off") in found()


def test_a_restore_that_lost_nothing_or_was_forged_leaves_no_word(chain):
    lines = seal_three_ends()

    seals.go_on_after([], restored="backup-1", at=timezone.now())
    assert seal_path().read_text().splitlines() == lines

    bring_back(11, [*lines, json.dumps({**json.loads(lines[0]), "restored": "backup-1"})])
    assert verify_chain().restores == ()
    assert found() == [(12, "cut off")]


def bring_back(seq: int, lines: list[str]) -> None:
    """Put the chain and the file of seals back as a backup of row `seq` has them."""
    kept = AuditEvent.objects.get(seq=seq)
    seal = head_seal(ChainHead(seq=seq, mac=kept.mac, key_id=kept.key_id))
    seal_path().write_text("\n".join(lines) + "\n")
    tamper(
        f"DELETE FROM audit_auditevent WHERE seq > {seq}",
        f"UPDATE audit_chainhead SET seq = {seq}, mac = '{kept.mac}', seal = '{seal}'",
    )


def test_copies_out_of_reach_are_no_break(chain, shelf, monkeypatch):
    def fail(number):
        raise seals.KeeperOutOfReach("no network")

    seal_three_ends()
    monkeypatch.setattr(shelf, "find", fail, raising=False)

    assert found() == []
