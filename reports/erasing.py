"""What the reports app keeps of a patient, and how it goes when they are erased. Seals and their chain stay."""

from datetime import datetime
from typing import Any
from uuid import UUID

from reports.models import Report, StyleRule
from synapse.encryption import erasing
from synapse.encryption.erasing import Rows


def register() -> None:
    """Register the step; called when the app is ready."""
    erasing.register(
        "reports",
        forget_examples,
        Rows("reports.ShareOpening", ("share__report__session__patient",), "openings of links"),
        Rows(
            "reports.ReportShare",
            ("report__session__patient",),
            "links to reports",
            also=lambda at: {"expires_at": at, "uses_left": 0, "updated_at": at},
        ),
        Rows(
            "reports.PatientSummary",
            ("report__session__patient",),
            "summaries for patients",
            also=lambda at: {"updated_at": at},
        ),
        Rows("reports.SectionRewrite", ("report__session__patient",), "rewritten sections"),
        Rows("reports.CoSignature", ("report__session__patient",), "co-signatures"),
        Rows("reports.Addendum", ("report__session__patient",), "addenda"),
        Rows("reports.Report", ("session__patient",), "reports"),
    )


def forget_examples(patient_id: UUID, at: datetime) -> dict[str, int]:
    """Take what was learned from this patient's reports out of the doctors' style rules; a rule that rests on nothing
    else goes with them, since its words are the patient's report's.
    """
    reports = {str(pk) for pk in Report.objects.filter(session__patient=patient_id).values_list("pk", flat=True)}
    changed = 0
    for rule in StyleRule.objects.select_for_update().iterator() if reports else ():
        kept = [source for source in rule.sources if _report_of(source) not in reports]
        if len(kept) == len(rule.sources):
            continue
        changed += 1
        if not kept:
            rule.delete()
            continue
        rule.sources = kept
        rule.save(update_fields=["sources", "updated_at"])
    return {"style rules": changed} if changed else {}


def _report_of(source: Any) -> str:
    return str(source.get("report", "")) if isinstance(source, dict) else ""
