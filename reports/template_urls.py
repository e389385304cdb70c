"""Addresses of report templates."""

from django.urls import path

from reports import template_views

app_name = "report_templates"
urlpatterns = [
    path("", template_views.template_list, name="list"),
    path("new/", template_views.create, name="create"),
    path("<uuid:pk>/", template_views.detail, name="detail"),
    path("<uuid:pk>/edit/", template_views.edit, name="edit"),
    path("<uuid:pk>/copy/", template_views.copy, name="copy"),
    path("<uuid:pk>/default/", template_views.set_default, name="set_default"),
    path("<uuid:pk>/active/", template_views.set_active, name="set_active"),
]
