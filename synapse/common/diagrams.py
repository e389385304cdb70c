"""Transition tables as Mermaid diagrams."""

from django.apps import apps
from django.db import models

BEGIN = "<!-- states:begin (python manage.py state_diagrams) -->"
END = "<!-- states:end -->"


def machines() -> list[type[models.Model]]:
    """Return the models that have a transition table."""
    return [model for model in apps.get_models() if hasattr(model, "TRANSITIONS")]


def diagram(model: type[models.Model]) -> str:
    """Return one model's table as a Mermaid state diagram."""
    table: dict[str, set[str]] = model.TRANSITIONS  # type: ignore[attr-defined]  # see `machines`
    field = model._meta.get_field("status")
    order = [value for value, _ in field.flatchoices]  # type: ignore[union-attr]  # a choice field
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {order[0]}"]
    for state in order:
        nexts = [str(to) for to in order if to in table[state]]
        lines += [f"    {state} --> {to}" for to in nexts] or [f"    {state} --> [*]"]
    return "\n".join([*lines, "```"])


def document() -> str:
    """Return the part of ARCHITECTURE.md between the markers, both included."""
    blocks = [f"### {str(model._meta.verbose_name).capitalize()}\n\n{diagram(model)}" for model in machines()]
    return "\n\n".join([BEGIN, *blocks, END])
