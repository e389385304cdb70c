import datetime
import ipaddress
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from synapse.webhooks import addresses, outgoing
from synapse.webhooks.outgoing import Problem, post
from synapse.webhooks.tests.receiver import receiving, status


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]


def test_a_body_arrives_as_it_is_with_its_headers():
    with receiving() as receiver:
        answer = post(receiver.url + "?key=a", b'{"id":"x"}', {"Webhook-Id": "x"})

    assert (answer.status_code, answer.problem, answer.is_taken) == (200, "", True)
    request = receiver.requests[0]
    assert request.line == "POST /events?key=a HTTP/1.1"
    assert request.body == b'{"id":"x"}'
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("SynapseAI-Webhooks/")
    assert request.headers["webhook-id"] == "x"


@pytest.mark.parametrize(
    ("code", "problem", "is_unreachable"),
    [
        (204, "", False),
        (302, Problem.REDIRECT, False),
        (400, Problem.HTTP_ERROR, False),
        (410, Problem.GONE, False),
        (429, Problem.HTTP_ERROR, True),
        (500, Problem.HTTP_ERROR, False),
        (503, Problem.HTTP_ERROR, True),
    ],
)
def test_a_status_is_read_as_it_is_meant(code, problem, is_unreachable):
    with receiving(status(code)) as receiver:
        answer = post(receiver.url, b"{}", {})

    assert (answer.status_code, answer.problem) == (code, problem)
    assert not answer.is_taken or answer.problem == ""
    assert not answer.is_taken or not answer.is_unreachable
    assert answer.is_unreachable is is_unreachable


def test_a_redirect_is_not_followed():
    with receiving() as elsewhere, receiving(status(307, f"Location: {elsewhere.url}")) as receiver:
        answer = post(receiver.url, b"{}", {})

    assert answer.problem == Problem.REDIRECT
    assert elsewhere.requests == []


def test_nobody_there_is_said_so():
    with receiving() as receiver:
        pass

    assert post(receiver.url, b"{}", {}).problem == Problem.CONNECT_FAILED


def test_silence_ends_by_the_time_out(monkeypatch):
    monkeypatch.setattr(outgoing, "TIMEOUT_SECONDS", 0.2)

    with receiving(lambda connection: time.sleep(0.5)) as receiver:
        answer = post(receiver.url, b"{}", {})

    assert (answer.status_code, answer.problem) == (None, Problem.TIMED_OUT)
    assert answer.duration_ms < 450


def test_a_drip_of_bytes_does_not_outlive_the_time_out(monkeypatch):
    monkeypatch.setattr(outgoing, "TIMEOUT_SECONDS", 0.3)

    def drip(connection):
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    with receiving(drip) as receiver:
        answer = post(receiver.url, b"{}", {})

    assert answer.problem == Problem.TIMED_OUT
    assert answer.duration_ms < 600


def test_a_slow_body_costs_a_moment_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(outgoing, "BODY_SECONDS", 0.1)

    def slow(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        time.sleep(0.4)

    with receiving(slow) as receiver:
        answer = post(receiver.url, b"{}", {})

    assert answer.is_taken
    assert answer.duration_ms < 350


def test_of_a_huge_body_hardly_anything_is_read():
    sent = []

    def huge(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        sent.extend(connection.send(b"x" * 65536) for _ in range(1500))

    with receiving(huge) as receiver:
        answer = post(receiver.url, b"{}", {})

    assert answer.is_taken
    # What the kernel's buffers took, not what anybody read.
    assert sum(sent) < 20_000_000


@pytest.mark.parametrize("nonsense", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", b""])
def test_what_is_no_http_is_no_answer(nonsense):
    with receiving(nonsense) as receiver:
        answer = post(receiver.url, b"{}", {})

    assert (answer.status_code, answer.problem) == (None, Problem.BAD_ANSWER)


def test_a_name_that_turns_inside_after_saving_is_not_asked(settings, monkeypatch):
    with receiving() as receiver:
        monkeypatch.setattr(
            addresses.socket, "getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", ("127.0.0.1", receiver.port))]
        )
        answer = post("https://example.org/", b"{}", {})

    assert answer.problem == Problem.ADDRESS_REFUSED
    assert receiver.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(settings, monkeypatch):
    """A name that leads elsewhere at the second look-up (DNS rebinding) is never looked up a second time."""
    settings.WEBHOOK_ALLOWED_HOSTS = ["rebinding.example.org"]
    real, asked = addresses.socket.getaddrinfo, []

    def getaddrinfo(host, *args, **kwargs):
        if host != "rebinding.example.org":
            return real(host, *args, **kwargs)
        asked.append(host)
        if len(asked) > 1:
            raise AssertionError("looked up twice")
        return [(2, 1, 6, "", ("127.0.0.1", args[0]))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", getaddrinfo)
    with receiving() as receiver:
        answer = post(f"http://rebinding.example.org:{receiver.port}/", b"{}", {})

    assert answer.is_taken
    assert receiver.requests[0].headers["host"] == f"rebinding.example.org:{receiver.port}"


@pytest.fixture
def certificate(tmp_path):
    """Make a certificate for hooks.example.org, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example.org")])
    at = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at - datetime.timedelta(days=1))
        .not_valid_after(at + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("hooks.example.org"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def serving_tls(certificate, settings, monkeypatch):
    settings.WEBHOOK_ALLOWED_HOSTS = ["hooks.example.org", "other.example.org"]
    real = addresses.socket.getaddrinfo
    monkeypatch.setattr(
        addresses.socket,
        "getaddrinfo",
        lambda host, port, *args, **kwargs: real(
            "127.0.0.1" if host.endswith("example.org") else host, port, *args, **kwargs
        ),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return lambda connection: context.wrap_socket(connection, server_side=True)


def trust(monkeypatch, certificate):
    monkeypatch.setattr(outgoing, "tls_context", lambda: ssl.create_default_context(cafile=certificate))


def test_a_certificate_nobody_vouches_for_is_refused(serving_tls):
    with receiving(wrap=serving_tls) as receiver:
        answer = post(f"https://hooks.example.org:{receiver.port}/", b"{}", {})

    assert answer.problem == Problem.TLS_FAILED
    assert receiver.requests == []


def test_a_certificate_of_the_name_is_taken(serving_tls, certificate, monkeypatch):
    trust(monkeypatch, certificate)

    with receiving(wrap=serving_tls) as receiver:
        answer = post(f"https://hooks.example.org:{receiver.port}/", b"{}", {})

    assert (answer.status_code, answer.problem) == (200, "")


def test_a_certificate_of_another_name_is_refused(serving_tls, certificate, monkeypatch):
    trust(monkeypatch, certificate)

    with receiving(wrap=serving_tls) as receiver:
        answer = post(f"https://other.example.org:{receiver.port}/", b"{}", {})

    assert answer.problem == Problem.TLS_FAILED
    assert receiver.requests == []


def test_a_handshake_that_never_ends_does(serving_tls, monkeypatch):
    monkeypatch.setattr(outgoing, "TIMEOUT_SECONDS", 0.2)

    with receiving(lambda connection: None, wrap=None) as receiver:
        # A plain server that waits for the end of an HTTP head and says nothing.
        answer = post(f"https://hooks.example.org:{receiver.port}/", b"{}", {})

    assert answer.problem == Problem.TIMED_OUT
