"""Forms of what is decided about risk."""

from django import forms

from reports.forms import RevisionForm
from reports.generation.tristate import STATES
from reports.services.store import LONGEST_SENTENCE


class RiskForm(RevisionForm):
    """What is decided about one or several risk statements; empty takes a decision back. The service knows the words."""

    disposition = forms.CharField(required=False, max_length=20)


class ItemForm(RevisionForm):
    """The state of a checklist item as the doctor sets it; present needs words."""

    state = forms.ChoiceField(choices=[(state, state) for state in STATES])
    words = forms.CharField(required=False, max_length=LONGEST_SENTENCE)
