"""Write every encrypted value, search token and data key anew under the active keys."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from synapse.encryption import rotation
from synapse.encryption.errors import KeyServiceUnavailable
from synapse.encryption.key_check import WrongKeyError, verify_keys, write_proofs


class Command(BaseCommand):
    help = (
        "Write every encrypted value, search token and recording key anew under the active (first) keys; safe to stop "
        "and run again. Recordings themselves are not touched. The audit trail names the key it was made with: keep "
        "former AUDIT_KEY listed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            verify_keys()
        except WrongKeyError as error:
            raise CommandError(str(error)) from None
        try:
            self._rotate()
        except KeyServiceUnavailable as error:
            raise CommandError(f"{error} What is done stays done: run rotate_keys again once it answers.") from None

    def _rotate(self) -> None:
        unreadable = 0
        for outcome in rotation.rotate_fields():
            unreadable += outcome.unreadable
            self.stdout.write(f"{outcome.label}: {outcome.rewritten} rows written anew")
        for outcome in rotation.rewrap():
            unreadable += outcome.unreadable
            self.stdout.write(f"{outcome.label}: {outcome.rewritten} keys wrapped anew")
        for name, count in rotation.reindex():
            self.stdout.write(f"{name}: {count} rows indexed anew")
        left = rotation.count_under_former_keys()
        if unreadable or left:
            raise CommandError(
                f"{unreadable} rows cannot be read with the configured keys and {left} still need a former key. Keep "
                "the former keys and run rotate_keys again."
            )
        write_proofs()
        self.stdout.write(
            "Nothing needs a former FIELD_ENCRYPTION_KEY, INDEX_KEY or AUDIO_KEY any more: they can be removed."
        )
