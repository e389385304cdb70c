"""What the database itself refuses on signed reports, addenda and co-signatures and on the chain, whoever asks.

A signed row is never deleted. Its facts never change. Its ciphertext changes only in a statement that also raises
`key_generation` (the same text under a new key) or sets `erased_at` (the text is gone). The signature over the
content proves the rest. An entry of the chain never changes at all. None of them is pushed out by another row that
takes its id or its place.
"""

from collections.abc import Sequence

from synapse.common.triggers import Trigger, not_replaced

FACTS = (
    "id",
    "session_id",
    "template_id",
    "transcription_id",
    "report_type",
    "status",
    "version",
    "amends_id",
    "converted_from_id",
    "is_provisional",
    "applied_rules",
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
    "risk_statements",
    "manual_corrections",
    "correction_notes",
    "amend_reason",
)
# After signing a report is still exported and shared; these say so and are no part of it. `shared_with` is encrypted
# and follows a key rotation like the rest.
FREE = ("exported_formats", "shared_with", "updated_at", "key_generation", "erased_at")


ADDENDUM_FACTS = (
    "id",
    "report_id",
    "number",
    "status",
    "revision",
    "author_id",
    "signed_at",
    "content_hash",
    "signature",
)
ADDENDUM_FREE = ("text", "created_at", "updated_at", "key_generation", "erased_at")
CO_SIGNATURE_FACTS = (
    "id",
    "report_id",
    "status",
    "supervisor_id",
    "requested_by_id",
    "requested_at",
    "decided_at",
    "content_hash",
    "signature",
)
CO_SIGNATURE_FREE = ("comment", "created_at", "updated_at", "key_generation", "erased_at")


def _changed(column: str) -> str:
    """Return SQL that is true when a column differs, NULL counting as a value, on both databases."""
    return f"NOT COALESCE(NEW.{column} = OLD.{column}, NEW.{column} IS NULL AND OLD.{column} IS NULL)"


def _any_changed(columns: Sequence[str]) -> str:
    return " OR ".join(map(_changed, columns))


def _same(*columns: str) -> str:
    return " AND ".join(f"kept_row.{column} = NEW.{column}" for column in columns)


_IS_ROTATION = "NEW.key_generation > OLD.key_generation"
_IS_ERASURE = "OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL"
_STEPS_BACK = f"NEW.key_generation < OLD.key_generation OR (OLD.erased_at IS NOT NULL AND ({_changed('erased_at')}))"


def _sealing(
    model: str,
    name: str,
    noun: str,
    *,
    sealed: str,
    facts: Sequence[str],
    texts: Sequence[str],
    advice: str,
    place: str,
) -> list[Trigger]:
    """Return the refusals on the rows of one table that meet the condition `sealed`; `place` is what each has alone."""
    return [
        *not_replaced(
            name,
            model,
            f"A {noun} stays: REPLACE refused.",
            keys=(_same("id"), place),
            kept=sealed.replace("OLD.", "kept_row."),
        ),
        Trigger(
            name=f"{name}_no_delete",
            model=model,
            event="DELETE",
            message=f"A {noun} stays: DELETE refused.",
            when=sealed,
        ),
        Trigger(
            name=f"{name}_facts",
            model=model,
            event="UPDATE",
            message=f"A {noun} does not change: {advice}.",
            when=f"{sealed} AND ({_any_changed(facts)} OR {_STEPS_BACK})",
        ),
        Trigger(
            name=f"{name}_text",
            model=model,
            event="UPDATE",
            message=f"The text of a {noun} does not change: {advice}.",
            when=f"{sealed} AND ({_any_changed(texts)}) AND NOT ({_IS_ROTATION}) AND NOT ({_IS_ERASURE})",
        ),
    ]


TRIGGERS = (
    *_sealing(
        "reports.Report",
        "report_signed",
        "signed report",
        sealed="OLD.status = 'signed'",
        facts=FACTS,
        texts=CIPHERTEXT,
        advice="make a new version",
        place=_same("session_id", "report_type", "version"),
    ),
    *_sealing(
        "reports.Addendum",
        "addendum_signed",
        "signed addendum",
        sealed="OLD.status = 'signed'",
        facts=ADDENDUM_FACTS,
        texts=("text",),
        advice="write another one",
        place=_same("report_id", "number"),
    ),
    *_sealing(
        "reports.CoSignature",
        "co_signature_decided",
        "decided co-signature",
        sealed="OLD.status <> 'pending'",
        facts=CO_SIGNATURE_FACTS,
        texts=("comment",),
        advice="ask again",
        place=f"{_same('report_id')} AND kept_row.status = 'signed' AND NEW.status IN ('pending', 'signed')",
    ),
    *(
        Trigger(
            name=f"seal_no_{event.lower()}",
            model="reports.SealEntry",
            event=event,
            message=f"The chain of seals is append-only: {event} refused.",
        )
        for event in ("UPDATE", "DELETE")
    ),
    *not_replaced(
        "seal",
        "reports.SealEntry",
        "The chain of seals is append-only: REPLACE refused.",
        keys=(_same("id"), _same("code"), _same("patient_id", "number"), _same("kind", "object_id")),
    ),
)
