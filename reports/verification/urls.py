"""Addresses of the verify page, open to everybody who holds a printed report."""

from django.urls import path

from reports.verification import views

app_name = "verify"
urlpatterns = [
    path("", views.start, name="start"),
    path("certificate/", views.certificate, name="certificate"),
    path("<str:code>/", views.check, name="code"),
]
