#!/usr/bin/env python
"""Run a management command of SynapseAI."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from synapse.common import quiet_errors

    quiet_errors.install()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"SynapseAI cannot start: {error}")


if __name__ == "__main__":
    main()
