"""The page that asks who is there before something else is opened."""

from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from synapse.accounts import step_up
from synapse.accounts.proof import ProofForm, is_proven
from synapse.web.http import ClinicRequest, next_page_of, render_page


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def prove(request: ClinicRequest) -> HttpResponse:
    """Ask for password and code, and go on to the page that asked for them."""
    target = next_page_of(request)
    form = ProofForm(request.POST or None, user=request.user, prefix=step_up.PREFIX)
    if form.is_valid() and is_proven(request, form):
        return redirect(target)
    context = {"action": resolve_url("accounts:prove"), "kept": [("next", target)], "back": resolve_url("/")}
    return render_page(request, "accounts/fresh_proof.html", context, form=form)
