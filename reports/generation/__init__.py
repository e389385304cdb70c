"""Report engines behind one protocol, and what is done with their drafts.

request   = GenerationRequest(sections=parse_structure(template.structure), segments=(TranscriptSegment(...), ...),
                              context=GenerationContext(...), instructions=template.ai_prompt, identifiers=(...))
draft     = get_generator(allow_cloud=True).generate(request, progress=on_section)     -> GeneratedReport | GenerationError
section   = get_generator(allow_cloud=True).regenerate_section(request, section, current, "shorter")       -> the same
report    = assemble.assemble(draft, request)        -> AssembledReport(sections, content, missing, unassigned, scores, ...)
result    = guard.check_sentence(text, evidence_ids, segments)   -> SupportResult(support, flags, risk); same for any engine
scores    = scores.score_sections(sections, segments, parsed_sections)   -> Scores(completeness, quality, confidence, missing)
text      = assemble.content_text(sections)          -> the report as plain text, from contract sections
evidence  = assemble.evidence_objects(ids, segments) -> [{"segment", "start_ms", "end_ms", "speaker", "quote"}]
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import ReportGenerator

ENGINES = ("embedded", "gemini", "openai")


def get_generator(*, allow_cloud: bool) -> "ReportGenerator":
    """Return the engine the settings name; the embedded one instead of a cloud engine that is not allowed.

    REPORT_BACKEND is embedded, gemini or openai; unset means Gemini when GEMINI_API_KEY is set, else embedded. A server
    on the clinic's own machines (openai with a local address) is no cloud.
    """
    from django.conf import settings

    backend = settings.REPORT_BACKEND or ("gemini" if settings.GEMINI_API_KEY else "embedded")
    generator = named_generator(backend)
    return generator if allow_cloud or not generator.is_cloud else named_generator("embedded")


def named_generator(name: str) -> "ReportGenerator":
    """Return the engine of this name, set up as the settings say."""
    if name == "gemini":
        from .gemini import GeminiGenerator

        return GeminiGenerator.from_settings()
    if name == "openai":
        from .openai_compatible import OpenAIGenerator

        return OpenAIGenerator.from_settings()
    from .embedded import EmbeddedGenerator

    return EmbeddedGenerator()
