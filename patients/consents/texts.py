"""The words patients agree to as they are shipped, every version that was ever in use. A consent row stores its words.

A text that people agreed to never changes: correct it by adding a version. `wording` knows what is asked today.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from patients.contact.languages import CODES
from patients.models import Consent

Kind = Consent.Kind
FOLDER = Path(__file__).parent / "words"
SHIPPED_VERSION = 2  # of the files in `words`; `TEXTS` is the first


@dataclass(frozen=True)
class ConsentText:
    """One version of what a patient is asked, in the patient's words."""

    kind: str
    version: str
    title: str
    text: str
    language: str = "en"

    @property
    def hash(self) -> str:
        """Return the SHA-256 of title and text in hex, stored with each answer."""
        return hashlib.sha256(f"{self.title}\n{self.text}".encode()).hexdigest()


TEXTS = (
    ConsentText(
        Kind.RECORDING,
        "1",
        "Record the session",
        "I agree that the sound of our sessions is recorded, so that my clinician can listen to me instead of writing. "
        "The recording is stored encrypted and only those who treat me can play it. I can say no to a single session, "
        "ask for a pause at any time, and take this agreement back whenever I want. Recording then stops at once. My "
        "treatment does not depend on my answer.",
    ),
    ConsentText(
        Kind.AI_NOTE,
        "1",
        "Let an outside service write the draft",
        "I agree that the sound and the words of our sessions, without my name, address or numbers, may be sent to an "
        "outside service that turns speech into text and writes a first draft of the report. My clinician reads, "
        "corrects and signs every report. Without my agreement the clinic's own computer does this and nothing leaves "
        "the clinic.",
    ),
    ConsentText(
        Kind.KEEP_AUDIO,
        "1",
        "Keep the recording",
        "I agree that the clinic keeps the recordings of our sessions after the report is signed, encrypted, for the "
        "time its rules name. Without my agreement a recording is deleted when the report is signed, and after 30 days "
        "at the latest.",
    ),
    ConsentText(
        Kind.TELEHEALTH,
        "1",
        "Meet by video or telephone",
        "I agree to sessions by video or telephone. I know that the connection can fail, that I should be in a place "
        "where nobody overhears us, and whom to call in an emergency.",
    ),
    ConsentText(
        Kind.DATA_SHARING,
        "1",
        "Share reports with others who treat me",
        "I agree that the clinic gives reports about me to the doctors and services that treat me and that I name. I "
        "learn each time who received what.",
    ),
    ConsentText(
        Kind.TREATMENT,
        "1",
        "Treatment",
        "My clinician has explained what my treatment is for, how it is done, which risks and alternatives there are. "
        "I could ask questions and I agree to it. I can stop at any time.",
    ),
    ConsentText(
        Kind.HIPAA_NOTICE,
        "1",
        "Privacy notice received",
        "I have received the clinic's privacy notice. It says how my data is used, who may see it, how long it is "
        "kept, and how I can read, correct or complain.",
    ),
)


@cache
def shipped_texts() -> tuple[ConsentText, ...]:
    """Return all shipped texts, the older versions first; those of the second hold placeholders."""
    texts = list(TEXTS)
    for language in CODES:
        words = tomllib.loads((FOLDER / f"{language}.toml").read_text())
        texts += [
            ConsentText(kind, str(SHIPPED_VERSION), words[kind]["title"], words[kind]["text"], language)
            for kind in Kind.values
        ]
    return tuple(texts)


def first_text_of(kind: str, version: str) -> ConsentText | None:
    """Return the words of a consent that was stored without them, before texts could be changed."""
    return next((text for text in TEXTS if (text.kind, text.version) == (kind, version)), None)
