"""Addresses of documents about money, behind a link in a message: no account, one link."""

from django.urls import path

from billing.messages import link_views

app_name = "document"
urlpatterns = [
    path("<str:token>/", link_views.open_link, name="open"),
    path("<str:token>/read/", link_views.read, name="read"),
    path("<str:token>/file/", link_views.download, name="download"),
]
