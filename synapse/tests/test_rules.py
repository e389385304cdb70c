"""Rules of the whole system that no single app can keep."""

import ast
import configparser
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from synapse.common import diagrams
from synapse.common.checks import task_names
from synapse.encryption.fields import StrictEncryption
from synapse.tests.plain_columns import PLAIN_COLUMNS

ROOT: Path = settings.BASE_DIR
OUR_APPS = ("synapse", "patients", "sessions_app", "reports", "scheduling", "billing")
TEXT_FIELDS = (
    models.BinaryField,
    models.CharField,
    models.FileField,
    models.GenericIPAddressField,
    models.JSONField,
    models.TextField,
)
# Reached without signing in, each for a reason: to sign in, by a one-use link, or by a machine.
OPEN_ADDRESSES = {
    "api_schema",
    "auth_token",
    "health_live",
    "health_ready",
    "metrics",
    "web:favicon",
    "accounts:sign_in",
    "accounts:sign_in_code",
    "accounts:standing",
    "accounts:set_up",
    "accounts:set_up_passkey",
    "accounts:passkey_options",
    "accounts:forgot_password",
    "accounts:reset_password",
    "accounts:join",
    "verify:start",
    "verify:code",
    "verify:certificate",
    "shared:open",
    "shared:read",
    "shared:download",
    "visit:answer",
    "consent:answer",
    "consent:answer_copy",
    "record:open",
    "consent:tablet",
    "consent:tablet_keep",
    "document:open",
    "document:read",
    "document:download",
    "fhir:metadata",
}


def our_sources() -> list[Path]:
    return [path for app in OUR_APPS for path in (ROOT / app).rglob("*.py")]


def text_columns() -> set[str]:
    return {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, TEXT_FIELDS) and not isinstance(field, StrictEncryption) and not field.choices
    }


def test_every_text_column_is_encrypted_or_on_the_list_with_its_reason():
    unlisted = {
        column
        for column in text_columns()
        if column not in PLAIN_COLUMNS and f"{column.rpartition('.')[0]}.*" not in PLAIN_COLUMNS
    }

    assert unlisted == set()


def test_the_list_of_plain_columns_names_nothing_that_is_gone():
    columns = text_columns()
    whole_models = {f"{column.rpartition('.')[0]}.*" for column in columns}

    assert set(PLAIN_COLUMNS) - columns - whole_models == set()
    assert all(PLAIN_COLUMNS.values())


def test_only_libraries_are_listed_as_a_whole():
    ours = {config.label for config in apps.get_app_configs() if config.name.split(".")[0] in OUR_APPS}

    assert [entry for entry in PLAIN_COLUMNS if entry.endswith(".*") and entry.split(".")[0] in ours] == []


def test_nobody_uses_the_package_for_encrypted_fields_directly():
    users = [
        path
        for path in our_sources()
        if re.search(r"^\s*(?:import|from) encrypted_model_fields", path.read_text(), re.MULTILINE)
    ]

    assert [path.relative_to(ROOT).as_posix() for path in users] == ["synapse/encryption/fields.py"]


def models_with_states() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_models()
        if model._meta.app_config.name.split(".")[0] in OUR_APPS
        and any(field.name == "status" and field.choices for field in model._meta.concrete_fields)
    ]


@pytest.mark.parametrize("model", models_with_states(), ids=lambda model: model._meta.label)
def test_every_status_is_in_the_transition_table_and_the_table_holds_nothing_else(model):
    statuses = set(model._meta.get_field("status").flatchoices and dict(model._meta.get_field("status").flatchoices))

    assert set(model.TRANSITIONS) == statuses
    assert {to for targets in model.TRANSITIONS.values() for to in targets} <= statuses


@pytest.mark.parametrize("model", models_with_states(), ids=lambda model: model._meta.label)
def test_every_status_can_be_reached_from_the_first(model):
    field = model._meta.get_field("status")
    first = field.flatchoices[0][0]
    reached, waiting = {first}, [first]
    while waiting:
        for to in set(model.TRANSITIONS[waiting.pop()]) - reached:
            reached.add(to)
            waiting.append(to)

    assert reached == set(model.TRANSITIONS)


