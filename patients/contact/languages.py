"""Which of the languages the product writes in a person reads."""

CODES = ("en", "hi", "de", "es", "fr")
# How each calls itself.
NATIVE_NAMES = {"en": "English", "hi": "हिन्दी", "de": "Deutsch", "es": "Español", "fr": "Français"}
CHOICES = list(NATIVE_NAMES.items())
# How a preferred language is written on a chart, which is free text.
NAMES = {
    "english": "en",
    "englisch": "en",
    "inglés": "en",
    "anglais": "en",
    "hindi": "hi",
    "हिन्दी": "hi",
    "हिंदी": "hi",
    "german": "de",
    "deutsch": "de",
    "alemán": "de",
    "allemand": "de",
    "spanish": "es",
    "español": "es",
    "espanol": "es",
    "castellano": "es",
    "spanisch": "es",
    "french": "fr",
    "français": "fr",
    "francais": "fr",
    "französisch": "fr",
    "francés": "fr",
}


def language_of(preferred: str, clinic: str) -> str:
    """Return the code of the language written on a chart, else of the clinic's (`de-DE`), else English."""
    first = preferred.strip().casefold().replace(",", " ").replace("/", " ").replace("(", " ").split()
    for name in first[:1]:
        code = NAMES.get(name) or name.partition("-")[0]
        if code in CODES:
            return code
    code = clinic.partition("-")[0]
    return code if code in CODES else CODES[0]
