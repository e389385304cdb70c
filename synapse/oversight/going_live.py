"""The list of what an administrator settles before the first patient: most of it checks itself, the rest is confirmed."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from synapse import health
from synapse.accounts import second_factor
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit import seals
from synapse.audit.models import Action, ChainCheck
from synapse.audit.services import record, unit_of_work
from synapse.common import sweeps
from synapse.common.errors import NotAllowed
from synapse.common.models import SweepRun
from synapse.common.readiness import Check, Standing, State, done_when
from synapse.oversight import associates
from synapse.oversight.models import Confirmation

CHECKED_WITHIN = timedelta(days=2)
ENOUGH_DISK = 10 * 1024**3  # bytes: about 700 hours of recordings
SOON_FULL = "Make room, or move the data folder to a larger disk."
DEMO_LOGINS = ("doctor", "doctor2", "receptionist", "admin")
UNSENT_MAIL = ("console", "dummy", "locmem", "filebased")


@dataclass(frozen=True)
class ByHand:
    """Something no program can see; whoever saw to it says so, and when."""

    name: str
    title: str
    text: str


BY_HAND = (
    ByHand(
        "keys-copied",
        "The keys are kept in a second place",
        "A safe or a password manager, not on this machine. Without them nobody reads the data, whatever backup there is.",
    ),
    ByHand(
        "restored-elsewhere",
        "A backup was restored on another machine",
        "Not only the drill on this one: with the keys from their second place, by whoever would do it in need.",
    ),
    ByHand(
        "tls-looked-at",
        "The certificate renews itself",
        "Look at its end and at what renews it; no consultation is recorded behind an expired one.",
    ),
    ByHand(
        "texts-read",
        "The consent texts were read by counsel",
        "They are a beginning in plain words; the law of your place may want others.",
    ),
    ByHand(
        "people-told",
        "Everybody knows what to do when it does not work",
        "Paper for a day, whom to call, and that a recording that was running is not lost.",
    ),
    ByHand(
        "incident-plan",
        "Somebody is named for incidents",
        "Who opens the incident page, who writes to patients and to the authority, and within what time.",
    ),
)


def installation_checks() -> list[Check]:
    """Return what can be seen of settings and processes."""
    return [
        Check("mode", "It runs in production mode", _mode),
        Check("address", "People reach it by https", _address),
        Check("proxy", "It knows who is asking behind a proxy", _proxy),
        Check("processes", "Every part answers", _processes),
        Check("recurring", "Recurring work is done", _recurring),
        Check("disk", "There is room on the disk", _disk),
        Check("mail", "E-mail goes out", _mail),
        Check("demo", "Nobody signs in with a demo login", _demo_logins),
        Check("second-factor", "Everybody has a second factor", _second_factors),
        Check("administrators", "There are two administrators", _administrators),
        Check("chain", "The audit log is whole", _chain),
        Check("seals", "Its end is kept outside the database", _seals),
        Check("associates", "Whoever sees data has signed", _associates),
        Check("clinic", "The clinic has a name and an address", _clinic),
    ]


def confirm(name: str, *, by: User, at: datetime) -> None:
    """Note that a person saw to something of BY_HAND; again, with a newer time. Raises NotAllowed and KeyError."""
    if not by.may(Permission.MANAGE_CLINIC):
        raise NotAllowed("Only the clinic's administrator confirms this.")
    line = {each.name: each for each in BY_HAND}[name]
    with unit_of_work():
        Confirmation.objects.update_or_create(name=line.name, defaults={"confirmed_by": by, "confirmed_at": at})
        record(Action.ADMINISTER, by=by, target=("oversight.Confirmation", line.name), detail={"verb": "confirm"})


def _mode() -> Standing:
    return done_when(
        settings.IS_PRODUCTION,
        "SYNAPSE_MODE is production.",
        "It runs in demo mode: demo data may be loaded, cookies are not bound to https.",
        "Set SYNAPSE_MODE=production and start again with fresh keys and an empty database.",
    )


def _address() -> Standing:
    return done_when(
        settings.BASE_URL.startswith("https://"),
        settings.BASE_URL,
        f"BASE_URL is {settings.BASE_URL}.",
        "Put a proxy with a certificate in front (deploy/nginx) and set BASE_URL=https://…",
    )


def _proxy() -> Standing:
    if settings.TRUSTED_PROXIES:
        return Standing(State.DONE, f"Addresses are believed from {', '.join(settings.TRUSTED_PROXIES)} only.")
    return Standing(
        State.LOOK,
        "No proxy is named: behind one, the audit log shows the proxy’s address for everybody.",
        "Set TRUSTED_PROXIES to the proxy’s address, or leave it where there is none.",
    )


def _processes() -> Standing:
    ill = [name for name, look in health.CHECKS.items() if look() != health.OK]
    return done_when(
        not ill,
        "Database, recordings, keys, background work and speech answer.",
        f"Not well: {', '.join(ill)}.",
        "Look at the System page, and whether worker and speech run (`manage.py up`, or deploy/systemd).",
    )


def _recurring() -> Standing:
    now = timezone.now()
    runs = SweepRun.objects.in_bulk([sweep.name for sweep in sweeps.registered()])
    late = [
        sweep.name
        for sweep in sweeps.registered()
        if sweep.name not in runs
        or now - runs[sweep.name].started_at > 2 * sweep.every + timedelta(minutes=1)
        or runs[sweep.name].outcome not in {"", "ok"}
    ]
    return done_when(
        not late,
        f"{len(runs)} kinds of it ran on time.",
        f"Late or failed: {', '.join(late[:5])}{' and more' if len(late) > 5 else ''}.",
        "Start the worker; a kind that has just come runs within its interval.",
    )


def _disk() -> Standing:
    free = shutil.disk_usage(settings.DATA_DIR).free
    return done_when(
        free >= ENOUGH_DISK, f"{free // 1024**3} GB are free.", f"Only {free // 1024**3} GB are free.", SOON_FULL
    )


def _mail() -> Standing:
    kind = settings.EMAIL_BACKEND.rsplit(".", 2)[-2]
    return done_when(
        kind not in UNSENT_MAIL,
        f"It goes through {settings.EMAIL_HOST}.",
        "E-mail is only written to the log: no reminder, no invitation and no link reaches anybody.",
        "Set EMAIL_URL, such as smtp+tls://user:password@host:587.",
    )


def _demo_logins() -> Standing:
    names = list(User.objects.filter(username__in=DEMO_LOGINS, is_active=True).values_list("username", flat=True))
    return done_when(
        not names,
        "There is none.",
        f"These names are those of the demo clinic: {', '.join(sorted(names))}.",
        "Close them on the People page, or begin with an empty database.",
    )


def _second_factors() -> Standing:
    without = sum(not second_factor.is_on(user) for user in User.objects.filter(is_active=True))
    return done_when(
        not without,
        "All active people have one.",
        f"{without} active {'person has' if without == 1 else 'people have'} none.",
        "In production they are led to it when they sign in; close accounts nobody uses.",
    )


def _administrators() -> Standing:
    count = sum(user.may(Permission.MANAGE_PEOPLE) for user in User.objects.filter(is_active=True))
    return done_when(
        count >= 2,
        f"There are {count}.",
        "There is one: who loses the second factor has nobody who gives it back.",
        "Invite a second one on the People page.",
    )


def _chain() -> Standing:
    last = ChainCheck.objects.order_by("-checked_at").first()
    if last is None or timezone.now() - last.checked_at > CHECKED_WITHIN:
        return Standing(State.OPEN, "It was not checked in the last two days.", "Check it under Privacy, Audit log.")
    return done_when(
        last.is_whole,
        f"{last.events:,} rows were found whole.",
        f"Row {last.broken_seq} is broken: {last.reason}.",
        "Open an incident and find out who had the database.",
    )


def _seals() -> Standing:
    kept = list(seals.read_seals())
    return done_when(
        bool(kept),
        f"{len(kept):,} ends are kept, the last {kept[-1].short if kept else ''}.",
        "None is kept yet.",
        "Start the worker; the first is written within the hour.",
    )


def _associates() -> Standing:
    today = ClinicSettings.load().date_of(timezone.now())
    bare = [used.service.label for used in associates.overview(today=today) if not used.is_covered]
    return done_when(
        not bare,
        "Every service the settings name has an agreement on record, or there is none.",
        f"No agreement on record: {', '.join(bare)}.",
        "Note it under Clinic → Agreements, or take the service out of the settings.",
    )


def _clinic() -> Standing:
    clinic = ClinicSettings.load()
    return done_when(
        clinic.name not in {"", "Clinic"} and bool(clinic.address),
        f"{clinic.name}.",
        "Reports, bills and messages would go out without it.",
        "Fill it in on the Clinic page.",
    )
