"""What the rail and the bottom bar show to whom, and what apps above feed into them.

Apps call `register_count` and `register_live_session` in their AppConfig.ready(). A live session is looked up once per
full page at most; counting is done by a request of its own (`synapse.web.counts`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.web import counts
from synapse.web.counts import Counter


@dataclass(frozen=True)
class Emergency:
    """A record that is open to the user for what is left of an hour."""

    pk: UUID
    patient_id: UUID
    number: str
    minutes_left: int
    until: datetime


@dataclass(frozen=True)
class LiveSession:
    """The user's session that is running or paused; `seconds` is its clock."""

    pk: UUID
    label: str
    seconds: int
    is_paused: bool = False
    is_recorded: bool = True

    @property
    def clock(self) -> str:
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@dataclass(frozen=True)
class Entry:
    """One link: where it goes, what opens it, the letter after G, and addresses elsewhere that belong to it."""

    label: str
    icon: str
    route: str
    permission: Permission | None = None
    key: str = ""
    group: str = "main"
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """An entry as one user sees it on one page; `count` is what was counted last, `counted` the name of its number."""

    label: str
    icon: str
    address: str
    is_current: bool
    counted: str
    count: int
    key: str
    group: str


P = Permission
CLINIC_ELSEWHERE = ("/bills/settings/", "/settings/consents/")
PRIVACY_ELSEWHERE = ("/incidents/", "/emergencies/", "/erasure/")
ENTRIES = (
    Entry("Today", "layout-dashboard", "dashboard:home", P.CONDUCT_SESSIONS, "t"),
    Entry("Overview", "home", "dashboard:home", P.MANAGE_CLINIC, "t"),
    Entry("Front desk", "layout-dashboard", "dashboard:desk", P.MANAGE_ALL_APPOINTMENTS, "d"),
    Entry("Calendar", "calendar-event", "scheduling:calendar", P.VIEW_CALENDAR, "c"),
    Entry("Patients", "users", "patients:list", P.VIEW_PATIENTS, "p"),
    Entry("Worklist", "list-check", "dashboard:worklist", P.VIEW_CALENDAR, "w"),
    Entry("Consents", "clipboard-text", "dashboard:consents", P.RECORD_CONSENT, "k"),
    Entry("Waiting list", "hourglass", "scheduling:waiting_list", P.VIEW_CALENDAR, "l"),
    Entry("Sessions", "microphone", "sessions:list", P.VIEW_SESSIONS, "s"),
    Entry("Reports", "file-text", "reports:list", P.VIEW_REPORTS, "r"),
    Entry("Billing", "receipt-2", "billing:list", P.VIEW_BILLS, "b"),
    Entry("Numbers", "chart-bar", "dashboard:numbers", P.VIEW_CALENDAR, "n"),
    Entry("Templates", "template", "report_templates:list", P.WRITE_TEMPLATES, group="setup"),
    Entry("Clinic templates", "template", "report_templates:list", P.MANAGE_CLINIC_TEMPLATES, group="setup"),
    Entry("People", "users-group", "accounts:people", P.MANAGE_PEOPLE, group="setup"),
    Entry("Clinic", "building", "accounts:clinic", P.MANAGE_CLINIC, group="setup", also=CLINIC_ELSEWHERE),
    Entry("Import", "upload", "records:imports", P.IMPORT_RECORDS, group="setup"),
    Entry("Privacy", "shield-check", "dashboard:audit", P.VIEW_AUDIT, group="setup", also=PRIVACY_ELSEWHERE),
    Entry("System", "activity", "dashboard:system", P.VIEW_SYSTEM, group="setup"),
    Entry("Settings", "settings", "accounts:profile", group="setup"),
)
# The round button in the phone's bar: the first one the user may open.
TAB_ACTIONS = (
    Entry("Start a session", "microphone", "sessions:start", P.CONDUCT_SESSIONS),
    Entry("New appointment", "plus", "scheduling:book", P.MANAGE_ALL_APPOINTMENTS),
)
TAB_LINKS = 3

LiveSessionFinder = Callable[[User], LiveSession | None]
EmergencyFinder = Callable[[User], list[Emergency]]
_counters: dict[str, Counter] = {}
_live_session_finder: list[LiveSessionFinder] = []
_emergency_finder: list[EmergencyFinder] = []


def register_count(route: str, counter: Counter) -> None:
    """Show `counter(user)` beside the link to `route` when it is above zero."""
    _counters[route] = counter


def counters_for(user: User) -> dict[str, Counter]:
    """Return what is counted for this user: beside the links they may open."""
    routes = {entry.route for entry in ENTRIES if entry.permission is None or user.may(entry.permission)}
    return {route: counter for route, counter in _counters.items() if route in routes}


def register_live_session(finder: LiveSessionFinder) -> None:
    """Name the function that finds a user's live session for the red pill."""
    _live_session_finder[:] = [finder]


def live_session_of(request: HttpRequest) -> LiveSession | None:
    """Return the signed-in user's live session, looked up once per request."""
    if not isinstance(request.user, User) or not _live_session_finder:
        return None
    if not hasattr(request, "_live_session"):
        request._live_session = _live_session_finder[0](request.user)  # type: ignore[attr-defined]
    return request._live_session  # type: ignore[attr-defined, no-any-return]


def register_emergencies(finder: EmergencyFinder) -> None:
    """Name the function that finds the records a user has open in an emergency, for the red strip."""
    _emergency_finder[:] = [finder]


def emergencies_of(request: HttpRequest) -> list[Emergency]:
    """Return the records the signed-in user has open in an emergency."""
    if not (_emergency_finder and isinstance(request.user, User) and request.user.may(P.OPEN_IN_EMERGENCY)):
        return []
    return _emergency_finder[0](request.user)


def links_for(request: HttpRequest) -> list[Link]:
    """Return the links this user may open with what was counted last, the current one marked, once a request."""
    if not hasattr(request, "_links"):
        request._links = _mark_current(request)  # type: ignore[attr-defined]
    return request._links  # type: ignore[attr-defined, no-any-return]


def counts_of(request: HttpRequest) -> counts.Counts:
    """Return what was counted last for this user."""
    return counts.known(request.user.pk) if isinstance(request.user, User) else counts.Counts()


def _mark_current(request: HttpRequest) -> list[Link]:
    numbers = counts_of(request).numbers
    links = [link for entry in ENTRIES if (link := _link(entry, request, numbers)) is not None]
    # /settings/clinic/ lies below /settings/: only the nearest link is the current one.
    inside = [link.address for link in links if link.is_current]
    return [replace(link, is_current=link.address == max(inside, key=len)) if inside else link for link in links]


def tab_links_for(request: HttpRequest) -> list[Link]:
    """Return the first places of the main group, for the bottom bar of a phone."""
    return [link for link in links_for(request) if link.group == "main"][:TAB_LINKS]


def tab_action_for(request: HttpRequest) -> Link | None:
    """Return the one action of the user's role, for the bottom bar of a phone."""
    return next((link for entry in TAB_ACTIONS if (link := _link(entry, request, {})) is not None), None)


def _link(entry: Entry, request: HttpRequest, numbers: dict[str, int]) -> Link | None:
    user = request.user
    if not isinstance(user, User) or (entry.permission is not None and not user.may(entry.permission)):
        return None
    address = reverse(entry.route)
    return Link(
        entry.label,
        entry.icon,
        address,
        request.path == address if address == "/" else request.path.startswith((address, *entry.also)),
        entry.route if entry.route in _counters else "",
        numbers.get(entry.route, 0) if entry.route in _counters else 0,
        entry.key,
        entry.group,
    )
