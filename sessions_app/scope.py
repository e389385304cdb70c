"""A session as a door fetches it: in scope, or there is no such page."""

from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from sessions_app import permissions
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User


def session_in_scope(request: HttpRequest, pk: UUID) -> ConsultationSession:
    """Return a session this person may open, with its patient and doctor."""
    assert isinstance(request.user, User)  # `requires` let nobody else in
    visible = ConsultationSession.objects.visible_to(request.user).select_related("patient", "doctor")
    return get_object_or_404(visible, pk=pk)


def session_to_read(request: HttpRequest, pk: UUID) -> ConsultationSession:
    """Return a session whose words this person may read and hear. Raises NotAllowed."""
    session = session_in_scope(request, pk)
    assert isinstance(request.user, User)
    permissions.check_can_read_words(request.user, session)
    return session
