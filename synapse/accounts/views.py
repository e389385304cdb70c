"""Pages before sign-in, and one's own settings. The people pages are in `people_views.py`."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts import browser_sessions, choices, people, second_factor, services, sign_in_steps
from synapse.accounts.browser_sign_in import ask_for_code, ask_to_set_up, open_session
from synapse.accounts.forms import (
    ChangePasswordForm,
    ForgotPasswordForm,
    JoinForm,
    NewPasswordForm,
    NotificationsForm,
    ProfileForm,
    SignInForm,
)
from synapse.accounts.models import User
from synapse.accounts.passkeys import PasskeyRefused
from synapse.accounts.profiles import ProfileRefused
from synapse.accounts.proof import SignInCodeForm, answer_in
from synapse.accounts.second_factor_views import security_context
from synapse.accounts.throttle import TooManyTries
from synapse.audit.context import current as request_origin
from synapse.web.http import ClinicRequest, next_page_of, render_page

RESET_SESSION_KEY = "password_reset_link"


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in and go on to where the user wanted to be."""
    target = next_page_of(request)
    if request.user.is_authenticated:
        return redirect(target)
    form = SignInForm(request.POST or None)
    warning = ""
    status = None
    if form.is_valid():
        try:
            user = services.check_credentials(
                request,
                form.cleaned_data["name"],
                form.cleaned_data["password"],
                address=request_origin().ip,
                at=timezone.now(),
            )
        except second_factor.SecondFactorNeeded as needed:
            return ask_for_code(request, needed.user, target, at=timezone.now())
        except second_factor.SecondFactorMissing as missing:
            return ask_to_set_up(request, missing.user, target, at=timezone.now())
        except (services.SignInRefused, TooManyTries) as error:
            form.add_error(None, str(error))
            warning = getattr(error, "warning", "")
            status = 429 if isinstance(error, TooManyTries) else 422
        else:
            return open_session(request, user, redirect(target), at=timezone.now())
    context = {"next": request.GET.get("next", ""), "warning": warning}
    return render_page(request, "registration/sign_in.html", context, form=form, status=status)


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """Take the code, or the passkey, of somebody whose password this browser gave a moment ago."""
    now = timezone.now()
    user = sign_in_steps.waiting_user(request.session, at=now)
    target = next_page_of(request)
    if user is None:
        return redirect(f"{reverse('accounts:sign_in')}?{urlencode({'next': target})}")
    form = SignInCodeForm(request.POST or None, user=user)
    status = None
    if form.is_valid():
        answer = answer_in(form, request.session, user, at=now)
        try:
            services.complete_sign_in(user, form.cleaned_data.get("code", ""), answer, at=now)
        except (second_factor.SecondFactorRefused, PasskeyRefused, TooManyTries) as error:
            form.add_error("code", error.message)
            status = 429 if isinstance(error, TooManyTries) else 422
        except second_factor.SecondFactorMissing:  # an administrator took it away meanwhile
            return ask_to_set_up(request, user, target, at=now)
        else:
            return open_session(request, user, redirect(target), at=now)
    return render_page(request, "registration/sign_in_code.html", {"next": target}, form=form, status=status)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session. Un-acknowledged audio in the browser stays, so only the cache is cleared."""
    if isinstance(request.user, User):
        services.record_sign_out(request.user)
    logout(request)
    response = redirect("accounts:sign_in")
    response["Clear-Site-Data"] = '"cache"'
    return response


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Ask for a link by mail; the answer is the same for every address."""
    form = ForgotPasswordForm(request.POST or None)
    if form.is_valid():
        email = form.cleaned_data["email"]
        services.request_password_reset(email, address=request_origin().ip, at=timezone.now())
        return render_page(request, "registration/forgot_password_sent.html", {"email": email})
    return render_page(request, "registration/forgot_password.html", form=form)


