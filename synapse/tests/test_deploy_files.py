"""The files under deploy/ name what exists and leave nothing open that the product closes."""

import configparser
import re

import pytest
import yaml
from django.core.management import get_commands

from synapse.testing import prepared

DEPLOY = prepared.PROJECT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_service_runs_a_command_there_is_as_its_own_user_and_locked_down(path):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(path)
    service = unit["Service"]

    assert service["ExecStart"].split()[-1] in get_commands()
    assert service["User"] == "synapse"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes"
    assert service["UMask"] == "0077"
    assert service["LimitCORE"] == "0"


def test_the_worker_may_write_where_the_guide_puts_backups():
    folder = re.search(r"BACKUP_DIR=(/\S+?)`", (DEPLOY / "README.md").read_text())[1]

    assert f"ReadWritePaths=-{folder}\n" in (DEPLOY / "systemd" / "synapse-worker.service").read_text()


def test_the_target_starts_every_service():
    target = (DEPLOY / "systemd" / "synapse.target").read_text()

    assert {path.stem.split("@")[0] for path in UNITS} == set(re.findall(r"(synapse-\w+)(?:@\d+)?\.service", target))


def test_the_containers_run_commands_there_are_without_rights_and_hold_no_key():
    text = (DEPLOY / "compose.yaml").read_text()
    compose = yaml.safe_load(text)
    ours = {name: service for name, service in compose["services"].items() if service.get("image") == "synapse"}

    assert set(ours) == {"prepare", "web", "worker", "speech"}
    for name in ("web", "worker", "speech"):
        assert ours[name]["command"].split()[-1] in get_commands()
        assert ours[name]["cap_drop"] == ["ALL"]
        assert ours[name]["read_only"] is True
    assert not re.search(r"_KEY\s*:", text)
    for volume in compose["services"]["proxy"]["volumes"]:
        source = volume.split(":")[0]
        assert source == "./certificates" or (DEPLOY / source).exists()


def test_the_container_installs_from_the_lock():
    assert "--require-hashes -r requirements.lock" in (DEPLOY / "Dockerfile").read_text()
