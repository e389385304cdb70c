"""Addresses of report templates."""

from django.urls import path

from reports.templating import edit_views, version_views, views

app_name = "report_templates"
urlpatterns = [
    path("", views.template_list, name="list"),
    path("new/", views.create, name="create"),
    path("new/example/", views.create_from_example, name="create_from_example"),
    path("new/description/", views.create_from_description, name="create_from_description"),
    path("new/file/", views.create_from_file, name="create_from_file"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/edit/", edit_views.edit, name="edit"),
    path("<uuid:pk>/preview/", edit_views.preview, name="preview"),
    path("<uuid:pk>/versions/", version_views.versions, name="versions"),
    path("<uuid:pk>/versions/<int:number>/restore/", version_views.restore, name="restore"),
    path("<uuid:pk>/origin/", version_views.origin, name="origin"),
    path("<uuid:pk>/export/", views.export, name="export"),
    path("<uuid:pk>/copy/", views.copy, name="copy"),
    path("<uuid:pk>/default/", views.set_default, name="set_default"),
    path("<uuid:pk>/active/", views.set_active, name="set_active"),
]
