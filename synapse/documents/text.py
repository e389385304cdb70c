"""What every kind of document needs of text."""

import re

# XML 1.0 has no place for these, so DOCX refuses them; a speech engine or a paste may bring one along.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Return text without characters that no document can hold."""
    return _UNPRINTABLE.sub("", text)
