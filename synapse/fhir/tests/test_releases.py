"""R4 against R4B: what `checking` relies on, compared element by element."""

from importlib import import_module

RESOURCES = (
    *("Appointment", "Binary", "Bundle", "CapabilityStatement", "Composition", "Consent", "DocumentReference"),
    *("Encounter", "Invoice", "OperationOutcome", "Organization", "Patient", "Practitioner"),
)
# (type, element of R4, element of R4B). An extension's value may be of other types; no resource here has one.
DIFFERENCES = {
    ("Extension", "valueMeta", ""),
    ("Extension", "", "valueCodeableReference"),
    ("Extension", "", "valueRatioRange"),
}


def elements_of_r4(kind):
    """Return each element of a type: whether it is a list, and whether it has to be there."""
    return {
        key: (is_list, bool(is_required and not choice))
        for _, key, _, is_list, choice, is_required in kind().elementProperties()
    }


def elements_of_r4b(name, module):
    fields = getattr(import_module(f"fhir.resources.R4B.{module}"), name).model_fields
    return {
        field.alias or key: (
            "List" in str(field.annotation),
            field.is_required() or bool((field.json_schema_extra or {}).get("element_required")),
        )
        for key, field in fields.items()
        if not key.endswith("__ext") and key not in {"resource_type", "fhir_comments"}
    }


def test_the_resources_used_differ_between_r4_and_r4b_in_extensions_alone():
    found, compared = set(), set()
    waiting = [getattr(import_module(f"fhirclient.models.{name.lower()}"), name) for name in RESOURCES]
    while waiting:
        kind = waiting.pop()
        if kind in compared or kind.__name__ == "Resource":
            continue
        compared.add(kind)
        name = kind.__name__.removeprefix("FHIR")
        in_r4, in_r4b = elements_of_r4(kind), elements_of_r4b(name, kind.__module__.split(".")[-1].removeprefix("fhir"))
        found |= {(name, key, "") for key in in_r4.keys() - in_r4b.keys()}
        found |= {(name, "", key) for key in in_r4b.keys() - in_r4.keys()}
        found |= {(name, key, key) for key in in_r4.keys() & in_r4b.keys() if in_r4[key] != in_r4b[key]}
        properties = kind().elementProperties()
        waiting += [part for _, _, part, _, _, _ in properties if hasattr(part, "elementProperties")]

    assert len(compared) > 90
    assert found == DIFFERENCES
