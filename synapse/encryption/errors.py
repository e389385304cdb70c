"""What goes wrong when something sealed is opened; apart, so that modules without Django can raise it."""


class DecryptionError(Exception):
    """A stored value cannot be read: wrong key, damaged, or never encrypted."""
