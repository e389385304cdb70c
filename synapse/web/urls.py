"""Addresses of the web app itself."""

from django.urls import path

from synapse.web import gallery, views

app_name = "web"
urlpatterns = [
    path("favicon.ico", views.favicon, name="favicon"),
    path("counts/", views.counts, name="counts"),
    path("gallery/", gallery.show, name="gallery"),
]
