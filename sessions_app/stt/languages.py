"""Which engine knows which language, told without loading a model."""

from __future__ import annotations

from django.utils.translation import get_language_info

# A Whisper model for English alone is named so by its makers: tiny.en, distil-small.en.
_ENGLISH_ONLY = ".en"
_BUNDLED = "tiny.en"
# Those of a multilingual Whisper model, listed because asking one means loading it.
WHISPER_LANGUAGES = frozenset({
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de", "el", "en",
    "es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "haw", "he", "hi", "hr", "ht", "hu", "hy", "id", "is",
    "it", "ja", "jw", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt", "lv", "mg", "mi", "mk", "ml", "mn",
    "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd", "si", "sk",
    "sl", "sn", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "uk", "ur", "uz",
    "vi", "yi", "yo", "zh", "yue",
})  # fmt: skip


def embedded_knows(language: str, *, whisper_model: str) -> bool:
    """Tell whether the embedded engine's model knows a language such as hi-IN; empty names the bundled model."""
    code = language.replace("_", "-").split("-")[0].lower() or "en"
    if (whisper_model.strip().rstrip("/") or _BUNDLED).endswith(_ENGLISH_ONLY):
        return code == "en"
    return code in WHISPER_LANGUAGES


def language_name(language: str) -> str:
    """Return the English name of a language tag: English (US), Hindi (IN)."""
    code, _, region = language.partition("-")
    try:
        name = str(get_language_info(code)["name"])
    except KeyError:
        return language
    return f"{name} ({region})" if region else name
