"""The only place that joins the apps' addresses."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("synapse.health_urls")),
    path("", include("synapse.dashboard.urls")),
    path("", include("synapse.oversight.urls")),
    path("", include("synapse.accounts.urls")),
    path("", include("synapse.web.urls")),
    path("patients/", include("patients.urls")),
    path("sessions/", include("sessions_app.urls")),
    path("settings/calendar/", include("scheduling.availability.urls")),
    path("settings/consents/", include("patients.consents.text_urls")),
    path("settings/voice/", include("sessions_app.voices.urls")),
    path("reports/", include("reports.urls")),
    path("verify/", include("reports.verification.urls")),
    path("shared/", include("reports.sharing.link_urls")),
    path("templates/", include("reports.templating.urls")),
    path("settings/calendars/", include("scheduling.feeds.urls")),
    path("settings/webhooks/", include("synapse.webhooks.urls")),
    path("calendar/", include("scheduling.urls")),
    path("consent/", include("patients.consents.answer_urls")),
    path("visit/", include("scheduling.messages.answer_urls")),
    path("offer/", include("scheduling.waiting.offer_urls")),
    path("bills/", include("billing.urls")),
    path("document/", include("billing.messages.link_urls")),
    path("payment-events/", include("billing.payment_links.event_urls")),
    path("private-notes/", include("synapse.psychotherapy.urls")),
    path("erasure/", include("synapse.erasure.urls")),
    path("imports/", include("synapse.records.urls")),
    path("amendments/", include("synapse.records.amendment_urls")),
    path("record-requests/", include("synapse.records.exports.urls")),
    path("record/", include("synapse.records.exports.open_urls")),
    path("api/v1/fhir/", include("synapse.fhir.urls")),
    path("api/v1/", include("synapse.api_urls")),
    path("admin/", admin.site.urls),
]

handler400 = "synapse.web.errors.bad_request"
handler403 = "synapse.web.errors.permission_denied"
handler404 = "synapse.web.errors.page_not_found"
handler500 = "synapse.web.errors.server_error"
