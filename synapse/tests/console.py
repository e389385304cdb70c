"""What the console of a process shows, for tests that look for words in it."""

import io
import logging
import logging.config
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def console(*, level: int = logging.INFO) -> Iterator[io.StringIO]:
    """Write what is logged as the settings' handler writes it; nobody else writes it down meanwhile."""
    configured = logging.config.DictConfigurator(settings.LOGGING)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(configured.configure_formatter(dict(settings.LOGGING["formatters"]["plain"])))
    for name in settings.LOGGING["handlers"]["console"]["filters"]:
        handler.addFilter(configured.configure_filter(dict(settings.LOGGING["filters"][name])))
    root = logging.getLogger()
    before = root.handlers, root.level
    root.handlers = [handler]
    root.setLevel(level)
    try:
        yield written
    finally:
        root.handlers = before[0]
        root.setLevel(before[1])
