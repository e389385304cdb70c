"""The parts that pages are built from. The library is a builtin: no {% load %} needed. See them all at /gallery/.

A page extends base.html and fills its blocks:
    title      what the tab says before " – SynapseAI"
    css        page styles: <link rel="stylesheet" href="{% static 'css/patients.css' %}"> (home, transcript, session,
               review, calendar, patients, templates, billing, settings; base, components and forms are always there)
    heading    left side of the top bar: <h1 class="grow">Patients</h1>, or crumbs and the <h1>
    actions    right side of the top bar (buttons)
    topbar     the whole top bar, when a page has none or its own (then place {% recording_chip %} in it)
    content    what is inside <main class="page" id="main">
    main       the whole <main>, for pages that fill the screen (calendar, review, session)
    js         page modules: <script type="module" src="{% static 'js/recorder.js' %}"></script>
Set {% block tabbar %}{% endblock %} on pages with a save bar: a phone shows one bottom bar.

Tags
    {% icon "users" %}  {% icon "check" "s" %}            one of static/icons.svg; "s" is the small size
    {% card "Title" %}…{% endcard %}                      options: id, pad=False (lists, tables), cls, link, link_label
    {% field form.phone %}                                label, hint, error above, control by widget; options: cls
                                                          ("span2"), pre="+91", post="min", type attributes stay on the
                                                          widget; optional=False hides "(optional)"; check
                                                          boxes become switches (cls="check": a tick box)
    {% error_summary form %}                              first thing in a form; several forms may be given
    {% status_pill bill %}                                icon and word of obj.status
    {% chip "Penicillin allergy" "rec" "alert-triangle" %} kinds: ok warn rec info violet brand line
    {% avatar patient.name %}                             initials, colour from the name; options: cls="lg"
    {% note "warn" title="No sound" %}…{% endnote %}      kinds: info ok warn rec
    {% empty "No reports yet" text="…" icon="file-text" %}<a class="btn primary">…</a>{% endempty %}
    {% modal "cancel-visit" "Cancel this visit" %}…{% endmodal %}    opened by data-dialog-open="cancel-visit"
    {% table "Bills of this patient" %}<thead>…{% endtable %}        caption for screen readers, scrolls sideways alone
    {% pager page_obj %}                                  keeps the other query parameters
    {% segmented "State" choices current "state" %}       choices are (value, label) pairs; links with ?state=value
    {% fact "Phone" patient.phone_primary %}              one row of <dl class="kv">; "Not recorded" when empty
    {% when at %}  {% when at "time" %} {% when at "date" %}   <time> in the user's zone: "Today, 10:24", "2 Sep 2025"
    {% when_within at %}  {% when_within at "date" %}     the same behind other words: "Signed today, 10:24"
    {% recording_chip %}                                  red pill while the user has a live session
    {% emergency_strips %}                                red strip while a record is open in an emergency
Scripts find their elements by data-dialog-open, data-dialog-close, data-reveal, data-submit-on-change, data-key="m".
"""

import zlib
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.core.paginator import Page
from django.db.models import Model
from django.forms import BaseForm, BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select, Textarea
from django.forms.widgets import ClearableFileInput
from django.http import HttpRequest
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.web import nav
from synapse.web.forms import DateThreeFieldsWidget
from synapse.web.status import look_of

register = template.Library()

NOTE_ICONS = {"info": "info-circle", "ok": "circle-check", "warn": "alert-triangle", "rec": "alert-triangle"}
AVATAR_COLOURS = ("", "b", "v", "n", "w")
NEAR = {0: "Today", -1: "Yesterday", 1: "Tomorrow"}


@register.simple_tag
def icon(name: str, cls: str = "") -> SafeString:
    """Draw one icon of the sprite; it says nothing to a screen reader, so a word belongs beside it."""
    return _draw_icon(static("icons.svg"), name, cls)


@lru_cache(maxsize=512)
def _draw_icon(sprite: str, name: str, cls: str) -> SafeString:
    """Return the markup of an icon; a calendar draws the same ten some hundred times."""
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', f"i {cls}".strip(), sprite, name)


@register.simple_block_tag
def card(
    content: str,
    title: str = "",
    *,
    id: str = "",  # noqa: A002 -- named for the attribute it becomes
    pad: bool = True,
    cls: str = "",
    link: str = "",
    link_label: str = "",
) -> SafeString:
    """Frame content under a heading; the section is named by it."""
    return _render(
        "card",
        content=content,
        title=title,
        id=id or f"card-{zlib.crc32(title.encode()):x}",
        pad=pad,
        cls=cls,
        link=link,
        link_label=link_label,
    )


