"""The doors of the worklist: the page, and one act on one row in place."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from scheduling.forms import current_zone
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.errors import NotAllowed
from synapse.dashboard.worklist import registry
from synapse.dashboard.worklist.core import Act, Reader, Source
from synapse.web.http import ClinicRequest, next_page_of, render_page

MOVES = (("J K", "Next, previous row"), ("Enter", "Open the row"), ("U", "Undo the last one"))


@dataclass(frozen=True)
class Done:
    """What was just done, and the address that takes it back; empty when nothing does."""

    words: str
    undo: str = ""


@require_GET
@requires(Permission.VIEW_CALENDAR)
def worklist(request: ClinicRequest) -> HttpResponse:
    """Show what waits for this person."""
    return _render(request)


@require_POST
@requires(Permission.VIEW_CALENDAR)
def act(request: ClinicRequest, source_name: str, pk: UUID, act_name: str) -> HttpResponse:
    """Do one thing with one row; the list comes back without it."""
    source = registry.find_source(source_name)
    chosen = registry.find_act(source, act_name) if source else None
    if source is None or chosen is None:
        raise Http404
    if not source.is_for(request.user):
        raise NotAllowed("Your role does not include this part of the worklist.")
    reader = _reader(request)
    row = registry.find_row(source, chosen, pk, reader)
    if row is None:
        raise Http404
    registry.perform(source, chosen, row, by=request.user, at=reader.at)
    done = Done(chosen.done, _undo_address(source, chosen, row, reader))
    if request.htmx:
        return trigger_client_event(_render(request, done), "synapse:counts")
    messages.success(request, done.words)
    return redirect(next_page_of(request) if "next" in request.POST else "dashboard:worklist")


def _reader(request: ClinicRequest) -> Reader:
    return Reader(request.user, timezone.now(), current_zone())


def _undo_address(source: Source, chosen: Act, row: Any, reader: Reader) -> str:
    if not chosen.undone_by or not chosen.can_be_undone(row, reader):
        return ""
    return reverse("dashboard:worklist_act", args=[source.name, row.pk, chosen.undone_by])


def _render(request: ClinicRequest, done: Done | None = None) -> HttpResponse:
    found = registry.read_worklist(_reader(request))
    record_read(request, target=("worklist", ""), subjects=found.patient_ids, poll=done is not None)
    context: dict[str, Any] = {"worklist": found, "done": done, "page_keys": _keys_of(request)}
    return render_page(request, "dashboard/worklist.html", context, fragment="dashboard/_worklist.html")


def _keys_of(request: ClinicRequest) -> list[tuple[str, str]]:
    """Return the keys of the page: how to move, and the letter of everything this person can do to a row."""
    keys = dict(MOVES)
    for source in registry.sources_for(request.user):
        for offered in [*source.acts, *([registry.ASIDE] if source.can_set_aside else [])]:
            if offered.is_offered:
                keys.setdefault(offered.key.upper(), offered.label)
    return list(keys.items())
