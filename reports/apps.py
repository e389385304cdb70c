"""Application configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReportsConfig(AppConfig):
    name = "reports"
    label = "reports"

    def ready(self) -> None:
        from reports import checks  # noqa: F401
        from reports.queries import count_reports_to_sign, first_seal_of
        from reports.seeding import install_shipped_templates
        from reports.triggers import TRIGGERS
        from sessions_app import retention
        from synapse.common import triggers
        from synapse.web import nav

        triggers.register(*TRIGGERS)
        retention.register_seals(first_seal_of)
        nav.register_count("reports:list", count_reports_to_sign)
        post_migrate.connect(install_shipped_templates, sender=self)
