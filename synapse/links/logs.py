"""Keep the secrets of links out of logs: Django names the path of each refused request."""

import logging
import re

# A path segment as long as our tokens; ids (36 characters) stay readable.
_TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_-]{40,}(?![A-Za-z0-9_-])")
MASK = "***"


class MaskTokens(logging.Filter):
    """Replace tokens in a record's message and arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = _TOKEN.sub(MASK, message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True
