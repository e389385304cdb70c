"""The public validator's opinion of a file: pyx12 with its map of 005010X222A1."""

import json
from io import StringIO


def complaints(content: str) -> list[str]:
    """Return what pyx12 finds wrong with a file; nothing when it accepts it."""
    from pyx12.params import params
    from pyx12.x12n_document import x12n_document

    told = StringIO()
    is_valid = x12n_document(params(), StringIO(content), None, None, fd_json=told)
    found = _errors_in(json.loads(told.getvalue())) if told.getvalue() else []
    if is_valid:
        assert not found, found
        return []
    return found or ["refused without a reason"]


def _errors_in(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [json.dumps(error) for error in node.get("errors", [])]
        return own + [each for key, value in node.items() if key != "errors" for each in _errors_in(value)]
    if isinstance(node, list):
        return [each for value in node for each in _errors_in(value)]
    return []
