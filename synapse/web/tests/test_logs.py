"""What the log says of a refusal and of an error."""

import errno
import io
import logging
import logging.config
import sys
import threading

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.management import BaseCommand

import manage
from synapse.common.errors import Conflict
from synapse.common.jobs import PermanentJobError

SAID = "Kavya hears voices"


@pytest.fixture
def stream():
    """What the console's handler, as the settings make it, writes while a test runs."""
    stream = io.StringIO()
    configured = logging.config.DictConfigurator(settings.LOGGING)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(configured.configure_formatter(dict(settings.LOGGING["formatters"]["plain"])))
    for name in settings.LOGGING["handlers"]["console"]["filters"]:
        handler.addFilter(configured.configure_filter(dict(settings.LOGGING["filters"][name])))
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


@pytest.fixture
def written(stream):
    """Return what is written, given an error."""

    def write(error):
        try:
            raise error
        except type(error) as caught:
            logging.getLogger("django.request").warning("%s: %s", "/reports/", caught, exc_info=True)
        return stream.getvalue()

    return write


def test_a_refusal_is_one_line_without_a_traceback(written):
    assert written(PermissionDenied()).endswith(" WARNING django.request /reports/: PermissionDenied\n")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError(SAID), "ValueError"),
        (OSError(errno.ENOSPC, SAID), "OSError(ENOSPC)"),
        (Conflict(SAID), "Conflict(conflict)"),
        (PermanentJobError("no_words"), "PermanentJobError(no_words)"),
        (ExceptionGroup(SAID, [KeyError(SAID)]), "ExceptionGroup\n  KeyError"),
    ],
)
def test_an_error_is_its_kind_and_its_place_and_never_its_text(written, error, kind):
    error.add_note(SAID)
    error.__cause__ = TypeError(SAID)

    text = written(error)

    assert f"/reports/: {kind.split()[0]}\n" in text
    assert f"in write\n{kind}\nRaised because of:\nTypeError\n" in text
    assert SAID not in text


def test_a_text_that_another_handler_wrote_out_is_not_taken_over(stream, caplog):
    try:
        raise ValueError(SAID)
    except ValueError as error:
        logging.getLogger("django.request").error(error, exc_info=True)

    assert SAID in caplog.text
    assert "ValueError" in stream.getvalue()
    assert SAID not in stream.getvalue()


def test_no_mail_is_written_about_an_error():
    assert settings.LOGGING["loggers"]["django"]["handlers"] == []
    assert logging.getLogger("django").handlers == []


def test_a_command_or_thread_that_ends_with_an_error_says_where_and_not_what(monkeypatch, capsys):
    def fail(*args, **options):
        raise ValueError(SAID)

    for module, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(sys, "argv", ["manage.py", "verify_audit"])
    monkeypatch.setattr(BaseCommand, "execute", fail)
    with pytest.raises(ValueError, match=SAID) as caught:
        manage.main()
    sys.excepthook(*caught._excinfo)
    threading.excepthook(threading.ExceptHookArgs((*caught._excinfo, None)))

    out, err = capsys.readouterr()
    assert err.count("in fail\nValueError\n") == 2
    assert SAID not in out + err
