"""E-mail and SMS: what counts as sent, as not sent, and as perhaps sent; a real loopback server for the provider."""

import json
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core import mail

from synapse.notifications import checks, sms
from synapse.notifications.outgoing import EMAIL, SMS, Attachment, NotSent, Outgoing, PerhapsSent, send
from synapse.notifications.segments import count_segments, in_gsm_7

MESSAGE = Outgoing(key="7d444840", to="+919822012345", text="See you on Monday", subject="Your visit")


class Provider(ThreadingHTTPServer):
    """A stand-in for an SMS provider: answers with `status`, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.answer, self.asked, self.hangs_up, self.waits = 200, b'{"id": "m-17"}', [], False, 0.0

    def handle_error(self, request, client_address):
        """Say nothing about a client that gave up waiting: some of these tests are about that."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1/messages?channel=text"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), json.loads(body)))
        time.sleep(self.server.waits)
        if self.server.hangs_up:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *arguments):
        """Stay silent."""


@pytest.fixture
def provider(settings):
    with Provider() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        settings.SMS_BACKEND = "http"
        settings.SMS_HTTP_URL, settings.SMS_HTTP_TOKEN, settings.SMS_SENDER = server.url, "s3cret", "CLINIC"
        yield server
        server.shutdown()


def test_a_provider_is_asked_once_with_the_key_of_the_message(provider):
    reference = send(SMS, MESSAGE)

    ((path, headers, body),) = provider.asked
    assert reference == "m-17"
    assert path == "/v1/messages?channel=text"
    assert (headers["Authorization"], headers["Idempotency-Key"]) == ("Bearer s3cret", "7d444840")
    assert body == {"to": MESSAGE.to, "from": "CLINIC", "text": MESSAGE.text, "reference": "7d444840"}


@pytest.mark.parametrize("answer", [b"", b"queued", b"[]", b'{"id": null}', b"[" * 9000])
def test_an_answer_without_a_reference_is_sent_all_the_same(provider, answer):
    provider.answer = answer

    assert send(SMS, MESSAGE) == ""


@pytest.mark.parametrize(("status", "may_retry"), [(429, True), (503, True), (400, False), (401, False), (302, False)])
def test_a_refusal_was_not_sent_and_only_a_busy_one_is_tried_again(provider, status, may_retry):
    provider.status = status

    with pytest.raises(NotSent) as caught:
        send(SMS, MESSAGE)

    assert (caught.value.code, caught.value.may_retry) == (f"http_{status}", may_retry)
    assert len(provider.asked) == 1


def test_an_error_behind_the_providers_door_may_have_been_sent(provider):
    provider.status = 500

    with pytest.raises(PerhapsSent, match="http_500"):
        send(SMS, MESSAGE)


