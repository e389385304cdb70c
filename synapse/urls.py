"""The only place that joins the apps' addresses."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("synapse.health_urls")),
    path("", include("synapse.dashboard.urls")),
    path("", include("synapse.accounts.urls")),
    path("", include("synapse.web.urls")),
    path("patients/", include("patients.urls")),
    path("sessions/", include("sessions_app.urls")),
    path("settings/voice/", include("sessions_app.voice_urls")),
    path("reports/", include("reports.urls")),
    path("templates/", include("reports.template_urls")),
    path("calendar/", include("scheduling.urls")),
    path("bills/", include("billing.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "synapse.web.errors.bad_request"
handler403 = "synapse.web.errors.permission_denied"
handler404 = "synapse.web.errors.page_not_found"
handler500 = "synapse.web.errors.server_error"
