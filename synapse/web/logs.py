"""Keep ordinary refusals to one line of the log: the audit trail says who asked for what."""

import logging

from django.core.exceptions import PermissionDenied


class QuietRefusals(logging.Filter):
    """Drop the traceback of a 403: it says where the rule stands, not what went wrong."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
            record.exc_info = record.exc_text = None
        return True
