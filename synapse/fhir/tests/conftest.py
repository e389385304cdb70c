"""Asking the server as its clients do."""

import pytest

BASE = "/api/v1/fhir"


@pytest.fixture
def ask(signed_in):
    """Return a function that asks as a person: `ask(user, "Patient?name=iyer")`; the answer's JSON as `.body`."""

    clients = {}

    def get(user, path, **headers):
        if user.pk not in clients:
            clients[user.pk] = signed_in(user)
        answer = clients[user.pk].get(
            f"{BASE}/{path}", headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer.body = answer.json() if answer.get("Content-Type", "").startswith("application/fhir+json") else None
        return answer

    return get


@pytest.fixture
def walk(ask):
    """Return a function that follows a search to its end and returns all entries, page by page."""

    def follow(user, path):
        pages = []
        while path:
            bundle = ask(user, path).body
            assert bundle["resourceType"] == "Bundle", bundle
            pages.append(bundle)
            following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
            path = following[0].partition(f"{BASE}/")[2] if following else ""
        return pages

    return follow
