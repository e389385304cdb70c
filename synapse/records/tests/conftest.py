"""What tests of records share."""

import pytest

from reports.printing.exports import Document
from synapse.records.exports import contents


@pytest.fixture
def quick_documents(monkeypatch):
    """Lay nothing out: what becomes of a file does not hang on how its PDFs look."""

    def render(report, *, file_type, at):
        return Document(b"%PDF", "application/pdf", f"report-{report.pk.hex[:8]}-v{report.version}.{file_type}")

    monkeypatch.setattr(contents.report_files, "render", render)
    monkeypatch.setattr(contents.documents, "to_pdf", lambda sheet: b"%PDF")
