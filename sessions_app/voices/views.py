"""The page of one's own voice profile, under the settings."""

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from sessions_app.capture import microphone
from sessions_app.forms import VoiceForm
from sessions_app.stt import enrolment
from sessions_app.voices import profiles as voice_profiles
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.common.errors import Conflict
from synapse.web.http import ClinicRequest, render_page


@require_http_methods(["GET", "POST"])
@requires(Permission.CONDUCT_SESSIONS)
def profile(request: ClinicRequest) -> HttpResponse:
    """Show what is kept of one's voice; a recording sent by the page's script makes it or replaces it."""
    if request.method == "GET":
        context = {
            "profile": voice_profiles.profile_of(request.user),
            "text": voice_profiles.TEXT,
            "encoder": enrolment.ENCODER,
            "form": VoiceForm(),
            "microphone": microphone.DEFAULT,
        }
        return render_page(request, "sessions_app/voice.html", context)
    form = VoiceForm(request.POST, request.FILES)
    if not form.is_valid():
        message = next(error for errors in form.errors.values() for error in errors)
        return JsonResponse({"message": message}, status=422)
    data = form.cleaned_data
    try:
        voice_profiles.keep_profile(
            request.user,
            pcm=data["sound"].read(),
            text_version=data["text_version"],
            by=request.user,
            at=timezone.now(),
        )
    except (voice_profiles.VoiceUnclear, Conflict) as error:
        return JsonResponse({"message": error.message}, status=error.status)
    messages.success(request, "Your voice profile is kept. The recording is gone.")
    return JsonResponse({"next": reverse("voice:profile")}, status=201)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def delete(request: ClinicRequest) -> HttpResponse:
    """Withdraw one's voice profile."""
    voice_profiles.delete_profile(request.user, by=request.user, at=timezone.now())
    messages.success(request, "Your voice profile is deleted.")
    return redirect("voice:profile")