def test_nobody_writes_a_status_but_advance():
    """Find `.update(status=…)` and `obj.status = …` outside `transitions.py`, migrations and tests."""
    found = []
    for path in our_sources():
        if {"tests", "migrations"} & set(path.parts) or path.name in {"transitions.py", "errors.py"}:
            continue  # an error's status is HTTP's
        for node in ast.walk(ast.parse(path.read_text())):
            is_update = (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
            )
            if is_update and any(keyword.arg == "status" for keyword in node.keywords):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Attribute) and target.attr == "status" for target in node.targets
            ):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert found == []


def test_the_page_of_state_diagrams_is_that_of_the_tables():
    page = (ROOT / "synapse" / "STATES.md").read_text()

    assert page == diagrams.document(), "Run `python manage.py state_diagrams --write`."


@pytest.mark.parametrize("app", ["billing", "patients", "reports", "scheduling", "sessions_app"])
def test_every_room_of_an_app_is_on_the_architecture_page(app):
    page = (ROOT / "synapse" / "ARCHITECTURE.md").read_text()
    listed = page.partition(f"The rooms of `{app}`")[2].partition("\n\n")[2].partition("\n\n")[0]
    rooms = {path.parent.name for path in (ROOT / app).glob("*/__init__.py")}

    assert set(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)) == rooms - {
        "management",
        "migrations",
        "templatetags",
        "tests",
    }


def test_every_package_of_synapse_has_a_place_in_the_layers():
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    layers = contracts["importlinter:contract:apps"]["layers"]
    placed = set(re.findall(r"synapse\.(\w+)", layers))
    # Their own rule: a test settings module, tests of the whole, and commands that tie everything together.
    placed |= {"testing", "tests", "management"}

    packages = {path.parent.name for path in (ROOT / "synapse").glob("*/__init__.py")}

    assert packages - placed == set()


def test_every_task_and_sweep_that_is_named_exists():
    assert len(list(task_names())) > 3
    assert checks.run_checks(tags=["jobs"]) == []


SAMPLES = {
    "uuid": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
    "int": "1",
    "str": "x",
    "slug": "x",
    "path": "x",
    "date": "2025-03-01",
}


def addresses(patterns=None, prefix: str = "/", namespace: str = "") -> list[tuple[str, str]]:
    """Return (name, address) of every page, with a sample in place of each parameter."""
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + re.sub(
            r"<(?:(\w+):)?\w+>", lambda match: SAMPLES.get(match[1] or "str", "x"), str(pattern.pattern)
        )
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            found += addresses(pattern.url_patterns, route, inner)
        elif isinstance(pattern, URLPattern):
            found.append((f"{namespace}{pattern.name}", route))
    return found


def test_every_page_but_a_few_asks_for_sign_in(client, db):
    leaks = []
    for name, address in addresses():
        if name in OPEN_ADDRESSES or name.startswith("admin:") or "(?P<" in address or "^" in address:
            continue
        for method in ("get", "post"):
            answer = getattr(client, method)(address)
            is_closed = answer.status_code in (401, 403, 404, 405) or (
                answer.status_code == 302 and answer["Location"].startswith("/sign-in")
            )
            if not is_closed:
                leaks.append((name, method, answer.status_code))

    assert leaks == []


def test_the_admin_pages_ask_for_sign_in(client, db):
    for name, address in addresses():
        if name.startswith("admin:") and name != "admin:login" and "(?P<" not in address:
            assert client.get(address).status_code in (302, 404), name


def test_the_list_of_open_addresses_names_nothing_that_is_gone():
    assert OPEN_ADDRESSES - {name for name, _ in addresses()} == set()


def test_the_example_environment_lists_every_variable_the_settings_read():
    source = (ROOT / "synapse" / "settings.py").read_text()
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', source)) | set(settings.KEY_NAMES)
    listed = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert read == listed
