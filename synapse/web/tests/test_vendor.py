"""What the browser gets from third parties is what was reviewed, and is named in NOTICE."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"
LOCK = [
    line.split()
    for line in (STATIC / "vendor/vendor.lock").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("entry", LOCK, ids=lambda entry: entry[0])
def test_a_vendored_file_is_the_one_that_was_locked(entry):
    path, _, _, digest, _ = entry

    assert sha256((STATIC / path).read_bytes()).hexdigest() == digest


def test_every_vendored_file_and_font_is_locked():
    found = {
        str(path.relative_to(STATIC))
        for folder in ("vendor", "fonts")
        for path in (STATIC / folder).rglob("*")
        if path.is_file() and path.suffix not in {".lock", ".txt"}
    }

    assert found == {entry[0] for entry in LOCK if not entry[0].startswith("icons")}


@pytest.mark.parametrize("package", sorted({entry[1] for entry in LOCK}))
def test_every_package_is_named_in_the_notice(package):
    words = {"htmx.org": "htmx", "@fontsource-variable/inter": "Inter", "@tabler/icons": "Tabler"}
    name = words.get(package, "Noto" if package.startswith("noto-") else "Source Serif")

    assert name in (Path(settings.BASE_DIR) / "NOTICE").read_text()


def test_every_icon_that_a_template_or_script_names_is_in_the_sprite():
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    templates = (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    named = {name for path in templates for name in re.findall(r"""\{% icon ["']([\w-]+)["']""", path.read_text())} | {
        name for path in (STATIC / "js").glob("*.js") for name in re.findall(r"icons\.svg#([\w-]+)", path.read_text())
    }

    assert named
    assert named <= sprite


def test_no_template_holds_inline_script_or_style():
    for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        if "documents" in path.parts:  # printed by the PDF engine, never sent to a browser
            continue
        text = path.read_text()
        assert not re.search(
            r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)|javascript:|https?://(?!www\.w3\.org)", text
        ), path
