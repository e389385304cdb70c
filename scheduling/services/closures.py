"""Days and times without visits: the clinic's holidays, and time off of one doctor or of all."""

from datetime import date, datetime

from scheduling import permissions
from scheduling.changes import calendar_changed
from scheduling.models import Holiday, TimeOff
from scheduling.services.slot_checks import BadTime
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError

COUNTRY_LENGTH = 2


class NoSuchCountry(DomainError):
    """The list of holidays is not known."""

    code = "no_such_country"


def list_countries() -> list[tuple[str, str]]:
    """Return the ISO 3166 codes and names of the countries whose holidays are known, by name."""
    from holidays.registry import COUNTRIES

    found = {names[1]: module.replace("_", " ").title() for module, names in COUNTRIES.items()}
    return sorted(((code, name) for code, name in found.items() if len(code) == COUNTRY_LENGTH), key=lambda it: it[1])


def import_holidays(country: str, subdivision: str, year: int, *, by: User, at: datetime) -> int:
    """Close the clinic on a year's public holidays of a country or a part of it; return how many days are new.

    Days that are there already stay as somebody set them. The country is remembered. Raises NotAllowed and
    NoSuchCountry.
    """
    import holidays

    permissions.check_can_plan_clinic(by)
    known = holidays.list_supported_countries().get(country)
    if known is None:
        raise NoSuchCountry("The holidays of this country are not known. Add the days by hand.")
    if subdivision and subdivision not in known:
        raise NoSuchCountry(f"Leave the region empty or use one of: {', '.join(known) or 'none'}.")
    days = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    place = f"{country}-{subdivision}" if subdivision else country
    with audit.unit_of_work():
        present = set(Holiday.objects.filter(day__year=year).values_list("day", flat=True))
        new = [
            Holiday(day=day, name=name[:120], country=place)
            for day, name in sorted(days.items())
            if day.year == year and day not in present
        ]
        Holiday.objects.bulk_create(new)
        clinic = ClinicSettings.load()
        clinic.holiday_country = place[:12]
        clinic.save(update_fields=["holiday_country"])
        audit.record(
            Action.CREATE, by=by, target=clinic, detail={"verb": "import_holidays", "country": place, "year": str(year)}
        )
        calendar_changed()
    return len(new)


def add_holiday(day: date, name: str, *, by: User, at: datetime) -> Holiday:
    """Close the clinic for a day of its own. Raises NotAllowed and Conflict."""
    permissions.check_can_plan_clinic(by)
    with audit.unit_of_work():
        if Holiday.objects.filter(day=day).exists():
            raise Conflict("This day is on the list already.", code="day_listed")
        holiday = Holiday.objects.create(day=day, name=name.strip())
        audit.record(Action.CREATE, by=by, target=holiday)
        calendar_changed()
    return holiday


def set_holiday_closed(holiday: Holiday, *, closed: bool, by: User, at: datetime) -> Holiday:
    """Close the clinic on a listed day, or let it work all the same."""
    permissions.check_can_plan_clinic(by)
    with audit.unit_of_work():
        holiday.is_closed = closed
        holiday.save(update_fields=["is_closed", "updated_at"])
        audit.record(Action.UPDATE, by=by, target=holiday, detail={"verb": "close" if closed else "work"})
        calendar_changed()
    return holiday


def remove_holiday(holiday: Holiday, *, by: User, at: datetime) -> None:
    """Take a day off the list."""
    permissions.check_can_plan_clinic(by)
    with audit.unit_of_work():
        audit.record(Action.DELETE, by=by, target=holiday)
        holiday.delete()
        calendar_changed()


def add_time_off(
    doctor: User | None, *, starts_at: datetime, ends_at: datetime, kind: str, title: str = "", by: User, at: datetime
) -> TimeOff:
    """Take a doctor, or with None every clinician, out of the calendar. Visits that stand there stay.

    Raises NotAllowed and DomainError.
    """
    permissions.check_can_plan(by, doctor)
    if ends_at <= starts_at:
        raise BadTime("The end lies before the beginning.", field="ends_at")
    with audit.unit_of_work():
        time_off = TimeOff.objects.create(
            doctor=doctor, starts_at=starts_at, ends_at=ends_at, kind=kind, title=title.strip(), created_by=by
        )
        audit.record(Action.CREATE, by=by, target=time_off)
        calendar_changed()
    return time_off


def remove_time_off(time_off: TimeOff, *, by: User, at: datetime) -> None:
    """Offer the time again. Raises NotAllowed, and Conflict for an entry of an imported calendar."""
    permissions.check_can_plan(by, time_off.doctor)
    if time_off.calendar_id is not None:
        raise Conflict("This comes from an imported calendar. Change it there.", code="imported")
    with audit.unit_of_work():
        audit.record(Action.DELETE, by=by, target=time_off)
        time_off.delete()
        calendar_changed()
