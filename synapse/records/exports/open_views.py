"""The patient's door to the file: a link, a button, no account."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from reports.printing import rendering
from reports.sharing.forms import OpenForm
from reports.sharing.link_views import gone
from synapse.accounts import throttle
from synapse.accounts.models import ClinicSettings
from synapse.audit import context
from synapse.links.errors import LinkGone, WrongPin
from synapse.links.headers import make_private
from synapse.links.tokens import hash_token
from synapse.records.exports import services
from synapse.records.exports.views import as_download
from synapse.web.http import render_page

THROTTLE_PURPOSE = "record_link"


# As behind every link, nothing rests on a cookie that a browser sends by itself: there is no request to forge.
@csrf_exempt
@login_not_required
@sensitive_variables("token")
@sensitive_post_parameters("pin")
@require_http_methods(["GET", "POST"])
def open_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show a button; only pressing it uses the link and brings the file (mail scanners open links)."""
    now = timezone.now()
    name, address = hash_token(token), context.current().ip
    try:
        throttle.check_may_try(THROTTLE_PURPOSE, name, address, at=now)
        link = services.find_link(token, at=now)
    except LinkGone:
        throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
        return gone(request)
    except throttle.TooManyTries as error:
        return gone(request, wait=str(error), status=429)
    form = OpenForm(request.POST if request.method == "POST" else None, needs_pin=bool(link.pin_hash))
    if form.is_valid():
        try:
            export, parts = services.use_link(token, pin=form.cleaned_data.get("pin", ""), at=now)
        except WrongPin as error:
            throttle.count_failure(THROTTLE_PURPOSE, name, address, at=now)
            form.add_error("pin", str(error))
        except LinkGone:
            return gone(request)
        else:
            response = as_download(export, parts)
            make_private(response)  # type: ignore[arg-type]  # it sets headers, which every response has
            return response
    data = {
        "clinic": ClinicSettings.load().name,
        "uses_left": link.uses_left,
        "until": rendering.moment(link.expires_at),
        "size": link.export.size_bytes,
    }
    return make_private(render_page(request, "records/open.html", data, form=form))
