"""Numbers with check digits: the issuers' own examples pass, one changed character never does."""

import pytest

from synapse.common.identifiers import (
    IBAN_LENGTHS,
    BadNumber,
    check_bic,
    check_ein,
    check_gstin,
    check_iban,
    check_npi,
    check_tax_number,
    check_taxonomy,
    check_upi_id,
    has_luhn_digit,
)

# From CMS (NPI), the SWIFT registry (IBAN), Luhn's patent example, public registers (GSTIN).
GOOD = [
    (check_npi, "1234567893", "1234567893"),
    (check_npi, " 12345 67893", "1234567893"),
    (check_npi, "1245319599", "1245319599"),
    (check_taxonomy, "2084p0800x", "2084P0800X"),
    (check_taxonomy, "103TC0700X", "103TC0700X"),
    (check_taxonomy, "1041C0700X", "1041C0700X"),
    (check_taxonomy, "101YM0800X", "101YM0800X"),
    (check_ein, "12-3456789", "12-3456789"),
    (check_ein, "123456789", "12-3456789"),
    (check_iban, "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
    (check_iban, "GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"),
    (check_iban, "fr14 2004 1010 0505 0001 3m02 606", "FR1420041010050500013M02606"),
    (check_iban, "CH93 0076 2011 6238 5295 7", "CH9300762011623852957"),
    (check_iban, "AT611904300234573201", "AT611904300234573201"),
    (check_iban, "NL91ABNA0417164300", "NL91ABNA0417164300"),
    (check_iban, "NO9386011117947", "NO9386011117947"),
    (check_iban, "MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
    (check_iban, "AE070331234567890123456", "AE070331234567890123456"),
    (check_iban, "IE29AIBK93115212345678", "IE29AIBK93115212345678"),
    (check_bic, "deutdeff", "DEUTDEFF"),
    (check_bic, "DEUTDEFF500", "DEUTDEFF500"),
    (check_upi_id, "clinic@okhdfcbank", "clinic@okhdfcbank"),
    (check_upi_id, " 9876543210@ybl ", "9876543210@ybl"),
    (check_upi_id, "asha.rao-1@upi", "asha.rao-1@upi"),
    (check_gstin, "27AAPFU0939F1ZV", "27AAPFU0939F1ZV"),
    (check_gstin, "29aagcb7383j1z4", "29AAGCB7383J1Z4"),
]
BAD = [
    (check_npi, "1234567890", "digit that does not fit"),
    (check_npi, "3234567893", "begins with 1 or 2"),
    (check_npi, "123456789", "ten digits"),
    (check_npi, "१२३४५६७८९३", "ten digits"),
    (check_taxonomy, "2084P0800", "ends in X"),
    (check_taxonomy, "psychiatry", "ends in X"),
    (check_ein, "07-3456789", "No EIN begins with 07"),
    (check_ein, "12-345678", "nine digits"),
    (check_iban, "DE89 3704 0044 0532 0130 01", "does not fit"),
    (check_iban, "DE89 3704 0044 0532 0130", "has 22 characters; this one has 20"),
    (check_iban, "US64SVBKUS6S3300958879", "US is no country with IBANs"),
    (check_iban, "account 5", "begins with a country"),
    (check_bic, "DEUTDEF", "8 or 11"),
    (check_bic, "DEUT1EFF", "8 or 11"),
    (check_upi_id, "clinic", "the bank's handle"),
    (check_upi_id, "clinic@bank.example", "the bank's handle"),
    (check_upi_id, "cl inic@bank", "the bank's handle"),
    (check_gstin, "27AAPFU0939F1ZW", "does not fit"),
    (check_gstin, "40AAPFU0939F1ZV", "15 characters"),
    (check_gstin, "27AAPFU0939F1Z", "15 characters"),
]


@pytest.mark.parametrize(("check", "text", "kept"), GOOD)
def test_a_good_number_is_kept_without_its_spaces(check, text, kept):
    assert check(text) == kept


@pytest.mark.parametrize(("check", "text", "words"), BAD)
def test_a_bad_number_is_refused_with_words(check, text, words):
    with pytest.raises(BadNumber, match=words):
        check(text)


@pytest.mark.parametrize(
    ("check", "number"),
    [(check_npi, "1234567893"), (check_iban, "GB29NWBK60161331926819"), (check_gstin, "27AAPFU0939F1ZV")],
)
def test_one_changed_digit_is_always_noticed(check, number):
    for place, letter in enumerate(number):
        if not letter.isdigit():
            continue
        for other in "0123456789":
            if other != letter:
                with pytest.raises(BadNumber):
                    check(number[:place] + other + number[place + 1 :])


def test_luhns_own_example():
    assert has_luhn_digit("79927398713")
    assert not any(has_luhn_digit(f"7992739871{digit}") for digit in range(10) if digit != 3)


def test_the_tax_number_follows_the_country():
    assert check_tax_number("27AAPFU0939F1ZV", region="IN") == "27AAPFU0939F1ZV"
    assert check_tax_number("de 136 695 976", region="DE") == "DE136695976"
    assert check_tax_number(" 12-3456789 ", region="US") == "12-3456789"
    with pytest.raises(BadNumber, match="GSTIN"):
        check_tax_number("DE136695976", region="IN")
    with pytest.raises(BadNumber, match="VAT"):
        check_tax_number("136695976", region="DE")


def test_the_lengths_are_those_of_the_registry():
    assert len(IBAN_LENGTHS) == 89
    assert (IBAN_LENGTHS["NO"], IBAN_LENGTHS["RU"], IBAN_LENGTHS["FR"]) == (15, 33, 27)
