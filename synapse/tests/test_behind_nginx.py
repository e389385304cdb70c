"""The shipped nginx configuration in front of two web processes: TLS, who is asking, sockets, one process gone."""

import asyncio
import copy
import datetime
import json
import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sessions_app.tests.live_site import LiveSite, free_port
from sessions_app.tests.protocol_client import ProtocolClient
from synapse.testing import prepared

DEPLOY = prepared.PROJECT / "deploy"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SECONDS = 60
CHUNK = 6400  # bytes of 200 ms


class Front:
    """nginx with the shipped files, its ports and paths put into a folder, over two processes of one installation."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder, self.port, self.plain_port = folder, free_port(), free_port()
        (folder / "data").mkdir()
        first = LiveSite(folder / "data")
        first.env |= {
            "SYNAPSE_MODE": "production",
            "BASE_URL": self.url,
            "REDIS_URL": redis_url,
            "TRUSTED_PROXIES": "127.0.0.1",
            "EMAIL_URL": "dummymail://",
        }
        second = copy.copy(first)
        second.port = free_port()
        second.env = {**first.env, "PORT": str(second.port)}
        self.sites = [first, second]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))

    def start(self) -> None:
        make_certificate(self.folder)
        changes = {
            "127.0.0.1:8001": f"127.0.0.1:{self.sites[0].port}",
            "127.0.0.1:8002": f"127.0.0.1:{self.sites[1].port}",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl;\n": "",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "clinic.example": "localhost",
            "https://$host$": f"https://$host:{self.port}$",
            "Host $host;": "Host $host:$server_port;",
            "/etc/ssl/synapse": str(self.folder),
            "/var/log/nginx": str(self.folder),
        }
        shipped = "".join((DEPLOY / "nginx" / name).read_text() for name in ("upstream.conf", "synapse.conf"))
        for old, new in changes.items():
            assert old in shipped, old
            shipped = shipped.replace(old, new)
        temporary = "".join(
            f"{name}_temp_path {self.folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            f"daemon off; pid {self.folder}/nginx.pid; error_log {self.folder}/error.log;\n"
            f"events {{ }}\nhttp {{ {temporary} {shipped} }}\n"
        )
        for site in self.sites:
            site.start()
        self.process = subprocess.Popen([NGINX, "-p", self.folder, "-c", self.folder / "nginx.conf"])
        for _ in range(200):
            try:
                self.ask("/health/live")
            except OSError:
                assert self.process.poll() is None, (self.folder / "error.log").read_text()
                continue
            return

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], str]:
        request = urllib.request.Request(self.url + path, data=body, headers=headers)
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self.tls), _NoRedirects)
        try:
            with opener.open(request, timeout=20) as answer:
                return answer.status, dict(answer.headers), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read().decode()

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
        for site in self.sites:
            site.kill()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def make_certificate(folder: Path) -> None:
    """Write a key and a certificate for localhost that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(secret)


@pytest.fixture(scope="module")
def front(tmp_path_factory, redis_url):
    if NGINX is None:
        message = "nginx is not installed (Debian: nginx-light)"
        pytest.fail(message) if os.environ.get("REQUIRE_SERVICES") == "1" else pytest.skip(message)
    front = Front(tmp_path_factory.mktemp("front"), redis_url)
    try:
        front.start()
        yield front
    finally:
        front.end()


def test_plain_http_is_sent_to_tls_and_every_answer_keeps_it_there(front):
    opener = urllib.request.build_opener(_NoRedirects)
    with pytest.raises(urllib.error.HTTPError) as plain:
        opener.open(f"http://localhost:{front.plain_port}/sign-in/?a=b", timeout=20)
    plain.value.close()
    status, headers, body = front.ask("/sign-in/")

    assert (plain.value.code, plain.value.headers["Location"]) == (301, f"{front.url}/sign-in/?a=b")
    assert status == 200
    assert "max-age=31536000" in headers["Strict-Transport-Security"]
    assert "Server" not in headers or not any(letter.isdigit() for letter in headers["Server"])
    assert "csrfmiddlewaretoken" in body


def test_figures_are_not_read_through_it(front):
    assert front.ask("/metrics")[0] == 404


def test_an_address_a_client_claims_is_replaced_by_the_one_it_has(front):
    wrong = json.dumps({"username": "nobody", "password": "wrong"}).encode()
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "Content-Type": "application/json"}
    status, _, _ = front.ask("/api/v1/auth/token/", wrong, **claims)
    code = """
from synapse.audit.models import AuditEvent
answer = list(AuditEvent.objects.filter(action="sign_in_failed").values_list("ip", flat=True))
"""

    assert status == 401
    assert front.sites[0].run(code) == ["127.0.0.1"]


def test_neither_log_nor_disk_of_the_proxy_holds_what_was_asked_or_answered(front):
    front.ask("/patients/?search=Meera+Canary", Referer="https://localhost/Meera-Canary/")

    written = [path for path in front.folder.iterdir() if path.is_file() and path.suffix == ".log"]
    assert any("/patients/" in path.read_text() for path in written)
    assert not any("Canary" in path.read_text() for path in written)
    assert not any(any((front.folder / name).iterdir()) for name in ("client_body", "proxy"))


def test_a_foreign_page_opens_no_socket_through_it(front):
    (recording,) = front.sites[0].new_recordings("asha")
    address = f"wss://localhost:{front.port}/ws/sessions/{recording['session']}/audio/"

    with pytest.raises(InvalidStatus) as refused:
        connect(address, ssl=front.tls, origin="https://evil.example", open_timeout=20).close()

    assert refused.value.response.status_code == 403


def test_a_recording_goes_on_with_the_other_process_when_one_is_gone(front):
    (recording,) = front.sites[0].new_recordings("ravi")
    pcm = bytes(range(256)) * (CHUNK // 256) * 40
    client = ProtocolClient(
        f"wss://localhost:{front.port}/ws/sessions/{recording['session']}/audio/",
        recording["cookie"],
        pcm,
        origin=front.url,
        speed=2.0,
        cookie_name="__Host-sessionid",
        tls=front.tls,
    )

    async def lose_one() -> dict[str, object]:
        running = asyncio.create_task(client.run())
        while client.acked < 10:  # noqa: ASYNC110  the client tells nobody
            await asyncio.sleep(0.05)
        client.stop_capturing()  # so that it is not through before the process is gone
        holder = next(site for site in front.sites if recording["session"] in open_spools(site))
        await asyncio.to_thread(holder.kill)
        client.is_capturing = True
        try:
            return await asyncio.wait_for(running, SECONDS)
        finally:
            await asyncio.to_thread(holder.start)

    finished = asyncio.run(lose_one())

    assert client.closes
    assert finished["sha256"] == client.sha256
    assert front.sites[0].facts(recording["session"])["spool_sha256"] == client.sha256


def open_spools(site: LiveSite) -> str:
    """Return the paths of the files a site's process holds open."""
    descriptors = Path(f"/proc/{site.process.pid}/fd")
    return "\n".join(str(path.readlink()) for path in descriptors.iterdir() if path.exists())
