from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core import mail

from synapse.notifications.services import NotDelivered, deliver


def test_a_message_has_the_subject_of_its_first_line_and_whole_links(settings):
    settings.BASE_URL = "https://clinic.example"

    deliver("password_changed", "asha@clinic.example", {"name": "Dr Asha Rao", "path": "/password/forgot/"})

    (message,) = mail.outbox
    assert message.subject == "Your SynapseAI password was changed"
    assert message.body.startswith("Hello Dr Asha Rao,")
    assert "https://clinic.example/password/forgot/" in message.body


def test_names_are_written_as_they_are():
    deliver("password_changed", "a@clinic.example", {"name": "Siobhán O'Neil & Co", "path": "/"})

    assert "Siobhán O'Neil & Co" in mail.outbox[0].body


def test_a_line_break_in_a_name_cannot_add_a_header():
    deliver("invitation", "a@clinic.example", {"inviter": "Omar\nBcc: all@clinic.example", "path": "/"})

    assert "Bcc" not in mail.outbox[0].subject
    assert mail.outbox[0].recipients() == ["a@clinic.example"]


def test_a_mail_server_that_does_not_answer_is_one_error(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    with pytest.raises(NotDelivered):
        deliver("password_changed", "asha@clinic.example", {"name": "Asha", "path": "/"})


@pytest.mark.parametrize("path", sorted((Path(django_settings.BASE_DIR) / "templates/emails").glob("*.txt")), ids=str)
def test_every_mail_begins_with_its_subject(path):
    assert path.read_text().replace("{% autoescape off %}", "").startswith("Subject: ")
