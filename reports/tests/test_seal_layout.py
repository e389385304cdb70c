"""The seal of a printed report where a page is nearly full."""

import io

import pytest
from pypdf import PdfReader

from synapse.documents.pdf import html_to_pdf

SIGNATURE = (
    '<table class="sign"><tr><td width="54%"><b>Dr Rao</b><br>Signed<br><span class="hash">SHA-256</span></td>'
    '<td class="r vq"><table class="lay"><tr><td class="r">Verify<br><span class="code">CODE-1</span><br>page</td></tr></table>'
    '</td></tr></table><p class="src">Sources.</p>'
)


def heights_of(words: str, content: bytes) -> list[float]:
    """Return how high, in points, these words are printed."""
    found: list[float] = []

    def visit(text: str, cm: list[float], tm: list[float], font: object, size: float) -> None:
        if words in text:
            found.append(round(size * tm[3] * cm[3], 1))

    for page in PdfReader(io.BytesIO(content)).pages:
        page.extract_text(visitor_text=visit)
    return found


@pytest.mark.parametrize("lines", [0, 31, 32, 33])
def test_a_seal_is_never_printed_small_to_fit_a_page(lines: int) -> None:
    html = (
        '<html><head><link rel="stylesheet" href="css/print.css"></head><body><div id="doc">'
        + "<p>A line of the report.</p>" * lines
        + SIGNATURE
        + "</div></body></html>"
    )

    assert heights_of("CODE-1", html_to_pdf(html, title="Report")) == [11.0]
