"""Addresses of requests for a record."""

from django.urls import path

from synapse.records.exports import views

app_name = "record_requests"
urlpatterns = [
    path("of/<uuid:patient_pk>/", views.for_patient, name="for_patient"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/make/", views.make, name="make"),
    path("<uuid:pk>/extend/", views.extend, name="extend"),
    path("<uuid:pk>/deny/", views.deny, name="deny"),
    path("files/<uuid:export_pk>/download/", views.download, name="download"),
    path("files/<uuid:export_pk>/link/", views.link, name="link"),
    path("links/<uuid:link_pk>/end/", views.end_link, name="end_link"),
]
