"""Serve the pages, the API and the live sockets."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from synapse.common.memory import keep_what_is_loaded
from synapse.management.supervised import refuse_unsafe_start_alone
from synapse.server import ListenError, serve


class Command(BaseCommand):
    help = "Serve the pages, the API and the live sockets on HOST and PORT."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unsafe_start_alone()
        from synapse.asgi import application

        keep_what_is_loaded()
        try:
            serve(application, settings.HOST, settings.PORT, sealed_folder=settings.DATA_DIR / "incoming")
        except ListenError as error:
            raise CommandError(f"Cannot listen on {settings.HOST}:{settings.PORT}: {error}") from None
