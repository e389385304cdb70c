"""Verbs of reports and templates, by what they are about: drafting, editing, evidence, sealing, exporting, templates."""

from reports.services.drafting import (
    UnusableTemplate,
    fail_generation,
    generate_report,
    regenerate,
    request_report,
    retry_report,
)
from reports.services.editing import (
    add_sentence,
    apply_changes,
    edit_sentence,
    finding_key,
    insert_finding,
    mark_reviewed,
    mark_section_checked,
    settle_sentence,
)
from reports.services.evidence import is_evidence_stale, rebind_evidence, rebind_session
from reports.services.exporting import export_report
from reports.services.sealing import (
    Blocker,
    NotReady,
    PasswordNotChecked,
    WrongPassword,
    amend_report,
    blockers_of,
    check_signing_password,
    require_whole,
    sign_report,
)
from reports.services.store import NotInReport, StaleRevision, UnusableSentence
from reports.services.templates import (
    copy_template,
    create_template,
    retire_template,
    save_template,
    set_default_template,
)

__all__ = [
    "Blocker",
    "NotInReport",
    "NotReady",
    "PasswordNotChecked",
    "StaleRevision",
    "UnusableSentence",
    "UnusableTemplate",
    "WrongPassword",
    "add_sentence",
    "amend_report",
    "apply_changes",
    "blockers_of",
    "check_signing_password",
    "copy_template",
    "create_template",
    "edit_sentence",
    "export_report",
    "fail_generation",
    "finding_key",
    "generate_report",
    "insert_finding",
    "is_evidence_stale",
    "mark_reviewed",
    "mark_section_checked",
    "rebind_evidence",
    "rebind_session",
    "regenerate",
    "request_report",
    "require_whole",
    "retire_template",
    "retry_report",
    "save_template",
    "set_default_template",
    "settle_sentence",
    "sign_report",
]
