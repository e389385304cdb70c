"""Addresses of holds and erasures."""

from django.urls import path

from synapse.erasure import views

app_name = "erasure"
urlpatterns = [
    path("", views.index, name="index"),
    path("periods/", views.periods, name="periods"),
    path("records/<uuid:pk>/", views.patient, name="patient"),
    path("records/<uuid:pk>/hold/", views.place_hold, name="place_hold"),
    path("records/<uuid:pk>/hold/<uuid:hold_pk>/release/", views.release_hold, name="release_hold"),
    path("records/<uuid:pk>/ask/", views.ask, name="ask"),
    path("<uuid:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("<uuid:pk>/carry-out/", views.carry_out, name="carry_out"),
    path("<uuid:pk>/certificate.pdf", views.certificate, name="certificate"),
]
