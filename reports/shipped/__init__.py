"""The report templates that come with the product, as data: one JSON file a template."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
DEFAULT_SLUG = "general"


@cache
def load_shipped() -> dict[str, dict[str, Any]]:
    """Return every shipped template by slug: name, description, is_default, ai_prompt, structure."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def digest_of(content: Mapping[str, Any]) -> str:
    """Return what tells two contents apart: SHA-256 over name, description, instruction and structure."""
    parts = {name: content[name] for name in ("name", "description", "ai_prompt", "structure")}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
