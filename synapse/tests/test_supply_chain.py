"""What is installed is what was locked, with digests; the bill of materials names all of it."""

import re
import subprocess
from importlib import metadata

import pytest

from synapse.testing import supply_chain

ROOT = supply_chain.ROOT
# What a key or token of somebody's looks like, whatever file it is in.
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{80}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}"
    r"|ghp_[0-9A-Za-z]{36}|xox[abp]-[0-9A-Za-z-]{20}|sk_live_[0-9A-Za-z]{20}|sk-[A-Za-z0-9]{40}"
)
LIST = ROOT / "requirements.txt"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    """Return name -> version of every pinned package; a lock's further markers are left out."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", text, re.MULTILINE)
    return {normal(name): version for name, version in found}


@pytest.fixture(scope="module")
def lock() -> str:
    return supply_chain.LOCK.read_text()


def test_every_requirement_is_pinned_to_one_version_and_stands_in_the_lock(lock):
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]

    assert len(pins(LIST.read_text())) == len(lines)
    assert pins(LIST.read_text()).items() <= pins(lock).items(), "requirements.txt changed: run `make lock`"


def test_every_package_of_the_lock_has_digests(lock):
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock[lock.index("\n") :])
    bare = [block.split("\n")[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]

    assert bare == []


def test_what_runs_here_is_what_was_locked(lock):
    locked = pins(lock)
    here = {normal(item.metadata["Name"]): item.version for item in metadata.distributions()}
    here.pop("pip", None)  # comes with the environment

    different = {name: (here[name], locked[name]) for name in here.keys() & locked.keys() if here[name] != locked[name]}

    assert different == {}


def test_the_bill_of_materials_names_vendored_files_and_weights_with_their_digests():
    rows = [*supply_chain.vendored(), *supply_chain.weights()]

    assert {"static/vendor/htmx-2.0.11.min.js", "sessions_app/stt/voiceprint.npz"} <= {row["bom-ref"] for row in rows}
    assert all(len(row["hashes"][0]["content"]) == 64 for row in rows)


def test_no_committed_file_holds_a_secret():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in names.decode().split("\0") if name]
    texts = ((path, path.read_text(errors="ignore")) for path in files if path.suffix not in {".woff2", ".ttf", ".npz"})

    assert [path.name for path, text in texts if SECRET.search(text)] == []
