"""The administrator's pages: people and the clinic."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts import people, services
from synapse.accounts.decorators import requires
from synapse.accounts.forms import ClinicForm, InviteForm, RoleForm
from synapse.accounts.models import ClinicSettings, Invitation, User
from synapse.accounts.roles import Permission, Role
from synapse.common.errors import Conflict
from synapse.notifications.services import NotDelivered, deliver
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.MANAGE_PEOPLE)
def people_list(request: ClinicRequest) -> HttpResponse:
    """List everybody who has or is offered an account."""
    now = timezone.now()
    open_invitations = Invitation.objects.filter(used_at=None, revoked_at=None, expires_at__gt=now)
    context = {
        "people": User.objects.select_related("profile").order_by("-is_active", "last_name", "first_name", "username"),
        "invitations": open_invitations.order_by("expires_at"),
        "roles": Role.choices,
    }
    return render_page(request, "accounts/people.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_PEOPLE)
def invite(request: ClinicRequest) -> HttpResponse:
    """Invite a colleague by mail and show the link, once, to hand it over in another way."""
    form = InviteForm(request.POST or None)
    if not form.is_valid():
        return render_page(request, "accounts/invite.html", form=form)
    data = form.cleaned_data
    try:
        sent = people.invite_person(
            data["email"],
            data["role"],
            by=request.user,
            at=timezone.now(),
            first_name=data["first_name"],
            last_name=data["last_name"],
        )
    except Conflict as error:
        form.add_error("email", str(error))
        return render_page(request, "accounts/invite.html", form=form)
    link = request.build_absolute_uri(sent.path)
    return render_page(
        request,
        "accounts/invited.html",
        {"invitation": sent.invitation, "link": link, "is_mailed": _mail_invitation(sent, by=request.user)},
    )


@require_POST
@requires(Permission.MANAGE_PEOPLE)
def revoke_invitation(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """End an open invitation."""
    people.revoke_invitation(get_object_or_404(Invitation, pk=pk), by=request.user, at=timezone.now())
    messages.success(request, "Invitation ended.")
    return redirect("accounts:people")


@require_POST
@requires(Permission.MANAGE_PEOPLE)
def change_role(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give somebody another role."""
    person = get_object_or_404(User, pk=pk)
    form = RoleForm(request.POST)
    if form.is_valid():
        people.change_role(person, form.cleaned_data["role"], by=request.user)
        messages.success(request, f"{person.get_full_name()} now works as {person.get_role_display().lower()}.")
    else:
        messages.error(request, "Choose one of the three roles.")
    return redirect("accounts:people")


@require_POST
@requires(Permission.MANAGE_PEOPLE)
def deactivate(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Close somebody's account at once."""
    person = get_object_or_404(User, pk=pk)
    people.deactivate_person(person, by=request.user)
    messages.success(request, f"{person.get_full_name()} is signed out everywhere and can't sign in any more.")
    return redirect("accounts:people")


@require_POST
@requires(Permission.MANAGE_PEOPLE)
def reactivate(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Open somebody's account again."""
    person = get_object_or_404(User, pk=pk)
    people.reactivate_person(person, by=request.user)
    messages.success(request, f"{person.get_full_name()} can sign in again.")
    return redirect("accounts:people")


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def clinic(request: ClinicRequest) -> HttpResponse:
    """Show and change the clinic's settings."""
    form = ClinicForm(request.POST or None, instance=ClinicSettings.load())
    if form.is_valid():
        services.update_clinic(form.cleaned_data, by=request.user)
        messages.success(request, "Clinic settings saved.")
        return redirect("accounts:clinic")
    return render_page(request, "accounts/clinic.html", form=form)


def _mail_invitation(sent: people.SentInvitation, *, by: User) -> bool:
    """Mail the link; its secret exists only in this request, so no background job can do it."""
    invitation = sent.invitation
    context = {
        "name": invitation.first_name,
        "inviter": by.display_name,
        "clinic": ClinicSettings.load().name,
        "role": invitation.get_role_display().lower(),
        "path": sent.path,
        "expires_at": timezone.localtime(invitation.expires_at),
    }
    try:
        deliver("invitation", invitation.email, context)
    except NotDelivered:
        return False
    return True
