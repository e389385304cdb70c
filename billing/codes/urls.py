"""Code tables."""

from django.urls import URLPattern, path

from billing.codes import views

urlpatterns: list[URLPattern] = [
    path("codes/search/", views.code_search, name="code_search"),
    path("settings/codes/", views.code_tables, name="codes"),
    path("settings/codes/import/<uuid:pk>/", views.code_import, name="code_import"),
    path("settings/codes/import/<uuid:pk>/discard/", views.discard_import, name="discard_codes"),
]
