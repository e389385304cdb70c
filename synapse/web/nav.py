"""What the rail and the bottom bar show to whom, and what apps above feed into them.

Apps call `register_count` and `register_live_session` in their AppConfig.ready(); both run once per full page at most.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from synapse.accounts.models import User
from synapse.accounts.roles import Permission


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
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


@dataclass(frozen=True)
class Entry:
    """One link: where it goes, what opens it, which addresses belong to it, the letter after G."""

    label: str
    icon: str
    route: str
    permission: Permission | None = None
    key: str = ""
    group: str = "main"


@dataclass(frozen=True)
class Link:
    """An entry as one user sees it on one page."""

    label: str
    icon: str
    address: str
    is_current: bool
    count: int
    key: str
    group: str


P = Permission
ENTRIES = (
    Entry("Today", "layout-dashboard", "dashboard:home", P.CONDUCT_SESSIONS, "t"),
    Entry("Overview", "layout-dashboard", "dashboard:home", P.MANAGE_CLINIC, "t"),
    Entry("Calendar", "calendar-event", "scheduling:calendar", P.VIEW_CALENDAR, "c"),
    Entry("Patients", "users", "patients:list", P.VIEW_PATIENTS, "p"),
    Entry("Sessions", "microphone", "sessions:list", P.VIEW_SESSIONS, "s"),
    Entry("Reports", "file-text", "reports:list", P.VIEW_REPORTS, "r"),
    Entry("Billing", "receipt-2", "billing:list", P.VIEW_BILLS, "b"),
    Entry("Templates", "template", "report_templates:list", P.WRITE_TEMPLATES, group="setup"),
    Entry("Clinic templates", "template", "report_templates:list", P.MANAGE_CLINIC_TEMPLATES, group="setup"),
    Entry("People", "users-group", "accounts:people", P.MANAGE_PEOPLE, group="setup"),
    Entry("Clinic", "building", "accounts:clinic", P.MANAGE_CLINIC, group="setup"),
    Entry("Audit log", "shield-check", "dashboard:audit", P.VIEW_AUDIT, group="setup"),
    Entry("System", "activity", "dashboard:system", P.VIEW_SYSTEM, group="setup"),
    Entry("Settings", "settings", "accounts:profile", group="setup"),
)
# The round button in the phone's bar: the first one the user may open.
TAB_ACTIONS = (
    Entry("Start a session", "microphone", "sessions:start", P.CONDUCT_SESSIONS),
    Entry("New appointment", "plus", "scheduling:book", P.MANAGE_ALL_APPOINTMENTS),
)
TAB_LINKS = 3

Counter = Callable[[User], int]
LiveSessionFinder = Callable[[User], LiveSession | None]
_counters: dict[str, Counter] = {}
_live_session_finder: list[LiveSessionFinder] = []


def register_count(route: str, counter: Counter) -> None:
    """Show `counter(user)` beside the link to `route` when it is above zero."""
    _counters[route] = counter


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


def links_for(request: HttpRequest) -> list[Link]:
    """Return the links this user may open, with the current one marked and the waiting ones counted."""
    links = [link for entry in ENTRIES if (link := _link(entry, request)) is not None]
    # /settings/clinic/ lies below /settings/: only the nearest link is the current one.
    inside = [link.address for link in links if link.is_current]
    return [replace(link, is_current=link.address == max(inside, key=len)) if inside else link for link in links]


def tab_links_for(request: HttpRequest) -> list[Link]:
    """Return the first places of the main group, for the bottom bar of a phone."""
    return [link for link in links_for(request) if link.group == "main"][:TAB_LINKS]


def tab_action_for(request: HttpRequest) -> Link | None:
    """Return the one action of the user's role, for the bottom bar of a phone."""
    return next((link for entry in TAB_ACTIONS if (link := _link(entry, request)) is not None), None)


def _link(entry: Entry, request: HttpRequest) -> Link | None:
    user = request.user
    if not isinstance(user, User) or (entry.permission is not None and not user.may(entry.permission)):
        return None
    address = reverse(entry.route)
    counter = _counters.get(entry.route)
    return Link(
        entry.label,
        entry.icon,
        address,
        request.path == address if address == "/" else request.path.startswith(address),
        counter(user) if counter else 0,
        entry.key,
        entry.group,
    )
