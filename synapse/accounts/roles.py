"""What each role may do. Code asks for a capability; only this file and `visible_to` know roles by name."""

from django.db import models


class Role(models.TextChoices):
    DOCTOR = "doctor", "Doctor"
    RECEPTIONIST = "receptionist", "Receptionist"
    ADMIN = "admin", "Administrator"


class Permission(models.TextChoices):
    """One capability."""

    VIEW_PATIENTS = "view_patients"
    VIEW_ALL_PATIENTS = "view_all_patients"
    EDIT_PATIENTS = "edit_patients"
    VIEW_CLINICAL = "view_clinical"
    EDIT_CLINICAL = "edit_clinical"
    SHARE_PATIENTS = "share_patients"
    IMPORT_RECORDS = "import_records"
    EXPORT_RECORDS = "export_records"
    DECIDE_AMENDMENTS = "decide_amendments"
    RECORD_CONSENT = "record_consent"
    VIEW_CALENDAR = "view_calendar"
    MANAGE_ALL_APPOINTMENTS = "manage_all_appointments"
    VIEW_SESSION_TIMES = "view_session_times"
    VIEW_SESSIONS = "view_sessions"
    CONDUCT_SESSIONS = "conduct_sessions"
    MOVE_ANY_SESSION = "move_any_session"
    VIEW_REPORTS = "view_reports"
    WRITE_REPORTS = "write_reports"
    HAND_OVER_REPORTS = "hand_over_reports"
    WRITE_TEMPLATES = "write_templates"
    MANAGE_CLINIC_TEMPLATES = "manage_clinic_templates"
    VIEW_BILLS = "view_bills"
    RECORD_PAYMENTS = "record_payments"
    REFUND_BILLS = "refund_bills"
    ERASE_PATIENTS = "erase_patients"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_CLINIC = "manage_clinic"
    OPEN_IN_EMERGENCY = "open_in_emergency"
    REVIEW_EMERGENCIES = "review_emergencies"
    VIEW_AUDIT = "view_audit"
    VIEW_SYSTEM = "view_system"


P = Permission
CAPABILITIES: dict[str, frozenset[Permission]] = {
    Role.DOCTOR: frozenset(
        {
            P.VIEW_PATIENTS,
            P.EDIT_PATIENTS,
            P.VIEW_CLINICAL,
            P.EDIT_CLINICAL,
            P.SHARE_PATIENTS,
            P.EXPORT_RECORDS,
            P.DECIDE_AMENDMENTS,
            P.RECORD_CONSENT,
            P.VIEW_CALENDAR,
            P.VIEW_SESSION_TIMES,
            P.VIEW_SESSIONS,
            P.CONDUCT_SESSIONS,
            P.VIEW_REPORTS,
            P.WRITE_REPORTS,
            P.WRITE_TEMPLATES,
            P.VIEW_BILLS,
            P.RECORD_PAYMENTS,
            P.REFUND_BILLS,
            P.OPEN_IN_EMERGENCY,
        }
    ),
    Role.RECEPTIONIST: frozenset(
        {
            P.VIEW_PATIENTS,
            P.VIEW_ALL_PATIENTS,
            P.IMPORT_RECORDS,
            P.EDIT_PATIENTS,
            P.RECORD_CONSENT,
            P.VIEW_CALENDAR,
            P.MANAGE_ALL_APPOINTMENTS,
            P.VIEW_SESSION_TIMES,
            P.HAND_OVER_REPORTS,
            P.VIEW_BILLS,
            P.RECORD_PAYMENTS,
        }
    ),
    Role.ADMIN: frozenset(
        {
            P.VIEW_PATIENTS,
            P.VIEW_ALL_PATIENTS,
            P.IMPORT_RECORDS,
            P.EDIT_PATIENTS,
            P.VIEW_CLINICAL,
            P.SHARE_PATIENTS,
            P.EXPORT_RECORDS,
            P.DECIDE_AMENDMENTS,
            P.RECORD_CONSENT,
            P.VIEW_CALENDAR,
            P.MANAGE_ALL_APPOINTMENTS,
            P.VIEW_SESSION_TIMES,
            P.VIEW_SESSIONS,
            P.MOVE_ANY_SESSION,
            P.VIEW_REPORTS,
            P.MANAGE_CLINIC_TEMPLATES,
            P.VIEW_BILLS,
            P.RECORD_PAYMENTS,
            P.REFUND_BILLS,
            P.ERASE_PATIENTS,
            P.MANAGE_PEOPLE,
            P.MANAGE_CLINIC,
            P.REVIEW_EMERGENCIES,
            P.VIEW_AUDIT,
            P.VIEW_SYSTEM,
        }
    ),
}
