"""Addresses of the FHIR server, with or without a slash at the end: its clients write none."""

from django.urls import re_path

from synapse.fhir import views

app_name = "fhir"
_ID = r"(?P<pk>[A-Za-z0-9.\-]{1,64})"
urlpatterns = [
    re_path(r"^metadata/?$", views.Metadata.as_view(), name="metadata"),
    re_path(rf"^Patient/{_ID}/\$everything/?$", views.Everything.as_view(), name="everything"),
    re_path(rf"^Binary/{_ID}/?$", views.Binary.as_view(), name="binary"),
    re_path(r"^(?P<kind>[A-Za-z]+)/_search/?$", views.PostedSearch.as_view(), name="posted_search"),
    re_path(rf"^(?P<kind>[A-Za-z]+)/{_ID}/?$", views.Instance.as_view(), name="instance"),
    re_path(r"^(?P<kind>[A-Za-z]+)/?$", views.Collection.as_view(), name="collection"),
    re_path(r"^(?P<path>.*)$", views.Nowhere.as_view(), name="nowhere"),
]