@register.simple_block_tag
def note(content: str, kind: str = "info", *, title: str = "", icon: str = "", cls: str = "") -> SafeString:
    """Say something beside the work: info, ok, warn or rec (red: risk and recording only)."""
    icons = {"info": "info-circle", "ok": "circle-check", "warn": "alert-triangle", "rec": "alert-triangle"}
    return _render(
        "note", content=content, kind=kind, title=title, icon=icon or icons.get(kind, "info-circle"), cls=cls
    )


@register.simple_block_tag
def empty(content: str, title: str, *, text: str = "", icon: str = "clipboard-text") -> SafeString:
    """Say what will appear here; the content is the one action that makes it appear."""
    return _render("empty", content=content, title=title, text=text, icon=icon)


@register.simple_block_tag
def modal(  # the id is what data-dialog-open names
    content: str,
    id: str,  # noqa: A002
    title: str,
    *,
    cls: str = "",
    auto: bool = False,
) -> SafeString:
    """Wrap content in a dialog; `auto` opens it as soon as the page or fragment arrives."""
    return _render("modal", content=content, id=id, title=title, cls=cls, auto=auto)


@register.simple_block_tag
def table(content: str, caption: str, *, cls: str = "") -> SafeString:
    """Wrap thead and tbody; the caption is for screen readers and only the table scrolls sideways."""
    return format_html(
        '<div class="scroll-x" role="group" aria-label="{}" tabindex="0">'
        '<table class="{}"><caption class="vh">{}</caption>{}</table></div>',
        caption,
        f"tbl {cls}".strip(),
        caption,
        content,
    )


@register.simple_tag
def field(
    bound: BoundField,
    cls: str = "",
    *,
    pre: str = "",
    post: str = "",
    label: str = "",
    reveal: bool = False,
    optional: bool = True,
) -> SafeString:
    """Draw a form field with label, hint, error above the control, and the control its widget asks for."""
    widget = bound.field.widget
    shape = _shape_of(bound, cls)
    parts: list[dict[str, Any]] = []
    if shape == "date":
        attrs = bound.build_widget_attrs({"id": bound.auto_id})
        parts = widget.get_context(bound.html_name, bound.value(), attrs)["widget"]["subwidgets"]
    if shape == "area":
        bound.field.widget.attrs.setdefault("class", "ta")
        bound.field.widget.attrs.setdefault("rows", 3)
    return _render(
        "field",
        bound=bound,
        shape=shape,
        cls=cls,
        pre=pre,
        post=post,
        label=label or bound.label,
        reveal=reveal,
        parts=list(zip(("Day", "Month", "Year"), parts, strict=False)),
        is_optional=optional and not bound.field.required,
    )


def _shape_of(bound: BoundField, cls: str) -> str:
    widget = bound.field.widget
    if widget.is_hidden:
        return "hidden"
    if isinstance(widget, DateThreeFieldsWidget):
        return "date"
    if isinstance(widget, CheckboxInput):
        return "check" if "check" in cls.split() else "switch"
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        return "pick"
    if isinstance(widget, Textarea):
        return "area"
    if isinstance(widget, ClearableFileInput):
        return "file"
    if isinstance(widget, Select):
        return "select"
    return "text"


@register.simple_tag
def error_summary(*forms: BaseForm) -> SafeString:
    """List every error of the forms with a link to its field; nothing when there is none."""
    general: list[str] = []
    linked: list[tuple[str, str]] = []
    for form in forms:
        if not form.is_bound:
            continue
        for name, errors in form.errors.items():
            if name == "__all__":
                general.extend(str(error) for error in errors)
                continue
            bound = form[name]
            target = bound.auto_id
            if isinstance(bound.field.widget, DateThreeFieldsWidget | RadioSelect | CheckboxSelectMultiple):
                target = f"{bound.auto_id}_0"
            linked.extend((target, str(error)) for error in errors)
    if not general and not linked:
        return SafeString("")
    return _render("error_summary", general=general, linked=linked)


@register.simple_tag
def chip(text: object, kind: str = "", icon: str = "") -> SafeString:
    """Draw a small label: always a word, and an icon when the kind has a meaning."""
    return _render("chip", text=text, kind=kind, icon=icon)


