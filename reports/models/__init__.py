"""Models of reports, by what they are about."""

from reports.models.bench import BenchRun
from reports.models.report import Report, ReportManager, ReportQuerySet
from reports.models.rewriting import SectionRewrite
from reports.models.sealing import Addendum, CoSignature, SealEntry
from reports.models.sharing import PatientSummary, ReportShare, ShareOpening
from reports.models.style import StyleRule
from reports.models.templates import ReportTemplate, ReportTemplateManager, ReportTemplateQuerySet, TemplateVersion

__all__ = [
    "Addendum",
    "BenchRun",
    "CoSignature",
    "PatientSummary",
    "Report",
    "ReportManager",
    "ReportQuerySet",
    "ReportShare",
    "ReportTemplate",
    "ReportTemplateManager",
    "ReportTemplateQuerySet",
    "SealEntry",
    "SectionRewrite",
    "ShareOpening",
    "StyleRule",
    "TemplateVersion",
]
