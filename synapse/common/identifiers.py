"""Numbers that authorities and banks give: their form and check digits. Each check returns the number as it is kept.

Sources: CMS "Requirements for NPI check digit"; NUCC provider taxonomy; IRS list of EIN prefixes; ISO 13616 and the
SWIFT IBAN registry (lengths); ISO 9362 (BIC); GSTN's check digit over base 36; NPCI's form of a UPI address.
"""

import re
from string import ascii_uppercase, digits

from synapse.common.errors import DomainError

BASE_36 = digits + ascii_uppercase
NPI_PREFIX = "80840"  # of health cards in the United States, put before the ten digits for the check
IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
        "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
        "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
        "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
        "YE30",
    )
}
# Never given out by the IRS.
BAD_EIN_PREFIXES = frozenset(
    {"00", "07", "08", "09", "17", "18", "19", "28", "29", "49", "69", "70", "78", "79", "89", "96", "97"}
)
# States and territories 01 to 38, 97 for other territory, 99 for the centre.
GST_STATES = frozenset({f"{number:02}" for number in range(1, 39)} | {"97", "99"})
VAT_COUNTRIES = frozenset(
    re.findall(
        "[A-Z]{2}",
        "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK GB XI CH NO",
    )
)


class BadNumber(DomainError):
    """A number has a wrong form or check digit."""

    code = "bad_number"


def check_npi(text: str) -> str:
    """Return a National Provider Identifier: ten digits, the last one a Luhn digit over 80840 and the others."""
    number = _plain(text)
    if not re.fullmatch(r"[12][0-9]{9}", number):
        raise BadNumber("An NPI has ten digits and begins with 1 or 2.")
    if not has_luhn_digit(NPI_PREFIX + number):
        raise BadNumber("This NPI has a digit that does not fit. Compare it with the one on record.")
    return number


def has_luhn_digit(number: str) -> bool:
    """Say whether the last digit is the one Luhn's formula gives for those before it."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def check_taxonomy(text: str) -> str:
    """Return a provider taxonomy code of ten letters and digits, such as 2084P0800X (psychiatry)."""
    code = _plain(text)
    if not re.fullmatch(r"[0-9]{3}[0-9A-Z]{6}X", code):
        raise BadNumber("A taxonomy code has ten letters and digits and ends in X, like 2084P0800X.")
    return code


def check_ein(text: str) -> str:
    """Return an Employer Identification Number as 12-3456789."""
    number = _plain(text)
    if not re.fullmatch(r"[0-9]{9}", number):
        raise BadNumber("An EIN has nine digits, like 12-3456789.")
    if number[:2] in BAD_EIN_PREFIXES:
        raise BadNumber(f"No EIN begins with {number[:2]}. Compare it with the letter of the IRS.")
    return f"{number[:2]}-{number[2:]}"


def check_iban(text: str) -> str:
    """Return an IBAN without spaces, of its country's length and with the remainder 1 by 97."""
    iban = _plain(text)
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{8,30}", iban):
        raise BadNumber("An IBAN begins with a country and two digits, like DE89 3704 0044 0532 0130 00.")
    length = IBAN_LENGTHS.get(iban[:2])
    if length is None:
        raise BadNumber(f"{iban[:2]} is no country with IBANs.")
    if len(iban) != length:
        raise BadNumber(f"An IBAN of {iban[:2]} has {length} characters; this one has {len(iban)}.")
    if int("".join(str(BASE_36.index(letter)) for letter in iban[4:] + iban[:4])) % 97 != 1:
        raise BadNumber("This IBAN has a character that does not fit. Compare it with the bank's letter.")
    return iban


def check_bic(text: str) -> str:
    """Return a BIC of eight or eleven letters and digits."""
    bic = _plain(text)
    if not re.fullmatch(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?", bic):
        raise BadNumber("A BIC has 8 or 11 letters and digits, like DEUTDEFF or DEUTDEFF500.")
    return bic


def check_upi_id(text: str) -> str:
    """Return a UPI address, such as clinic@okbank."""
    address = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9._-]{2,60}@[A-Za-z][A-Za-z0-9]{1,18}", address):
        raise BadNumber("A UPI address is a name, @ and the bank's handle, like clinic@okbank.")
    return address


def check_gstin(text: str) -> str:
    """Return a GST number: state, PAN, count, Z and a check character over base 36."""
    number = _plain(text)
    if not re.fullmatch(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]{3}", number) or number[:2] not in GST_STATES:
        raise BadNumber("A GSTIN has 15 characters: state, PAN and three more, like 27AAPFU0939F1ZV.")
    total = 0
    for place, letter in enumerate(number[:14]):
        total += sum(divmod(BASE_36.index(letter) * (1 + place % 2), 36))
    if BASE_36[-total % 36] != number[14]:
        raise BadNumber("This GSTIN has a character that does not fit. Compare it with the certificate.")
    return number


def check_tax_number(text: str, *, region: str) -> str:
    """Return the tax number printed on bills: of India a GSTIN, of Europe a VAT number, elsewhere as it is typed.

    `region` is the clinic's country.
    """
    if region == "IN":
        return check_gstin(text)
    if region in VAT_COUNTRIES:
        number = _plain(text)
        if not re.fullmatch(r"[A-Z]{2,3}[0-9A-Z+*]{2,13}", number) or not any(letter.isdigit() for letter in number):
            raise BadNumber("A VAT number begins with its country, like DE136695976.")
        return number
    return text.strip()


def _plain(text: str) -> str:
    """Return a number without the spaces, points and strokes people set into it."""
    return re.sub(r"[\s\u00a0.\-/]", "", text).upper()
