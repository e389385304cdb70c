"""Addresses of imports."""

from django.urls import path, register_converter

from synapse.records import views
from synapse.records.archives import views as archive_views
from synapse.records.models import DataImport


class KindConverter:
    """A kind of file in an address."""

    regex = "|".join(DataImport.Kind.values)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KindConverter, "kind")

app_name = "records"
urlpatterns = [
    path("", views.imports, name="imports"),
    path("archives/", archive_views.archives, name="archives"),
    path("sample/<kind:kind>.csv", views.sample, name="sample"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/columns/", views.columns, name="columns"),
    path("<uuid:pk>/start/", views.start, name="start"),
    path("<uuid:pk>/continue/", views.go_on, name="continue"),
    path("<uuid:pk>/discard/", views.discard, name="discard"),
    path("<uuid:pk>/problems.csv", views.errors, name="errors"),
]
