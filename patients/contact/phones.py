"""Write stored phone numbers the way people in the clinic's country do."""

import phonenumbers
from phonenumbers import PhoneNumberFormat


def display_phone(phone: str, region: str) -> str:
    """Return an E.164 number in the national form of `region` (ISO 3166), a foreign one in the international form."""
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return phone
    is_home = phonenumbers.region_code_for_country_code(number.country_code or 0) == region
    return phonenumbers.format_number(
        number, PhoneNumberFormat.NATIONAL if is_home else PhoneNumberFormat.INTERNATIONAL
    )
