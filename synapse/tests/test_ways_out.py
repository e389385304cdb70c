"""Every way out of this machine is known by name: a module that opens another one fails here, whatever it means well."""

import re

import pytest
from django.conf import settings

from synapse.testing.plugin import NetworkBlocked

FOLDERS = ("synapse", "patients", "sessions_app", "reports", "scheduling", "billing")
CLIENTS = re.compile(
    r"^\s*(?:import|from)\s+(?:socket|ssl|http\.client|urllib\.request|urllib3|httpx|requests|aiohttp|smtplib|ftplib|"
    r"poplib|imaplib|telnetlib|xmlrpc|grpc|google\.|google\b|openai|boto3|websockets?)\b|open_connection\(|"
    r"create_connection\(",
    re.MULTILINE,
)
# Where something of ours may go, and who chooses the address.
KNOWN = {
    "reports/generation/gemini.py": "the administrator's setting; recorded",
    "reports/generation/openai_compatible.py": "the administrator's setting; recorded when it leads out",
    "synapse/outside/http.py": "what both of these speak through",
    "sessions_app/stt/google/": "the administrator's setting; recorded",
    "synapse/encryption/kms.py": "the administrator's setting; carries wrapped keys",
    "synapse/storage.py": "the administrator's bucket",
    "synapse/documents/clamav.py": "the administrator's scanner",
    "synapse/notifications/mail.py": "the administrator's mail server; a message holds no clinical word",
    "synapse/notifications/sms.py": "the administrator's provider; a message holds no clinical word",
    "billing/payment_links/providers/http.py": "the payment provider's own address; an amount and a number",
    "synapse/webhooks/outgoing.py": "an address a user gives, checked by `webhooks.addresses` and fetched at the checked IP",
    "synapse/webhooks/addresses.py": "looks a name up to check it",
}
WITHIN = {
    "synapse/management/commands/up.py": "asks its own web process whether it is ready",
}


def test_no_module_but_those_named_opens_a_way_out():
    found = set()
    for path in (path for folder in FOLDERS for path in (settings.BASE_DIR / folder).rglob("*.py")):
        name = path.relative_to(settings.BASE_DIR).as_posix()
        is_test = "tests" in path.parts or name.startswith("synapse/testing/")
        if not is_test and CLIENTS.search(path.read_text()):
            found.add(name)

    unknown = {name for name in found if not name.startswith((*KNOWN, *WITHIN))}
    gone = {known for known in (*KNOWN, *WITHIN) if not any(name.startswith(known) for name in found)}
    assert (unknown, gone) == (set(), set())


def test_in_tests_nothing_else_is_reached():
    import socket

    with pytest.raises(NetworkBlocked), socket.socket() as way_out:
        way_out.connect(("192.0.2.1", 443))
