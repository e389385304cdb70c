"""What people read when an engine stood in for another, failed, or refused: codes in words."""

from django.conf import settings

# Why the built-in writer wrote it although another is set up: codes of choose_writer and of the engines.
_FALLBACK = {
    "no_consent": "This patient has not agreed to a cloud service, so the built-in writer wrote this draft.",
    "chosen": "Written by the built-in writer, as you chose.",
    "blocked": "{Service}’s own filter stopped the answer, so the built-in writer wrote this draft.",
    "cut_off": "The session is too long for {service}’s answer, so the built-in writer wrote this draft.",
    "key_refused": "{Service} refused the clinic’s key, so the built-in writer wrote this draft. "
    "Tell your administrator.",
    "model_retired": "{Service}’s model was switched off, so the built-in writer wrote this draft. "
    "Tell your administrator.",
    "no_key": "{Service} is not set up completely, so the built-in writer wrote this draft. Tell your administrator.",
    "bad_prompt": "The template’s instructions name something that does not exist, so the built-in writer wrote this "
    "draft. Correct the template.",
}
_FALLBACK_DEFAULT = "{Service} could not write this report, so the built-in writer did."
_FAILURE = {
    "timeout": "{Service} did not answer after 3 tries.",
    "network": "{Service} could not be reached after 3 tries.",
    "unavailable": "{Service} was not available after 3 tries.",
    "quota": "The clinic’s quota at {service} is used up for now.",
    "bad_answer": "{Service}’s answers could not be read.",
    "no_speech": "The transcript has no words to write from.",
    "worker_lost": "The program that writes reports stopped in the middle.",
}
_FAILURE_DEFAULT = "The report could not be written."
# Of a section that was to be written again; the section then stands as it was.
_REWRITE = {
    **_FAILURE,
    "blocked": "{Service}’s own filter stopped the answer. The section stands as it was.",
    "cut_off": "The answer of {service} was cut off. The section stands as it was.",
    "key_refused": "{Service} refused the clinic’s key. Tell your administrator.",
    "model_retired": "{Service}’s model was switched off. Tell your administrator.",
    "section_changed": "You changed this section in the meantime. Your change stands; ask again if you wish.",
    "stale_revision": "This report was changed in the meantime. Ask again.",
    "report_signed": "This report was signed in the meantime and does not change.",
    "nothing_to_change": "Nothing would change: the section reads like that already.",
    "instruction_refused": "The built-in writer can make a section shorter or longer, and set it as bullet points or as "
    "running text. Ask for one of these, or change the lines yourself.",
}
_REWRITE_DEFAULT = "The section could not be written again. It stands as it was."


def of_fallback(code: str) -> str:
    """Say why the built-in writer stood in; nothing when it did not."""
    return _named(_FALLBACK.get(code, _FALLBACK_DEFAULT)) if code else ""


def of_failure(code: str) -> str:
    """Say why a report was not written."""
    return _named(_FAILURE.get(code, _FAILURE_DEFAULT))


def of_rewrite(code: str) -> str:
    """Say why a section was not written again; nothing when it was."""
    return _named(_REWRITE.get(code, _REWRITE_DEFAULT)) if code else ""


def _named(words: str) -> str:
    if settings.REPORT_BACKEND == "openai":
        return words.format(Service="The model server", service="the model server")
    return words.format(Service="Gemini", service="Gemini")
