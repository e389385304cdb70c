"""What patients are asked today: the clinic's own wording, its placeholders filled in, and who agreed to older words."""

import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from django.db import connections
from django.db.models import Max, Q

from patients.consents.texts import ConsentText, first_text_of, shipped_texts
from patients.contact.languages import CODES, language_of
from patients.models import Consent, ConsentTextVersion, Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed

PLACEHOLDERS = {
    "clinic": "The clinic’s name",
    "phone": "The clinic’s telephone number",
    "days": "Days after which a recording is deleted at the latest",
}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class UnusableText(DomainError):
    """A text that cannot be put to patients; `field` is the one to correct."""

    code = "unusable_text"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def texts_for(language: str, *, at: datetime) -> dict[str, ConsentText]:
    """Return what is asked today of each kind in a language, else in the clinic's, else in English, as it is shown."""
    clinic = ClinicSettings.load()
    wanted = [language, language_of("", clinic.language), *CODES]
    newest, needed = _newest(ConsentTextVersion.objects.in_use(at))
    texts = {}
    for kind in Consent.Kind.values:
        rows = newest[kind]
        code = next(code for code in wanted if code in rows and rows[code].version >= needed[kind])
        texts[kind] = filled(rows[code], clinic)
    return texts


def text_for(patient: Patient, kind: str, *, at: datetime, language: str = "") -> ConsentText:
    """Return what a patient is asked today about one thing, in the language they read."""
    return texts_for(language or reading_language(patient), at=at)[kind]


def reading_language(patient: Patient) -> str:
    return language_of(patient.kept_record.preferred_language, ClinicSettings.load().language)


def words_of(consent: Consent) -> ConsentText | None:
    """Return the very words a stored answer is about."""
    if not consent.text_words:
        return first_text_of(consent.kind, consent.text_version)
    return ConsentText(
        consent.kind, consent.text_version, consent.text_title, consent.text_words, consent.text_language
    )


def filled(row: ConsentTextVersion, clinic: ClinicSettings) -> ConsentText:
    """Return a version as a patient reads it."""
    return ConsentText(
        row.kind, str(row.version), fill(row.title, clinic), fill(row.text, clinic), language=row.language
    )


def fill(words: str, clinic: ClinicSettings) -> str:
    """Put the clinic's own values into a text; nothing but the fixed placeholders is replaced."""
    values = {"clinic": clinic.name, "phone": clinic.phone, "days": str(clinic.audio_retention_days)}
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), words)


def outdated(at: datetime) -> Q:
    """Select the consents that hold and were given for words which changed in substance since."""
    asking = ConsentTextVersion.objects.in_use(at).filter(asks_again=True)
    condition = Q(pk__in=[])
    for kind, needed in asking.values_list("kind").annotate(Max("version")):
        condition |= Q(kind=kind, text_version__in=[str(number) for number in range(1, needed)])
    return condition & Q(status=Consent.Status.LIVE)


def save_text(
    kind: str,
    language: str,
    *,
    title: str,
    text: str,
    asks_again: bool,
    effective_at: datetime,
    seen_version: int,
    by: User,
    at: datetime,
) -> ConsentTextVersion:
    """Store a text's next version; the older ones stay. `seen_version` is the one the writer started from.

    Raises NotAllowed, UnusableText, and Conflict when somebody else was faster.
    """
    if not by.may(Permission.MANAGE_CLINIC):
        raise NotAllowed("You may not change the clinic’s texts.")
    if kind not in Consent.Kind.values or language not in CODES:
        raise UnusableText("text", "There is no such text.")
    title, text = " ".join(title.split()), "\n".join(line.strip() for line in text.strip().splitlines())
    _check_words(title, text)
    with unit_of_work():
        last = ConsentTextVersion.objects.filter(kind=kind, language=language).order_by("-version").first()
        if last is not None and last.version != seen_version:
            raise Conflict("Somebody else saved this text meanwhile. Look at their version first.")
        if last is not None and (last.title, last.text, asks_again) == (title, text, False):
            raise UnusableText("text", "Nothing was changed.")
        highest = ConsentTextVersion.objects.filter(kind=kind).aggregate(Max("version"))["version__max"] or 0
        row = ConsentTextVersion.objects.create(
            kind=kind,
            language=language,
            version=highest + 1,
            title=title,
            text=text,
            effective_at=max(effective_at, at),
            asks_again=asks_again,
            made_by=by,
        )
        detail = {"kind": kind, "language": language, "version": row.version, "asks_again": asks_again}
        record(Action.ADMINISTER, by=by, target=row, detail=detail)
    return row


def install_shipped_texts(using: str, **kwargs: Any) -> None:
    """Receive post_migrate: add the shipped texts that are missing; a language the clinic wrote itself is left alone."""
    tables = connections[using].introspection.table_names()
    if ConsentTextVersion._meta.db_table not in tables:
        return
    rows = ConsentTextVersion.objects.using(using)
    known = set(rows.values_list("kind", "language", "version"))
    own = set(rows.exclude(made_by=None).values_list("kind", "language"))
    rows.bulk_create(
        ConsentTextVersion(
            kind=text.kind,
            language=text.language,
            version=int(text.version),
            title=text.title,
            text=text.text,
            # In use from the beginning: an answer taken over from before names a version as well.
            effective_at=datetime(2000, 1, 1, tzinfo=UTC),
        )
        for text in shipped_texts()
        if (text.kind, text.language, int(text.version)) not in known and (text.kind, text.language) not in own
    )


def _newest(rows: Any) -> tuple[dict[str, dict[str, ConsentTextVersion]], dict[str, int]]:
    """Return the newest row by kind and language, and by kind the version below which none is asked any more."""
    newest: dict[str, dict[str, ConsentTextVersion]] = defaultdict(dict)
    needed: dict[str, int] = defaultdict(int)
    for row in rows.order_by("version"):
        newest[row.kind][row.language] = row
        if row.asks_again:
            needed[row.kind] = row.version
    return newest, needed


def _check_words(title: str, text: str) -> None:
    if not title:
        raise UnusableText("title", "Write what is asked in a few words.")
    if not text:
        raise UnusableText("text", "Write what the patient agrees to.")
    for field, words in (("title", title), ("text", text)):
        unknown = [name for name in _PLACEHOLDER.findall(words) if name not in PLACEHOLDERS]
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise UnusableText(field, f"{{{unknown[0]}}} is no placeholder. These are: {known}.")
