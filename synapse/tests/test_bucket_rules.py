"""The bucket's rules, set and checked against Google's storage protocol in memory."""

import io
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from sessions_app.stt.google import bucket as recognition
from synapse import bucket_rules, storage
from synapse.tests.test_storage import free_port

BUCKET = "recordings"
SAFE = {
    "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"},
    "softDeletePolicy": {"retentionDurationSeconds": "0"},
}


@pytest.fixture(autouse=True)
def bucket(settings) -> Iterator[None]:
    """Run an empty bucket with the service's defaults."""
    from gcp_storage_emulator.server import create_server

    port = free_port()
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    settings.AUDIO_BUCKET, settings.STORAGE_EMULATOR_HOST = BUCKET, f"http://127.0.0.1:{port}"
    storage._connect.cache_clear()
    yield
    storage._connect.cache_clear()
    server.stop()


def run(*arguments):
    out = io.StringIO()
    try:
        call_command("set_bucket_lifecycle", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def rules_of():
    return [dict(rule) for rule in bucket_rules._loaded().lifecycle_rules]


def patch(**properties):
    bucket = storage.cloud_bucket()
    bucket._properties.update(properties)
    bucket._changes.update(properties)
    bucket.patch()


def test_the_rules_are_added_once_and_others_stay():
    foreign = {"action": {"type": "SetStorageClass", "storageClass": "COLDLINE"}, "condition": {"age": 90}}
    patch(lifecycle={"rule": [foreign]})

    first, _ = run()
    second, _ = run()

    assert first.count("added:") == 3
    assert second.count("present:") == 3
    assert rules_of() == [foreign, *bucket_rules.RULES]


def test_checking_changes_nothing_and_fails_until_all_is_well():
    said, refusal = run("--check")
    assert said.count("missing:") == 3
    assert "3 rules are missing" in refusal
    assert rules_of() == []

    patch(**SAFE)
    run()

    assert run("--check") == (said.replace("missing:", "present:").split("look:")[0], "")


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({}, "--uniform-bucket-level-access"),
        ({}, "--public-access-prevention"),
        ({}, "restored for 7 days"),
        ({"versioning": {"enabled": True}}, "Versions outlive a deletion"),
        ({"retentionPolicy": {"retentionPeriod": str(86_400 * 30)}}, "forbids deleting for 30 days"),
        (
            {"lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 365}}]}},
            "deletes recordings by itself",
        ),
    ],
)
def test_what_endangers_or_outlives_a_deletion_is_said(properties, words):
    patch(**properties)

    assert words in run()[0]


def test_a_bucket_that_is_as_it_should_be_gives_no_finding():
    patch(**SAFE)

    assert "look:" not in run()[0]


def test_a_bucket_open_to_everybody_is_said():
    handle = storage.cloud_bucket()
    policy = handle.get_iam_policy(requested_policy_version=3)
    policy.bindings = [{"role": "roles/storage.objectViewer", "members": {"allUsers"}}]
    handle.set_iam_policy(policy)

    assert "open to everybody as roles/storage.objectViewer" in run()[0]


def test_without_a_bucket_or_with_one_that_is_not_there_the_command_says_so(settings):
    settings.AUDIO_BUCKET = "not-there"
    assert run()[1]
    settings.AUDIO_BUCKET = ""
    assert "AUDIO_BUCKET is not set" in run()[1]


def test_the_temporary_place_is_the_one_the_speech_engine_uses():
    assert bucket_rules.TEMPORARY_PREFIX == recognition.PREFIX
