"""Fetching templates for a door: within scope, by those who keep templates at all."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from reports.models import ReportTemplate
from synapse.accounts.roles import Permission
from synapse.audit.services import record_denial
from synapse.web.http import ClinicRequest


def template_in_scope(request: ClinicRequest, pk: UUID) -> ReportTemplate:
    """Return a template this person may see; otherwise 404, and 403 for whoever keeps none."""
    check_may_keep(request)
    return get_object_or_404(ReportTemplate.objects.visible_to(request.user).select_related("doctor", "parent"), pk=pk)


def check_may_keep(request: ClinicRequest) -> None:
    """Templates are kept by doctors and by administrators, each with a capability of their own."""
    user = request.user
    if not (user.may(Permission.WRITE_TEMPLATES) or user.may(Permission.MANAGE_CLINIC_TEMPLATES)):
        record_denial(request, reason=Permission.WRITE_TEMPLATES.value)
        raise PermissionDenied
