"""Hold a resource against FHIR R4.

`fhirclient` is generated from the definitions of R4 (4.0.1): it refuses unknown elements, wrong types, and what is
missing. It asks neither for the form of codes, ids and dates nor for required values. `fhir.resources` does, but has
R4B (4.3.0) and no R4. Of what is used here R4B differs in two things: an extension's value may be of other types, and
no resource here has an extension (`test_releases` compares the two, element by element); and `fhirVersion`, which is
4.0.1 in R4. So both are asked, and what both allow is R4.

What neither knows is checked here: XHTML that parses and runs nothing, no empty element, a zone at every time.
"""

import json
import re
from importlib import import_module
from xml.etree import ElementTree

TAGS = {"div", "p", "b", "sup", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "br"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?P<zone>Z|[+-]\d\d:\d\d)?")


def check(resource):
    """Fail unless a resource is R4; return it."""
    name = resource["resourceType"]
    data = json.loads(json.dumps(resource))
    in_r4 = getattr(import_module(f"fhirclient.models.{name.lower()}"), name)(data, strict=True)
    assert in_r4.as_json() == data  # nothing was passed over
    in_r4b = getattr(import_module(f"fhir.resources.R4B.{name.lower()}"), name)
    in_r4b.model_validate(data)
    check_details(data)
    return data


def check_details(node):
    if isinstance(node, dict):
        assert node, "an element is empty"
        if "div" in node:
            root = ElementTree.fromstring(node["div"])
            assert {part.tag.rpartition("}")[2] for part in root.iter()} <= TAGS
            assert not any(part.attrib for part in root.iter())
        for part in node.values():
            check_details(part)
    elif isinstance(node, list):
        assert node, "a list is empty"
        for part in node:
            check_details(part)
    elif isinstance(node, str):
        assert node.strip(), "a text is empty"
        found = _TIME.fullmatch(node)
        assert found is None or found["zone"], f"{node} has no zone"
    else:
        assert node is not None


def references_of(node):
    """Return every reference in a resource."""
    return set(re.findall(r'"reference": "([^"]+)"', json.dumps(node)))


def address_of(resource):
    return f"{resource['resourceType']}/{resource['id']}"
