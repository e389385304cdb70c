"""What goes wrong when something sealed is opened; apart, so that modules without Django can raise it."""


class DecryptionError(Exception):
    """A stored value cannot be read: wrong key, damaged, or never encrypted."""


class KeyServiceUnavailable(Exception):
    """The key service does not answer, or refuses to for now; what it wraps can be opened later."""
