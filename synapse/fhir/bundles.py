"""Answers with more than one resource."""

from urllib.parse import urlencode

from reports.writers.fhir.values import Resource, without_empty
from synapse.fhir import outcomes
from synapse.fhir.resources.meta import base_url, full_url
from synapse.fhir.search import Page


def searchset(page: Page, *, path: str, query: list[tuple[str, str]], broken: int) -> Resource:
    """Return a page as a Bundle; `path` is the address below this server's, `query` what was asked there.

    A question that came in a body is not written into the answer's addresses: pass an empty `query`. `broken` reports
    were left out, which an entry says that counts as no match.
    """
    address = f"{base_url()}/{path}"
    links = [{"relation": "self", "url": f"{address}?{urlencode(query)}" if query else address}]
    if page.next_token:
        links.append({"relation": "next", "url": f"{address}?{urlencode({'_page': page.next_token})}"})
    entries = [
        {"fullUrl": full_url(resource), "resource": resource, "search": {"mode": "match"}}
        for resource in page.resources
    ]
    if broken:
        entries.append({"resource": outcomes.left_out(broken), "search": {"mode": "outcome"}})
    bundle: Resource = without_empty(
        {"resourceType": "Bundle", "type": "searchset", "total": page.total, "link": links}
    )
    # What the resources are made of is free of empty elements already.
    return bundle | {"entry": entries} if entries else bundle