def test_a_connection_that_breaks_after_the_message_may_have_been_sent(provider, monkeypatch):
    provider.hangs_up = True
    with pytest.raises(PerhapsSent):
        send(SMS, MESSAGE)

    provider.hangs_up, provider.waits = False, 1.0
    monkeypatch.setattr(sms, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(PerhapsSent, match="Timeout"):
        send(SMS, MESSAGE)


def test_a_provider_that_is_not_there_was_asked_nothing(provider, settings):
    settings.SMS_HTTP_URL = "http://127.0.0.1:1/"

    with pytest.raises(NotSent) as caught:
        send(SMS, MESSAGE)

    assert (caught.value.code, caught.value.may_retry) == ("connect_ConnectionRefusedError", True)


def test_a_file_and_the_console_take_messages_for_a_demonstration(settings, capsys):
    settings.SMS_BACKEND = "file"
    send(SMS, MESSAGE)
    file = Path(django_settings.DATA_DIR) / "sms" / "7d444840.txt"
    assert file.read_text() == "+919822012345\n\nSee you on Monday\n"
    assert file.stat().st_mode & 0o077 == 0

    settings.SMS_BACKEND = "console"
    send(SMS, MESSAGE)
    assert "See you on Monday" in capsys.readouterr().out


def test_without_a_provider_no_sms_is_offered(settings):
    settings.SMS_BACKEND = ""

    assert not sms.is_offered()
    with pytest.raises(NotSent, match="sms_not_set_up"):
        send(SMS, MESSAGE)


def test_half_a_provider_and_a_demonstrations_one_in_production_are_refused(settings):
    settings.SMS_BACKEND, settings.SMS_HTTP_URL, settings.SMS_HTTP_TOKEN, settings.SMS_SENDER = "http", "", "t", ""
    assert [found.id for found in checks.check_sms(None)] == ["notifications.E001"]
    assert "SMS_HTTP_URL and SMS_SENDER are not set" in checks.check_sms(None)[0].msg

    settings.SMS_BACKEND, settings.SMS_HTTP_URL = "", "https://sms.example/send"
    assert [found.id for found in checks.check_sms(None)] == ["notifications.W001"]

    settings.IS_PRODUCTION, settings.SMS_HTTP_URL, settings.SMS_BACKEND = True, "", "file"
    assert [found.id for found in checks.check_sms(None)] == ["notifications.E002"]

    settings.SMS_BACKEND, settings.SMS_HTTP_URL, settings.SMS_SENDER = "http", "http://sms.example/send", "CLINIC"
    assert [found.id for found in checks.check_sms(None)] == ["notifications.E003"]


def test_an_e_mail_has_one_message_id_whenever_it_is_tried(settings):
    settings.BASE_URL = "https://clinic.example"
    message = Outgoing(
        key="7d444840",
        to="a@example.org",
        text="Hello",
        subject="Hi",
        attachments=(Attachment("a.ics", b"X", "text/calendar"),),
    )

    assert send(EMAIL, message) == send(EMAIL, message) == "<7d444840@clinic.example>"
    assert mail.outbox[0].extra_headers["Message-ID"] == "<7d444840@clinic.example>"
    assert mail.outbox[0].attachments[0][0] == "a.ics"


class MailHandler(socketserver.StreamRequestHandler):
    """Enough of SMTP to say no at any step, or to hang up."""

    def handle(self):
        self.wfile.write(b"220 hello\r\n")
        while line := self.rfile.readline():
            verb = line.split(b" ")[0].strip().upper()
            answer = self.server.answers.get(verb, b"250 ok")
            if answer is None:
                return
            self.wfile.write(answer + b"\r\n")
            if verb == b"DATA" and answer.startswith(b"354"):
                while self.rfile.readline() != b".\r\n":
                    continue
                after = self.server.answers.get(b".", b"250 queued")
                if after is None:
                    return
                self.wfile.write(after + b"\r\n")


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), MailHandler)
        self.answers = {b"DATA": b"354 go on"}


@pytest.fixture
def mail_server(settings):
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.EMAIL_USE_TLS = False
        yield server
        server.shutdown()


def test_a_mail_server_takes_a_message(mail_server):
    assert send(EMAIL, Outgoing(key="1", to="a@example.org", text="Hello")).startswith("<1@")


@pytest.mark.parametrize(
    ("step", "answer", "code", "may_retry"),
    [
        (b"RCPT", b"450 later", "smtp_450", True),
        (b"RCPT", b"550 nobody here", "smtp_550", False),
        (b"MAIL", b"451 busy", "smtp_451", True),
        (b".", b"554 spam", "smtp_554", False),
        (b".", b"452 full", "smtp_452", True),
    ],
)
def test_a_mail_servers_no_is_not_sent(mail_server, step, answer, code, may_retry):
    mail_server.answers[step] = answer

    with pytest.raises(NotSent) as caught:
        send(EMAIL, Outgoing(key="1", to="a@example.org", text="Hello"))

    assert (caught.value.code, caught.value.may_retry) == (code, may_retry)


def test_a_mail_server_that_hangs_up_after_the_text_may_have_it(mail_server):
    mail_server.answers[b"."] = None

    with pytest.raises(PerhapsSent, match="SMTPServerDisconnected"):
        send(EMAIL, Outgoing(key="1", to="a@example.org", text="Hello"))


def test_a_mail_server_that_is_not_there_got_nothing(mail_server, settings):
    settings.EMAIL_PORT = 1

    with pytest.raises(NotSent) as caught:
        send(EMAIL, Outgoing(key="1", to="a@example.org", text="Hello"))

    assert caught.value.may_retry


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("अ" * 70, 1),
        ("अ" * 71, 2),
        ("😀" * 36, 2),
    ],
)
def test_an_sms_is_cut_as_phone_networks_do(text, segments):
    assert count_segments(text) == segments


def test_accents_that_cost_half_the_room_are_left_out_but_no_script_is():
    assert in_gsm_7("sábado, Garçon – “früh”") == 'sabado, Garcon - "früh"'
    assert in_gsm_7("सोमवार") == "सोमवार"
