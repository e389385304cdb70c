"""The clinic's letters about overdue bills: the texts they begin with, what may stand in them, and how they are filled in.

They name a bill, an amount and a date; no service, no reason for a visit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# What is filled in, and what it reads like in a preview.
PLACES = {
    "number": "INV-202510-000214",
    "amount": "250.00",
    "due": "28 October 2025",
    "clinic": "the clinic’s name",
}
_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Text:
    """One letter: the heading and the words under it, paragraphs apart by an empty line."""

    title: str
    text: str


def unknown_places(text: str) -> list[str]:
    """Return what stands in braces and is not filled in, and single braces, in their order."""
    unknown = [f"{{{name}}}" for name in _BRACES.findall(text) if name not in PLACES]
    rest = _BRACES.sub("", text)
    return unknown + [brace for brace in "{}" if brace in rest]


def fill(text: str, facts: Mapping[str, str]) -> str:
    """Put the facts into a text; whatever else stands in braces stays as it was typed."""
    return _BRACES.sub(lambda found: facts.get(found[1], found[0]), text)


def paragraphs_of(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


# Friendly, plain, firm. A letter may tell of several bills: {number} then names all of them, {due} the oldest date.
STANDARD: dict[str, tuple[Text, Text, Text]] = {
    "en": (
        Text(
            "A friendly reminder",
            "{amount} is still open on {number}, due since {due}. Perhaps it slipped by: that happens.\n\n"
            "Please pay it in the next days, or call us if something about it is not right.\n\n{clinic}",
        ),
        Text(
            "Second reminder",
            "We wrote to you before: {amount} is still open on {number}, due since {due}.\n\n"
            "Please pay it within seven days. If paying it at once is difficult, call us: we will find a way, such as "
            "paying in parts.\n\n{clinic}",
        ),
        Text(
            "Last reminder",
            "In spite of two reminders {amount} is still open on {number}, due since {due}.\n\n"
            "Please pay it within ten days. Without your payment or a word from you, we shall have to decide how to "
            "collect it. If you think that something is wrong, tell us now, and we will look into it.\n\n{clinic}",
        ),
    ),
    "de": (
        Text(
            "Freundliche Erinnerung",
            "{amount} sind noch offen: {number}, fällig seit {due}. Vielleicht ist es untergegangen, das kommt vor.\n\n"
            "Bitte zahlen Sie in den nächsten Tagen, oder rufen Sie uns an, wenn etwas daran nicht stimmt.\n\n{clinic}",
        ),
        Text(
            "Zweite Erinnerung",
            "Wir haben Ihnen schon geschrieben: {amount} sind noch offen, {number}, fällig seit {due}.\n\n"
            "Bitte zahlen Sie innerhalb von sieben Tagen. Fällt Ihnen die Zahlung auf einmal schwer, rufen Sie uns an: "
            "wir finden einen Weg, etwa in Raten.\n\n{clinic}",
        ),
        Text(
            "Letzte Mahnung",
            "Trotz zweier Erinnerungen sind {amount} noch offen: {number}, fällig seit {due}.\n\n"
            "Bitte zahlen Sie innerhalb von zehn Tagen. Ohne Zahlung oder Nachricht müssen wir entscheiden, wie wir den "
            "Betrag einziehen. Halten Sie etwas für falsch, sagen Sie es uns jetzt, dann prüfen wir es.\n\n{clinic}",
        ),
    ),
    "fr": (
        Text(
            "Un petit rappel",
            "{amount} restent dus pour {number}, à régler depuis le {due}. Cela vous a peut-être échappé, cela arrive."
            "\n\nMerci de régler dans les prochains jours, ou appelez-nous si quelque chose vous paraît inexact."
            "\n\n{clinic}",
        ),
        Text(
            "Deuxième rappel",
            "Nous vous avons déjà écrit : {amount} restent dus pour {number}, à régler depuis le {due}.\n\n"
            "Merci de régler sous sept jours. Si c’est difficile en une fois, appelez-nous : nous trouverons une "
            "solution, par exemple un paiement échelonné.\n\n{clinic}",
        ),
        Text(
            "Dernier rappel",
            "Malgré deux rappels, {amount} restent dus pour {number}, à régler depuis le {due}.\n\n"
            "Merci de régler sous dix jours. Sans paiement ni nouvelle de votre part, nous devrons décider de la suite "
            "à donner. Si quelque chose vous paraît inexact, dites-le-nous maintenant et nous vérifierons.\n\n{clinic}",
        ),
    ),
    "es": (
        Text(
            "Un recordatorio amable",
            "Quedan {amount} por pagar de {number}, pendientes desde el {due}. Quizá se le haya pasado: ocurre.\n\n"
            "Le rogamos que pague en los próximos días, o llámenos si algo no es correcto.\n\n{clinic}",
        ),
        Text(
            "Segundo recordatorio",
            "Ya le escribimos: quedan {amount} por pagar de {number}, pendientes desde el {due}.\n\n"
            "Le rogamos que pague en siete días. Si le resulta difícil pagar de una vez, llámenos: encontraremos una "
            "forma, por ejemplo a plazos.\n\n{clinic}",
        ),
        Text(
            "Último recordatorio",
            "A pesar de dos recordatorios quedan {amount} por pagar de {number}, pendientes desde el {due}.\n\n"
            "Le rogamos que pague en diez días. Sin su pago ni noticias suyas tendremos que decidir cómo cobrarlo. "
            "Si cree que algo no es correcto, díganoslo ahora y lo revisaremos.\n\n{clinic}",
        ),
    ),
    "hi": (
        Text(
            "एक विनम्र स्मरण",
            "{number} के {amount} का भुगतान {due} से बाकी है। हो सकता है ध्यान से उतर गया हो।\n\n"
            "कृपया अगले कुछ दिनों में भुगतान कर दें, या कुछ गलत लगे तो हमें फ़ोन करें।\n\n{clinic}",
        ),
        Text(
            "दूसरा स्मरण",
            "हमने आपको पहले भी लिखा था: {number} के {amount} का भुगतान {due} से बाकी है।\n\n"
            "कृपया सात दिनों में भुगतान करें। एक साथ देना कठिन हो तो हमें फ़ोन करें: हम कोई रास्ता निकालेंगे, जैसे किस्तों में।"
            "\n\n{clinic}",
        ),
        Text(
            "अंतिम स्मरण",
            "दो स्मरणों के बाद भी {number} के {amount} का भुगतान {due} से बाकी है।\n\n"
            "कृपया दस दिनों में भुगतान करें। भुगतान या कोई सूचना न मिलने पर हमें तय करना होगा कि राशि कैसे ली जाए। "
            "अगर आपको लगता है कि कुछ गलत है तो हमें अभी बताएँ, हम उसे जाँचेंगे।\n\n{clinic}",
        ),
    ),
}


def standard_texts(language: str) -> tuple[Text, Text, Text]:
    """Return the texts of a language such as `de-DE`, else the English ones."""
    return STANDARD.get(language.partition("-")[0].lower(), STANDARD["en"])
