"""Write errors down without their text: an exception's message may hold what a patient said."""

import errno
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from types import TracebackType
from typing import Any

OURS = ("synapse", "patients", "sessions_app", "reports", "scheduling", "billing")
INDENT = "  "


class QuietFormatter(logging.Formatter):
    """Write exceptions as kind and place, wherever a record holds them: as a traceback or among its arguments.

    Code that raises an error in fixed words of its own and wants them in the log passes `str(error)`.
    """

    def format(self, record: logging.LogRecord) -> str:
        quiet = copy(record)
        quiet.exc_text = None  # another handler may have written the whole of it there
        quiet.args = _without_texts(record.args)
        if isinstance(record.msg, BaseException):
            quiet.msg, quiet.args = kind_of(record.msg), ()
        return super().format(quiet)

    def formatException(self, ei: Any) -> str:  # noqa: N802  the name is logging's
        return quiet_traceback(ei[1])


def quiet_traceback(error: BaseException | None) -> str:
    """Return files, lines and functions an error came through, and the kinds of those that led to it."""
    lines: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        lines.append("Traceback (most recent call last):" if len(seen) == 1 else "Raised because of:")
        lines += [
            f'{INDENT}File "{frame.f_code.co_filename}", line {line}, in {frame.f_code.co_name}'
            for frame, line in traceback.walk_tb(error.__traceback__)
        ]
        lines.append(kind_of(error))
        if isinstance(error, BaseExceptionGroup):
            lines += [INDENT + kind_of(one) for one in error.exceptions]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(lines)


def kind_of(error: BaseException) -> str:
    """Return an error's class, with the code of one of ours and the number's name of the system's."""
    code = getattr(error, "code", None)
    if isinstance(code, str) and type(error).__module__.split(".")[0] in OURS:
        return f"{type(error).__name__}({code})"
    number = errno.errorcode.get(error.errno or 0) if isinstance(error, OSError) else None
    return f"{type(error).__name__}({number})" if number else type(error).__name__


@contextmanager
def alone() -> Iterator[None]:
    """Let an error out without those that led to it: whoever is outside stores its traceback with all their texts."""
    try:
        yield
    except BaseException as error:
        error.__cause__ = error.__context__ = None
        raise


def install() -> None:
    """Let what ends a command or a thread be written the same way."""
    sys.excepthook = _write
    threading.excepthook = lambda ended: _write(ended.exc_type, ended.exc_value, ended.exc_traceback)
    sys.unraisablehook = lambda ended: _write(ended.exc_type, ended.exc_value, ended.exc_traceback)


def _write(kind: type[BaseException], error: BaseException | None, place: TracebackType | None) -> None:
    if sys.stderr is not None and not issubclass(kind, SystemExit):
        text = kind.__name__ if issubclass(kind, KeyboardInterrupt) else quiet_traceback(error)
        sys.stderr.write(f"{text}\n")


def _without_texts(args: Any) -> Any:
    if isinstance(args, tuple):
        return tuple(kind_of(one) if isinstance(one, BaseException) else one for one in args)
    return args
