"""A client that a public generator makes from the document works, and every part of the document got into it."""

import importlib
import json
import re
import sys
from datetime import date
from http import HTTPStatus

import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from patients.tests.factories import make_patient
from synapse.api_docs import document
from synapse.testing.plugin import PASSWORD

NAME = "synapse_client"
# The generator knows files by one name only; the README says the same.
FILES = dict.fromkeys(["application/pdf", "audio/ogg", "audio/wav", "image/png"], "application/octet-stream")
# What the framework invents when two things want the same name: `Kind3f5Enum`, `sessions_retrieve_2`.
INVENTED_NAME = re.compile(r"(?=\D*\d)[0-9a-f]{3}Enum$|_\d$")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The client as a package that can be imported, and what the generator complained of."""
    folder = tmp_path_factory.mktemp("client")
    source = folder / "schema.json"
    source.write_text(json.dumps(document()))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        settings = ConfigFile(post_hooks=[], content_type_overrides=FILES)
        config = Config.from_sources(settings, MetaType.NONE, source, "utf-8", False, folder / NAME)
        complaints = generate(config=config)
        yield folder / NAME, complaints
    for module in [name for name in sys.modules if name.split(".")[0] == NAME]:
        del sys.modules[module]


def part(name):
    return importlib.import_module(f"{NAME}.{name}")


def test_the_generator_takes_the_whole_document(generated):
    folder, complaints = generated
    assert [f"{one.header} {one.detail}" for one in complaints] == []
    operations = {one["operationId"] for path in document()["paths"].values() for one in path.values()}
    assert {path.stem for path in folder.glob("api/*/*.py")} - {"__init__"} == operations
    names = operations | set(document()["components"]["schemas"])
    assert [name for name in names if INVENTED_NAME.search(name)] == []


def test_every_module_of_the_client_can_be_imported(generated):
    folder, _complaints = generated
    modules = sorted(folder.rglob("*.py"))
    assert len(modules) > len(document()["paths"])
    for path in modules:
        part(".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"))


def test_the_client_registers_lists_and_reads_patients(generated, live_server, transactional_db, asha, ben):
    models, client = part("models"), part("client")
    sign_in = part("api.auth.auth_token_create")
    create, retrieve = part("api.patients.patients_create"), part("api.patients.patients_retrieve")
    with client.Client(base_url=live_server.url) as stranger:
        refused = sign_in.sync(client=stranger, body=models.SignInRequest(username="asha", password="wrong"))
        assert isinstance(refused, models.Error)
        signed_in = sign_in.sync(client=stranger, body=models.SignInRequest(username="asha", password=PASSWORD))
    with client.AuthenticatedClient(base_url=live_server.url, token=signed_in.token) as mine:
        wanted = models.NewPatientRequest(first_name="Kavya", last_name="Iyer", date_of_birth=date(1991, 5, 2))
        made = create.sync(client=mine, body=wanted, idempotency_key="once")
        assert create.sync(client=mine, body=wanted, idempotency_key="once").id == made.id
        listed = part("api.patients.patients_list").sync(client=mine, page_size=10)
        assert (listed.count, [row.id for row in listed.results]) == (1, [made.id])
        read = retrieve.sync(made.id, client=mine)
        assert (read.patient_id, read.first_name, read.date_of_birth) == (made.patient_id, "Kavya", date(1991, 5, 2))

        unborn = models.NewPatientRequest(first_name="Kavya", last_name="Iyer", date_of_birth=date(2999, 1, 1))
        answer = create.sync_detailed(client=mine, body=unborn)
        assert (answer.status_code, type(answer.parsed)) == (HTTPStatus.BAD_REQUEST, models.Error)
        assert "date_of_birth" in answer.parsed.error.fields.additional_properties
        assert retrieve.sync(make_patient(ben).pk, client=mine).error.code == "not_found"
