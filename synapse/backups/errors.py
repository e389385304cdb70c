"""What goes wrong with a backup, in a sentence for whoever looks after the machine."""


class BackupError(Exception):
    """The backup could not be made or brought back; nothing that counts was changed."""