@login_not_required
@never_cache
@require_GET
def open_reset(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Move the link from the address into the session, so that it is in no history and no Referer."""
    if services.user_of_reset(uid, token) is None:
        return render_page(request, "registration/link_gone.html", {"kind": "reset"}, status=404)
    request.session[RESET_SESSION_KEY] = [uid, token]
    return redirect("accounts:reset_password")


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def reset_password(request: HttpRequest) -> HttpResponse:
    """Choose a new password with the link of `open_reset`; it works once."""
    uid, token = request.session.get(RESET_SESSION_KEY, ("", ""))
    user = services.user_of_reset(uid, token)
    if user is None:
        return render_page(request, "registration/link_gone.html", {"kind": "reset"}, status=404)
    form = NewPasswordForm(request.POST or None, user=user)
    if form.is_valid():
        services.change_password(
            user, form.cleaned_data["new_password"], by=user, at=timezone.now(), verb="reset_password"
        )
        del request.session[RESET_SESSION_KEY]
        messages.success(request, "Your new password is set. Sign in with it.")
        return redirect("accounts:sign_in")
    return render_page(request, "registration/reset_password.html", {"email": user.email}, form=form)


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Let an invited colleague choose a password; only sending the form uses the link up."""
    now = timezone.now()
    try:
        invitation = people.find_invitation(token, at=now)
        future = User(username=invitation.email, email=invitation.email)
        names = {"first_name": invitation.first_name, "last_name": invitation.last_name}
        form = JoinForm(request.POST or None, user=future, initial=names)
        if form.is_valid():
            user = people.accept_invitation(
                invitation,
                first_name=form.cleaned_data["first_name"],
                last_name=form.cleaned_data["last_name"],
                password=form.cleaned_data["new_password"],
                at=now,
            )
            home = reverse("dashboard:home")
            if second_factor.is_required():
                return ask_to_set_up(request, user, home, at=now)
            return open_session(request, user, redirect(home), at=now)
    except people.InvitationGone:
        return render_page(request, "registration/link_gone.html", {"kind": "invitation"}, status=404)
    return render_page(request, "registration/join.html", {"invitation": invitation}, form=form)


@require_http_methods(["GET", "POST"])
def profile(request: ClinicRequest) -> HttpResponse:
    """Show and change one's own profile."""
    own = services.profile_of(request.user)
    form = ProfileForm(request.POST or None, request.FILES or None, user=request.user, instance=own)
    if form.is_valid():
        password, now = form.cleaned_data["current_password"], timezone.now()
        try:
            services.check_email_change(request.user, form.changes, by=request.user, at=now, password=password)
            services.update_profile(request.user, form.changes, by=request.user, at=now)
        except ProfileRefused as error:
            for field, said in error.fields.items():
                form.add_error(field, said)
        except TooManyTries as error:
            form.add_error("current_password", error.message)
        else:
            messages.success(request, "Profile saved.")
            return redirect("accounts:profile")
    return render_page(request, "accounts/profile.html", {"has_logo": bool(own.logo)}, form=form)


@require_GET
def logo(request: ClinicRequest) -> HttpResponse:
    """Send one's own logo."""
    picture = services.profile_of(request.user).logo
    if not picture:
        return HttpResponse(status=404)
    return HttpResponse(bytes(picture), content_type="image/png")


@require_POST
def remove_logo(request: ClinicRequest) -> HttpResponse:
    """Take the logo off one's documents."""
    services.update_profile(request.user, {"logo": None}, by=request.user, at=timezone.now())
    messages.success(request, "Logo removed.")
    return redirect("accounts:profile")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def security(request: ClinicRequest) -> HttpResponse:
    """Show where one is signed in; change one's own password: this browser stays signed in, all others do not."""
    form = ChangePasswordForm(request.POST or None, user=request.user)
    if form.is_valid() and _is_password_right(request, form):
        staying = browser_sessions.id_of(request.session)
        new = form.cleaned_data["new_password"]
        services.change_password(request.user, new, by=request.user, at=timezone.now(), staying=staying)
        update_session_auth_hash(request, request.user)
        browser_sessions.note_key(request.session)
        messages.success(request, "Password changed. Your other devices are signed out.")
        return redirect("accounts:security")
    context = security_context(request.user) | {
        "browser_sessions": browser_sessions.sessions_of(request.user),
        "this_session": browser_sessions.id_of(request.session),
    }
    return render_page(request, "accounts/security.html", context, form=form)


def _is_password_right(request: ClinicRequest, form: ChangePasswordForm) -> bool:
    current, name = form.cleaned_data["current_password"], request.user.get_username()
    try:
        services.check_password(request, name, current, address=request_origin().ip, at=timezone.now())
    except services.SignInRefused:
        form.add_error("current_password", "This is not your current password")
    except TooManyTries as error:
        form.add_error("current_password", error.message)
    else:
        return True
    return False


@require_http_methods(["GET", "POST"])
def notifications(request: ClinicRequest) -> HttpResponse:
    """Choose what to be mailed about."""
    current = services.profile_of(request.user).notification_settings
    form = NotificationsForm(request.POST or None, current=current)
    if form.is_valid():
        wishes = {"notification_settings": form.cleaned_data}
        services.update_profile(request.user, wishes, by=request.user, at=timezone.now())
        messages.success(request, "Notifications saved.")
        return redirect("accounts:notifications")
    return render_page(request, "accounts/notifications.html", {"mail": choices.MAIL}, form=form)
