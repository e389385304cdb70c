"""Currencies of ISO 4217 and how many decimal places they are paid in. Pure."""

MAXIMUM_PLACES = 2  # what the columns of money hold

# Active national currencies of ISO 4217:2015, list one; funds, metals and test codes are none to pay with.
_TWO_PLACES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP "
    "CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
    "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR "
    "NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
WITH_TWO_PLACES = frozenset(_TWO_PLACES.split(" "))
WITHOUT_PLACES = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
WITH_THREE_PLACES = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def places_of(currency: str) -> int:
    """Return the decimal places a currency is paid in. Raises ValueError, in words, for one that cannot be held."""
    if currency in WITH_TWO_PLACES:
        return MAXIMUM_PLACES
    if currency in WITHOUT_PLACES:
        return 0
    if currency in WITH_THREE_PLACES:
        raise ValueError(f"{currency} has three decimal places; amounts are kept with two.")
    raise ValueError("This is no currency of ISO 4217. Enter a code such as INR, EUR or USD.")
