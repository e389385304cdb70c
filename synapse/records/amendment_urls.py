"""Addresses of requests for a correction."""

from django.urls import path

from synapse.records import amendment_views as views

app_name = "amendments"
urlpatterns = [
    path("of/<uuid:patient_pk>/", views.for_patient, name="for_patient"),
    path("of-report/<uuid:report_pk>/", views.for_report, name="for_report"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/accept/", views.accept, name="accept"),
    path("<uuid:pk>/deny/", views.deny, name="deny"),
    path("<uuid:pk>/extend/", views.extend, name="extend"),
    path("<uuid:pk>/disagree/", views.disagree, name="disagree"),
    path("<uuid:pk>/letter/", views.letter, name="letter"),
]
