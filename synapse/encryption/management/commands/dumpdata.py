"""Django's dumpdata, unwilling to write decrypted patient data to a file."""

from typing import Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import dumpdata
from django.core.management.utils import parse_apps_and_model_labels

from synapse.encryption.rotation import encrypted_fields


class Command(dumpdata.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--plaintext", action="store_true", help="Write encrypted fields decrypted, and know it.")

    def handle(self, *app_labels: str, **options: Any) -> Any:
        if not options.pop("plaintext"):
            refuse_encrypted(app_labels, options["exclude"])
        return super().handle(*app_labels, **options)


def refuse_encrypted(app_labels: tuple[str, ...], exclude: list[str]) -> None:
    """Raise CommandError when a model with encrypted fields would be written."""
    chosen_models, chosen_apps = parse_apps_and_model_labels(app_labels)
    left_models, left_apps = parse_apps_and_model_labels(exclude)
    for model in apps.get_models():
        is_chosen = not app_labels or model in chosen_models or model._meta.app_config in chosen_apps
        is_left = model in left_models or model._meta.app_config in left_apps
        if is_chosen and not is_left and encrypted_fields(model):
            raise CommandError(
                f"{model._meta.label} has encrypted fields and dumpdata writes them decrypted. Exclude it, or pass "
                "--plaintext and protect the file."
            )
