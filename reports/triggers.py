"""What the database itself refuses on signed reports, whoever asks.

A signed row is never deleted. Its facts never change. Its ciphertext changes only in a statement that also raises
`key_generation` (the same text under a new key) or sets `erased_at` (the text is gone). The signature over the
content proves the rest.
"""

from synapse.common.triggers import Trigger

FACTS = (
    "id",
    "session_id",
    "template_id",
    "transcription_id",
    "report_type",
    "status",
    "version",
    "amends_id",
    "template_version",
    "template_structure",
    "checked_sections",
    "evidence_bound_at",
    "revision",
    "engine",
    "ai_model",
    "prompt_version",
    "token_usage",
    "generation_started_at",
    "generation_completed_at",
    "generation_seconds",
    "completeness_score",
    "quality_score",
    "confidence_score",
    "score_details",
    "error_code",
    "fallback_code",
    "manually_edited",
    "reviewed_by_id",
    "reviewed_at",
    "signed_by_id",
    "signed_at",
    "content_hash",
    "signature",
    "created_at",
)
CIPHERTEXT = (
    "structured_data",
    "generated_content",
    "missing",
    "unassigned",
    "manual_corrections",
    "correction_notes",
    "amend_reason",
)
# After signing a report is still exported and shared; these say so and are no part of it. `shared_with` is encrypted
# and follows a key rotation like the rest.
FREE = ("exported_formats", "shared_with", "updated_at", "key_generation", "erased_at")


def _changed(column: str) -> str:
    """Return SQL that is true when a column differs, NULL counting as a value, on both databases."""
    return f"NOT COALESCE(NEW.{column} = OLD.{column}, NEW.{column} IS NULL AND OLD.{column} IS NULL)"


_IS_SIGNED = "OLD.status = 'signed'"
_FACTS_CHANGED = " OR ".join(map(_changed, FACTS))
_TEXT_CHANGED = " OR ".join(map(_changed, CIPHERTEXT))
_IS_ROTATION = "NEW.key_generation > OLD.key_generation"
_IS_ERASURE = "OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL"
_STEPS_BACK = f"NEW.key_generation < OLD.key_generation OR (OLD.erased_at IS NOT NULL AND ({_changed('erased_at')}))"

TRIGGERS = (
    Trigger(
        name="report_signed_no_delete",
        model="reports.Report",
        event="DELETE",
        message="A signed report stays: DELETE refused.",
        when=_IS_SIGNED,
    ),
    Trigger(
        name="report_signed_facts",
        model="reports.Report",
        event="UPDATE",
        message="A signed report does not change: make a new version.",
        when=f"{_IS_SIGNED} AND ({_FACTS_CHANGED} OR {_STEPS_BACK})",
    ),
    Trigger(
        name="report_signed_text",
        model="reports.Report",
        event="UPDATE",
        message="The text of a signed report does not change: make a new version.",
        when=f"{_IS_SIGNED} AND ({_TEXT_CHANGED}) AND NOT ({_IS_ROTATION}) AND NOT ({_IS_ERASURE})",
    ),
)