@register.simple_tag
def status_pill(obj: Model) -> SafeString:
    """Draw the status of a row: colour, icon and the word of its choice."""
    look = look_of(obj)
    return _render("chip", text=look.word, kind=look.kind, icon=look.icon)


@register.simple_tag
def avatar(name: object, cls: str = "") -> SafeString:
    """Draw the initials of a name; the colour follows the name, so a person keeps theirs."""
    words = [word for word in str(name).split() if word.lower() not in {"dr", "dr."}]
    initials = (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper() if words else "?"
    colour = AVATAR_COLOURS[zlib.crc32(str(name).encode()) % len(AVATAR_COLOURS)]
    return format_html(
        '<span class="{}" aria-hidden="true">{}</span>', " ".join(f"av {colour} {cls}".split()), initials
    )


@register.simple_tag(takes_context=True)
def pager(context: Context, page: Page[Any]) -> SafeString:
    """Draw previous, next and the count; the other query parameters stay."""
    query = context["request"].GET.copy()

    def address(number: int) -> str:
        query["page"] = str(number)
        return f"?{query.urlencode()}"

    return _render(
        "pager",
        page=page,
        previous=address(page.previous_page_number()) if page.has_previous() else "",
        next=address(page.next_page_number()) if page.has_next() else "",
    )


@register.simple_tag(takes_context=True)
def segmented(
    context: Context, label: str, choices: list[tuple[str, str]], current: str, parameter: str = "show"
) -> SafeString:
    """Draw links that choose one view of a list, by a query parameter; a change starts at page one."""
    query = context["request"].GET.copy()
    query.pop("page", None)
    links = []
    for value, text in choices:
        query[parameter] = str(value)
        links.append({"address": f"?{query.urlencode()}", "text": text, "is_current": str(value) == str(current)})
    return _render("segmented", label=label, links=links)


@register.simple_tag
def fact(label: str, value: object, *, missing: str = "Not recorded", num: bool = False) -> SafeString:
    """Draw one row of <dl class="kv">; an empty value says so in words."""
    if value in (None, ""):
        shown: object = format_html('<span class="faint">{}</span>', missing)
    else:
        shown = format_html('<span class="num">{}</span>', value) if num else value
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, shown)


@register.simple_tag
def when(at: datetime | date | None, style: str = "both") -> SafeString:
    """Write a moment in the reader's zone: "Today, 10:24", "2 Sep, 10:24"; style is both, date or time."""
    return _moment(at, style, NEAR)


@register.simple_tag
def when_within(at: datetime | date | None, style: str = "both") -> SafeString:
    """Write a moment as `when` does, behind other words: "today, 10:24"."""
    return _moment(at, style, {days: word.lower() for days, word in NEAR.items()})


@register.simple_tag(takes_context=True)
def recording_chip(context: Context) -> SafeString:
    """Draw the red pill that leads back to the user's live session, while there is one."""
    request: HttpRequest | None = context.get("request")
    live = nav.live_session_of(request) if request is not None else None
    return _render("recording_chip", live=live) if live else SafeString("")


@register.simple_tag(takes_context=True)
def emergency_strips(context: Context) -> SafeString:
    """Draw a red strip for each record the user has open in an emergency."""
    request: HttpRequest | None = context.get("request")
    found = nav.emergencies_of(request) if request is not None else []
    return (
        _render("emergency_strips", emergencies=found, csrf_token=context.get("csrf_token"))
        if found
        else SafeString("")
    )


@register.simple_tag(takes_context=True)
def find_box(context: Context, place: str) -> SafeString:
    """Draw the patient search for those who may search; `place` keeps the ids apart (rail, sheet)."""
    user = getattr(context.get("request"), "user", None)
    if not isinstance(user, User) or not user.may(Permission.VIEW_PATIENTS):
        return SafeString("")
    return _render("find_box", place=place, address=reverse("patients:search"))


def _render(component: str, **context: Any) -> SafeString:
    return render_to_string(f"components/{component}.html", context)


def _moment(at: datetime | date | None, style: str, near: dict[int, str]) -> SafeString:
    if at is None:
        return SafeString("")
    local = timezone.localtime(at) if isinstance(at, datetime) else at
    day = local.date() if isinstance(local, datetime) else local
    today = timezone.localdate()
    words = near.get((day - today).days) or formats.date_format(day, "j M" if day.year == today.year else "j M Y")
    clock = formats.time_format(local, "G:i") if isinstance(local, datetime) else ""
    text = words if style == "date" or not clock else clock if style == "time" else f"{words}, {clock}"
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), text)
