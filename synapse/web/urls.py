"""Addresses of the web app itself."""

from django.urls import path

from synapse.web import gallery

app_name = "web"
urlpatterns = [
    path("gallery/", gallery.show, name="gallery"),
]
