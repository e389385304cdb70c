"""`make audit`: what the product is made of and what is known against it.

Writes the bill of materials (CycloneDX 1.6: every installed package, what is vendored for the browser, the trained
weights), then looks for known holes, dangerous calls and secrets. A service of advisories that does not answer is said
and is no failure; everything it says is.
"""

import json
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

BIN = str(Path(sys.executable).parent)
ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
BILL = ROOT / "sbom.cdx.json"
SOURCES = ("synapse", "patients", "sessions_app", "reports", "scheduling", "billing")
WEIGHTS = ("reports/generation/model", "sessions_app/stt")
# The lock file and the vendored sums are digests throughout; words alone ("password") are no secret.
TOO_LOUD = ("HexHighEntropyString", "Base64HighEntropyString", "KeywordDetector", "BasicAuthDetector")
UNANSWERED = "could not be audited"


def bill_of_materials() -> dict[str, Any]:
    """Return the CycloneDX document: installed packages, vendored files and weights, each with digest or version."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "bill.json"
        subprocess.run(
            [f"{BIN}/cyclonedx-py", "environment", "--sv", "1.6", "--of", "JSON", "-o", str(target), sys.executable],
            check=True,
            capture_output=True,
        )
        bill: dict[str, Any] = json.loads(target.read_text())
    bill["components"] += [*vendored(), *weights()]
    bill["metadata"]["component"] = {"bom-ref": "synapseai", "type": "application", "name": "SynapseAI"}
    return bill


def vendored() -> list[dict[str, Any]]:
    """Return what the browser gets of others, as `static/vendor/vendor.lock` names it."""
    rows = [line.split() for line in (ROOT / "static/vendor/vendor.lock").read_text().splitlines()]
    return [
        {
            "bom-ref": f"static/{path}",
            "type": "library" if path.endswith(".js") else "file",
            "name": f"{name} ({path})",
            "version": version,
            "hashes": [{"alg": "SHA-256", "content": digest}],
            "licenses": [{"license": {"id": licence}}],
        }
        for path, name, version, digest, licence in (row for row in rows if row and row[0] != "#")
    ]


def weights() -> list[dict[str, Any]]:
    """Return the trained weights this repository carries."""
    files = sorted(path for folder in WEIGHTS for path in (ROOT / folder).rglob("*.npz"))
    return [
        {
            "bom-ref": str(path.relative_to(ROOT)),
            "type": "machine-learning-model",
            "name": str(path.relative_to(ROOT)),
            "hashes": [{"alg": "SHA-256", "content": sha256(path.read_bytes()).hexdigest()}],
        }
        for path in files
    ]


def known_holes() -> str:
    """Return what is known against the locked packages; raise CannotAsk when no service of advisories answers."""
    command = [f"{BIN}/pip-audit", "-r", str(LOCK), "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    said = (result.stdout + result.stderr).strip()
    if result.returncode == 0 and UNANSWERED not in said:
        return ""
    if result.returncode != 0 and "Found" in said:
        return said
    raise CannotAsk


def dangerous_calls() -> str:
    """Return what bandit holds for a grave mistake; the lesser rules are ruff's in `make lint`."""
    command = [f"{BIN}/bandit", "-q", "-lll", "-r", *(str(ROOT / name) for name in SOURCES), "-x", "*/tests/*"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode else ""


def secrets() -> str:
    """Return where a file of the repository looks as if it held a key or token."""
    quiet = [word for name in TOO_LOUD for word in ("--disable-plugin", name)]
    command = [f"{BIN}/detect-secrets", "scan", *quiet, "--exclude-files", r"requirements\.lock|static/fonts"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, list[dict[str, Any]]] = json.loads(result.stdout)["results"]
    return "\n".join(f"{path}:{hit['line_number']}: {hit['type']}" for path, hits in found.items() for hit in hits)


class CannotAsk(Exception):
    """Nobody here knows what is known against a package."""


def main() -> int:
    bill = bill_of_materials()
    BILL.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    print(f"ok     {BILL.name}: {len(bill['components'])} components")
    worst = 0
    for name, look in (("known holes", known_holes), ("dangerous calls", dangerous_calls), ("secrets", secrets)):
        try:
            found = look()
        except CannotAsk:
            print(f"NOT ASKED {name}: no service of advisories answers here")
            continue
        print(f"{'FAILED' if found else 'ok':6} {name}\n{found}".rstrip(), flush=True)
        worst = max(worst, int(bool(found)))
    return worst


if __name__ == "__main__":
    sys.exit(main())
