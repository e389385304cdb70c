"""Which paper documents are laid out for."""

# Where paper is 8.5 by 11 inches.
LETTER_REGIONS = frozenset({"US", "CA", "MX", "PH", "CO", "CL", "VE", "PR"})


def paper_of(region: str) -> str:
    """Return the name of the sheet that is used in a country."""
    return "letter" if region in LETTER_REGIONS else "a4"
