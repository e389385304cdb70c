"""Codes a banking app reads from a bill: UPI for rupees, the European credit transfer for euros.

They carry who is paid, how much and the bill's number; nothing of the patient and nothing of the visit. Sources: NPCI's
UPI linking specification 1.6 (`upi://pay`), and EPC069-12 version 2.1 of the European Payments Council.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from billing.models import BillingSettings, Method
from billing.money import ZERO, round_money
from synapse.accounts.models import ClinicSettings

UPI_NAME = 99  # characters at most
UPI_NOTE = 50
EPC_NAME = 70
EPC_TEXT = 140
EPC_BYTES = 331
EPC_MOST = Decimal("999999999.99")
SCALE = 4  # pixels a module: sharp at the 25 mm it is printed at
QUIET = 4  # modules of white around it, as ISO 18004 asks

_UPI_ID = re.compile(r"[A-Za-z0-9._-]{2,256}@[A-Za-z][A-Za-z0-9.-]{1,63}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


class UnusableCode(ValueError):
    """The settings or the amount make no code a bank takes; the words say which."""


@dataclass(frozen=True)
class PaymentCode:
    """A code to pay with: what kind it is, whom it pays, and what it holds."""

    kind: str
    payee: str
    account: str
    payload: str

    @property
    def picture(self) -> str:
        """The code as a PNG in a data: address."""
        picture: str = self._code().png_data_uri(scale=SCALE, border=QUIET)
        return picture

    @property
    def method(self) -> str:
        """How it pays, as the methods of payments are called."""
        return Method.UPI if self.app_link else Method.BANK_TRANSFER

    @property
    def app_link(self) -> str:
        """The address that opens a banking app on the phone in hand, where the code is one."""
        return self.payload if self.payload.startswith("upi:") else ""

    def _code(self) -> Any:
        import segno

        # A higher level than M would make an EPC code that banks need not read.
        return segno.make_qr(self.payload, error="m", boost_error=False, encoding="utf-8")


def payment_code(
    amount: Decimal, currency: str, *, number: str, billing: BillingSettings, clinic: ClinicSettings
) -> PaymentCode | None:
    """Return the code that pays an amount; None where the clinic has no account for it or nothing is owed.

    `number` is a bill's, or several with spaces between: as many whole ones as the code has room for.
    """
    payee = billing.account_holder or clinic.name
    try:
        if currency == "INR" and billing.upi_id:
            payload = upi_payload(billing.upi_id, payee, amount, note=number)
            return PaymentCode("UPI", payee, billing.upi_id, payload)
        if currency == "EUR" and billing.iban:
            payload = epc_payload(payee, billing.iban, amount, text=number, bic=billing.bic)
            return PaymentCode("Bank transfer", payee, spaced_iban(billing.iban), payload)
    except UnusableCode:
        return None
    return None


def upi_payload(upi_id: str, payee: str, amount: Decimal, *, note: str) -> str:
    """Return the UPI link that pays an amount of rupees. Raises UnusableCode."""
    if not _UPI_ID.fullmatch(upi_id):
        raise UnusableCode("The UPI ID has the form name@bank.")
    if amount <= ZERO or round_money(amount, "INR") != amount:
        raise UnusableCode("The amount is above zero, in whole paise.")
    facts = {
        "pa": upi_id,
        "pn": _one_line(payee, UPI_NAME),
        "am": f"{amount:.2f}",
        "cu": "INR",
        "tn": _whole_words(note, UPI_NOTE),
    }
    # Spaces as %20: banking apps show a plus sign as it is. They also read the @ of the address unescaped only.
    return "upi://pay?" + "&".join(f"{name}={quote(value, safe='@')}" for name, value in facts.items())


def epc_payload(payee: str, iban: str, amount: Decimal, *, text: str, bic: str = "") -> str:
    """Return the lines of an EPC code that transfers an amount of euros. Raises UnusableCode."""
    iban, bic = "".join(iban.split()).upper(), "".join(bic.split()).upper()
    if not is_iban(iban):
        raise UnusableCode("The IBAN is mistyped.")
    if bic and not _BIC.fullmatch(bic):
        raise UnusableCode("The BIC has 8 or 11 characters.")
    if not Decimal("0.01") <= amount <= EPC_MOST or round_money(amount, "EUR") != amount:
        raise UnusableCode("The amount is above zero, in whole cents.")
    lines = ("BCD", "002", "1", "SCT", bic, _one_line(payee, EPC_NAME), iban, f"EUR{amount:.2f}", "", "")
    payload = "\n".join([*lines, _whole_words(text, EPC_TEXT)])
    if len(payload.encode()) > EPC_BYTES:
        raise UnusableCode("The payee's name is too long.")
    return payload


def is_iban(iban: str) -> bool:
    """Tell whether the check digits of an IBAN (without spaces) are right: ISO 13616, modulo 97."""
    if not _IBAN.fullmatch(iban):
        return False
    digits = "".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])
    return int(digits) % 97 == 1


def spaced_iban(iban: str) -> str:
    """Write an IBAN in groups of four, as on paper."""
    plain = "".join(iban.split()).upper()
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def _one_line(text: str, limit: int) -> str:
    """Return text without line breaks and control characters, cut to so many characters."""
    plain = "".join(" " if unicodedata.category(letter)[0] in "ZC" else letter for letter in text)
    return " ".join(plain.split())[:limit].strip()


def _whole_words(text: str, limit: int) -> str:
    """Return one line of at most so many characters that ends with a whole word, where it has several."""
    plain = _one_line(text, len(text))
    cut = plain[: limit + 1].rpartition(" ")[0]
    return plain if len(plain) <= limit else cut or plain[:limit]
