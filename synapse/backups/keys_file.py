"""The keys of an installation in one file, encrypted under a passphrase: what a backup is worth nothing without.

Knows no Django, since the keys have to be back before the application can start:

    python -m synapse.backups.keys_file open KEYS var/.env
"""

import getpass
import json
import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

FORMAT = "synapse keys 1"
SHORTEST = 12
PASSPHRASE = "BACKUP_PASSPHRASE"  # noqa: S105  the variable's name
_N, _R, _P = 2**15, 8, 1


class KeysFileError(Exception):
    """The file of keys cannot be written or opened."""


def seal(keys: Mapping[str, str], passphrase: str) -> bytes:
    """Return the file's content. Raises KeysFileError for a short passphrase."""
    if len(passphrase) < SHORTEST:
        raise KeysFileError(f"Use a passphrase of at least {SHORTEST} characters.")
    salt, nonce = os.urandom(16), os.urandom(12)
    text = AESGCM(_key(passphrase, salt)).encrypt(nonce, json.dumps(dict(keys)).encode(), FORMAT.encode())
    parts = {"format": FORMAT, "salt": _text(salt), "nonce": _text(nonce), "keys": _text(text)}
    return json.dumps(parts, indent=1).encode()


def unseal(content: bytes, passphrase: str) -> dict[str, str]:
    """Return the keys by name. Raises KeysFileError."""
    try:
        parts = json.loads(content)
        salt, nonce, text = (b64decode(parts[name]) for name in ("salt", "nonce", "keys"))
        plain = AESGCM(_key(passphrase, salt)).decrypt(nonce, text, FORMAT.encode())
    except InvalidTag:
        raise KeysFileError("The passphrase is wrong, or the file is damaged.") from None
    except (ValueError, KeyError, TypeError):
        raise KeysFileError("This is no file of keys.") from None
    keys: dict[str, str] = json.loads(plain)
    return keys


def ask_passphrase() -> str:
    """Return the passphrase of the environment, or ask for it."""
    return os.environ.get(PASSPHRASE) or getpass.getpass("Passphrase of the keys: ")


def write_private(path: Path, content: bytes) -> None:
    """Write a file for this user alone; one that is there stays. Raises KeysFileError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeysFileError(f"{path} cannot be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def main(arguments: list[str]) -> int:
    """Write the keys of a file as an environment file."""
    if len(arguments) != 3 or arguments[0] != "open":
        sys.stderr.write("Usage: python -m synapse.backups.keys_file open KEYS TARGET.env\n")
        return 2
    try:
        keys = unseal(Path(arguments[1]).read_bytes(), ask_passphrase())
        lines = "".join(f"{name}={value}\n" for name, value in keys.items())
        write_private(Path(arguments[2]), lines.encode())
    except (KeysFileError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{len(keys)} keys are in {arguments[2]}.\n")
    return 0


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(passphrase.encode())


def _text(content: bytes) -> str:
    return b64encode(content).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
