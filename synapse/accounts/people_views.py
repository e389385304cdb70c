"""The administrator's pages: people and the clinic."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts import people, second_factor, services, tokens
from synapse.accounts.clinic_forms import ClinicForm
from synapse.accounts.decorators import requires
from synapse.accounts.forms import InviteForm, RoleForm
from synapse.accounts.models import ClinicSettings, Invitation, User
from synapse.accounts.roles import Permission, Role
from synapse.accounts.second_factor_views import security_context
from synapse.accounts.step_up import fresh_proof_required
from synapse.common.errors import Conflict
from synapse.notifications import sms
from synapse.notifications.outgoing import EMAIL, SMS, NotSent, Outgoing, PerhapsSent, send
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


@require_GET
@requires(Permission.MANAGE_PEOPLE)
def person_access(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show how a colleague signs in: second factor and tokens."""
    person = get_object_or_404(User, pk=pk)
    context = {
        "person": person,
        "tokens": tokens.tokens_of(person, at=timezone.now()),
        **security_context(person),
    }
    return render_page(request, "accounts/person_access.html", context)


@require_POST
@requires(Permission.MANAGE_PEOPLE)
@fresh_proof_required
def take_away_second_factor(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Let a colleague who lost phone and passkeys sign in with the password, and begin anew."""
    person = get_object_or_404(User, pk=pk)
    second_factor.take_away(person, by=request.user, at=timezone.now())
    name = person.get_full_name()
    if second_factor.is_required():
        messages.success(request, f"{name} is signed out, and sets up a new second factor at the next sign-in.")
    else:
        messages.success(request, f"{name} signs in with the password alone until they set up a new second factor.")
    return redirect("accounts:person_access", pk=person.pk)


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_PEOPLE)
@fresh_proof_required
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
@fresh_proof_required
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
@fresh_proof_required
def deactivate(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Close somebody's account at once."""
    person = get_object_or_404(User, pk=pk)
    people.deactivate_person(person, by=request.user, at=timezone.now())
    messages.success(request, f"{person.get_full_name()} is signed out everywhere and can't sign in any more.")
    return redirect("accounts:people")


@require_POST
@requires(Permission.MANAGE_PEOPLE)
@fresh_proof_required
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
    context = {"offers_sms": sms.is_offered(), "own_phone": services.profile_of(request.user).phone}
    return render_page(request, "accounts/clinic.html", context, form=form)


@require_POST
@requires(Permission.MANAGE_CLINIC)
def test_message(request: ClinicRequest) -> HttpResponse:
    """Send the person a message the way patients get theirs, and say what came of it."""
    channel = SMS if request.POST.get("channel") == SMS else EMAIL
    to = services.profile_of(request.user).phone if channel == SMS else request.user.email
    clinic = ClinicSettings.load().name
    text = f"This is a test message from {clinic}. Patients' messages arrive the same way."
    if not to:
        messages.error(request, "Put your phone number into your profile first.")
        return redirect("accounts:clinic")
    try:
        send(channel, Outgoing(key=str(uuid4()), to=to, text=text, subject=f"Test message from {clinic}"))
    except (NotSent, PerhapsSent) as error:
        messages.error(request, f"The test message was not sent: {error.code}. Check the settings of the server.")
    else:
        messages.success(request, f"The test message is on its way to {to}.")
    return redirect("accounts:clinic")


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
