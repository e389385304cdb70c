"""How long an SMS is: which letters fit into 7 bits, and how many messages a text is cut into."""

import unicodedata

# 3GPP TS 23.038, the default alphabet and what takes two places in it.
GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_DOUBLE = frozenset("^{}\\[~]|€\f")
PLAIN = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " ", "\u202f": " "}


def in_gsm_7(text: str) -> str:
    """Return the text with accents and marks that 7 bits lack left out, or as it was where that is not enough."""
    letters = "".join(_plain(letter) for letter in text)
    return letters if _is_gsm_7(letters) else text


def count_segments(text: str) -> int:
    """Return how many messages a phone network makes of a text."""
    if _is_gsm_7(text):
        length, one, each = sum(2 if letter in GSM_7_DOUBLE else 1 for letter in text), 160, 153
    else:
        length, one, each = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= one else -(-length // each)


def _is_gsm_7(text: str) -> bool:
    return all(letter in GSM_7 or letter in GSM_7_DOUBLE for letter in text)


def _plain(letter: str) -> str:
    if letter in GSM_7 or letter in GSM_7_DOUBLE:
        return letter
    if letter in PLAIN:
        return PLAIN[letter]
    base = unicodedata.normalize("NFD", letter)[0]
    return base if base in GSM_7 else letter
