"""Django's admin with our rule of who may enter."""

from django.contrib.admin.apps import AdminConfig


class ClinicAdminConfig(AdminConfig):
    """Stands in INSTALLED_APPS in place of django.contrib.admin."""

    default_site = "synapse.accounts.admin_site.ClinicAdminSite"
