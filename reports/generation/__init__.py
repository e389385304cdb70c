"""Report engines behind one protocol, and what is done with their drafts.

request   = GenerationRequest(sections=parse_structure(template.structure), segments=(TranscriptSegment(...), ...),
                              context=GenerationContext(...), instructions=template.ai_prompt, identifiers=(...))
draft     = get_generator(allow_cloud=True).generate(request, progress=on_section)     -> GeneratedReport | GenerationError
report    = assemble.assemble(draft, request)        -> AssembledReport(sections, content, missing, unassigned, scores, ...)
result    = guard.check_sentence(text, evidence_ids, segments)   -> SupportResult(support, flags, risk); same for any engine
scores    = scores.score_sections(sections, segments, parsed_sections)   -> Scores(completeness, quality, confidence, missing)
text      = assemble.content_text(sections)          -> the report as plain text, from contract sections
evidence  = assemble.evidence_objects(ids, segments) -> [{"segment", "start_ms", "end_ms", "speaker", "quote"}]
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import ReportGenerator


def get_generator(*, allow_cloud: bool) -> "ReportGenerator":
    """Return the engine the settings name; without consent to a cloud engine, the embedded one.

    REPORT_BACKEND is embedded or gemini; unset means Gemini when GEMINI_API_KEY is set, else embedded.
    """
    from django.conf import settings

    backend = settings.REPORT_BACKEND or ("gemini" if settings.GEMINI_API_KEY else "embedded")
    if allow_cloud and backend == "gemini":
        from .gemini import GeminiGenerator

        return GeminiGenerator.from_settings()
    from .embedded import EmbeddedGenerator

    return EmbeddedGenerator()
