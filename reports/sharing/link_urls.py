"""Addresses of shared documents: no account, one link."""

from django.urls import path

from reports.sharing import link_views

app_name = "shared"
urlpatterns = [
    path("<str:token>/", link_views.open_link, name="open"),
    path("<str:token>/read/", link_views.read, name="read"),
    path("<str:token>/download/", link_views.download, name="download"),
]
