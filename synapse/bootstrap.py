"""Get from a fresh machine to a running command: virtual environment, requirements, keys. Standard library only.

Run by the Makefile as `python3 -I synapse/bootstrap.py [install|run]`. Its syntax is that of Python 3.6, so that an
old one gets a sentence and not a syntax error.
"""

import base64
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements.lock"
MARKER = VENV / ".requirements"
OLDEST = (3, 11)
CANDIDATES = ("python3.11", "python3.12", "python3.13", "python3.14")
KEYS = ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY")


def stop(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.exit(1)


def use_new_enough_python() -> None:
    """Go on in a newer Python when this one is too old and one is installed."""
    if sys.version_info >= OLDEST:
        return
    for name in CANDIDATES:
        path = shutil.which(name)
        if path:
            os.execv(path, [path, "-I", str(Path(__file__).resolve()), *sys.argv[1:]])
    stop("SynapseAI needs Python 3.11 or newer. Install the package python3.11 and run make again.")


def make_venv() -> None:
    """Make .venv with uv or the venv module; say which package to install when there is neither."""
    if os.access(str(VENV_PYTHON), os.X_OK):
        return
    uv = shutil.which("uv")
    if not uv and not has_venv():
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        stop(
            f"Python's venv module is missing. Install the package {package} (Debian, Ubuntu: sudo apt install "
            f"{package}) or uv, then run make again."
        )
    print("Making .venv ...", flush=True)
    tool = [uv, "venv", "--quiet", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    if subprocess.call([*tool, str(VENV)]) != 0:
        shutil.rmtree(str(VENV), ignore_errors=True)
        stop("The virtual environment could not be made; the lines above say why.")


def has_venv() -> bool:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def install_requirements() -> None:
    """Install requirements.lock, every file held against its digest, unless just this lock is installed already."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if MARKER.exists() and MARKER.read_text() == wanted:
        return
    print("Installing the requirements (once; they take 1.2 GB) ...", flush=True)
    uv = shutil.which("uv")
    if uv:
        tool = [uv, "pip", "install", "--quiet", "--python", str(VENV_PYTHON)]
    else:
        tool = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.call([*tool, "--require-hashes", "-r", str(REQUIREMENTS)]) != 0:
        stop("Installing the requirements failed; the lines above say why. Check the network and run make again.")
    MARKER.write_text(wanted)


def write_environment() -> None:
    """Write fresh keys and a demo password to the data folder's .env, for this user only, and never a second time."""
    folder = Path(os.environ.get("SYNAPSE_DATA_DIR") or ROOT / "var").resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / ".env"
    lines = ["# Keys of this installation. Without them its data cannot be read: keep a copy in a safe place."]
    lines += [f"{name}={new_key(48 if name == 'SECRET_KEY' else 32)}" for name in KEYS]
    lines.append("DEMO_PASSWORD=" + "-".join(secrets.token_hex(2) for _ in range(4)))
    try:
        handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write("\n".join(lines) + "\n")
    print(f"Wrote fresh keys to {path}", flush=True)


def new_key(length: int) -> str:
    """Return random bytes in URL-safe base64; Django wants a SECRET_KEY of 50 characters or more."""
    return base64.urlsafe_b64encode(secrets.token_bytes(length)).decode()


def main() -> None:
    use_new_enough_python()
    make_venv()
    install_requirements()
    if sys.argv[1:] == ["run"]:
        write_environment()
        # In place of this process, so that a signal to `make run` meets the supervisor itself.
        os.execv(str(VENV_PYTHON), [str(VENV_PYTHON), str(ROOT / "manage.py"), "up", "--prepare"])


if __name__ == "__main__":
    main()
