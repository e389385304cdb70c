"""What the bucket of the recordings must do by itself, and what of its settings endangers or outlives a deletion."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synapse.storage import StorageError, as_cloud_error, cloud_bucket

if TYPE_CHECKING:
    from synapse.storage import Bucket

# Plain copies lie here while Google reads them; a killed process leaves one behind.
TEMPORARY_PREFIX = "recognition/"
RULES: tuple[dict[str, Any], ...] = (
    {"action": {"type": "Delete"}, "condition": {"age": 1, "matchesPrefix": [TEMPORARY_PREFIX]}},
    {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1}},
    {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 1}},
)
_EVERYBODY = {"allUsers", "allAuthenticatedUsers"}


@dataclass(frozen=True)
class Report:
    """How a bucket stands: rules that are missing (or were added), and what a person has to look at."""

    bucket: str
    missing: list[dict[str, Any]]
    findings: list[str]


def check() -> Report:
    """Return how the bucket stands and change nothing. Raises StorageError."""
    bucket = _loaded()
    return Report(bucket.name, _missing(bucket), _findings(bucket))


def apply() -> Report:
    """Add the rules that are missing, leave every other one as it is, and return what was done. Raises StorageError."""
    bucket = _loaded()
    missing = _missing(bucket)
    if missing:
        with as_cloud_error():
            bucket.lifecycle_rules = [*bucket.lifecycle_rules, *missing]
            bucket.patch()
    return Report(bucket.name, missing, _findings(bucket))


def words_of(rule: dict[str, Any]) -> str:
    """Say in words what a rule of ours does."""
    condition = rule["condition"]
    if rule["action"]["type"] == "AbortIncompleteMultipartUpload":
        return "give up uploads that were not finished after a day"
    if "matchesPrefix" in condition:
        return f"delete what lies under {TEMPORARY_PREFIX} after a day"
    return "delete old versions of an object after a day"


def _loaded() -> "Bucket":
    bucket = cloud_bucket()
    with as_cloud_error():
        bucket.reload()
    return bucket


def _missing(bucket: "Bucket") -> list[dict[str, Any]]:
    present = [dict(rule) for rule in bucket.lifecycle_rules]
    return [rule for rule in RULES if rule not in present]


def _findings(bucket: "Bucket") -> list[str]:
    return [*_open_to_others(bucket), *_outliving(bucket), *_deleting_too_much(bucket)]


def _open_to_others(bucket: "Bucket") -> Iterator[str]:
    change = f"gcloud storage buckets update gs://{bucket.name}"
    if not bucket.iam_configuration.uniform_bucket_level_access_enabled:
        yield f"Single objects can be opened to others. Run: {change} --uniform-bucket-level-access"
    if bucket.iam_configuration.public_access_prevention != "enforced":
        yield f"The bucket could be opened to everybody. Run: {change} --public-access-prevention"
    try:
        with as_cloud_error():
            policy = bucket.get_iam_policy(requested_policy_version=3)
    except StorageError:
        yield "Who may open the bucket cannot be read with these credentials (storage.buckets.getIamPolicy)."
        return
    for binding in policy.bindings:
        if _EVERYBODY & set(binding["members"]):
            yield f"The bucket is open to everybody as {binding['role']}. Remove that binding."


def _outliving(bucket: "Bucket") -> Iterator[str]:
    change = f"gcloud storage buckets update gs://{bucket.name}"
    if bucket.versioning_enabled:
        yield f"Versions outlive a deletion, by a day with the rules here. Run: {change} --no-versioning"
    kept_s = bucket.soft_delete_policy.retention_duration_seconds or 0
    if kept_s:
        yield f"Deleted objects can be restored for {kept_s // 86_400} days. Run: {change} --clear-soft-delete"
    if bucket.retention_period:
        yield f"A retention policy forbids deleting for {bucket.retention_period // 86_400} days. Remove it."


def _deleting_too_much(bucket: "Bucket") -> Iterator[str]:
    for rule in bucket.lifecycle_rules:
        condition = dict(rule).get("condition", {})
        narrow = {"matchesPrefix", "daysSinceNoncurrentTime", "noncurrentTimeBefore", "numNewerVersions"}
        if dict(rule)["action"]["type"] == "Delete" and not narrow & set(condition):
            yield f"A rule deletes recordings by itself, whatever consent and record say: {condition}. Remove it."
