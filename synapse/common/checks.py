"""System checks of what the linter cannot see: dotted names of tasks and sweeps."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from synapse.common import sweeps

_TASK_NAME = re.compile(r'"((?:\w+\.)+tasks\.\w+)"')


def task_names() -> Iterator[tuple[Path, str]]:
    """Yield every string in our own code that names a task, with its file; tests aside."""
    for config in apps.get_app_configs():
        folder = Path(config.path)
        if settings.BASE_DIR not in folder.parents or "site-packages" in folder.parts:
            continue
        for path in folder.rglob("*.py"):
            if not {"tests", "migrations"} & set(path.relative_to(folder).parts):
                yield from ((path, name) for name in _TASK_NAME.findall(path.read_text()))


@checks.register("jobs")
def check_dotted_names(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report a task or sweep that is named somewhere and cannot be imported."""
    named = {name: str(path) for path, name in task_names()}
    named |= {sweep.function: f"the sweep {sweep.name!r}" for sweep in sweeps.registered()}
    problems: list[checks.CheckMessage] = []
    for name, where in sorted(named.items()):
        try:
            import_string(name)
        except ImportError as error:
            problems.append(
                checks.Error(f"{name} cannot be imported: {error}", hint=f"Named by {where}.", id="common.E002")
            )
    return problems
