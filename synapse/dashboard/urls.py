"""Addresses of this app."""

from django.urls import path

from synapse.dashboard import audit, system, timeline, views

app_name = "dashboard"
urlpatterns = [
    path("", views.home, name="home"),
    path("audit/", audit.index, name="audit"),
    path("audit/check/", audit.check, name="audit_check"),
    path("audit/export/", audit.export, name="audit_export"),
    path("system/", system.index, name="system"),
    path("patients/<uuid:patient_pk>/timeline/", timeline.for_patient, name="timeline"),
]
