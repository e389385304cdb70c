"""Application configuration."""

from datetime import timedelta

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReportsConfig(AppConfig):
    name = "reports"
    label = "reports"

    def ready(self) -> None:
        from reports import checks, erasing  # noqa: F401
        from reports.disclosures import shared_links
        from reports.models import Report
        from reports.queries import count_waiting, first_seal_of
        from reports.sealing.triggers import TRIGGERS
        from reports.templating.seeding import install_shipped_templates
        from sessions_app.recordings import retention
        from synapse.audit import disclosures
        from synapse.common import sweeps, triggers
        from synapse.web import nav
        from synapse.webhooks import kinds

        kinds.register(Report, kinds.Kind.REPORT_SIGNED)
        erasing.register()
        triggers.register(*TRIGGERS)
        sweeps.register(sweeps.Sweep("learn style", timedelta(hours=1), "reports.services.style.learn_all"))
        retention.register_seals(first_seal_of)
        disclosures.register("links", shared_links)
        nav.register_count("reports:list", count_waiting)
        post_migrate.connect(install_shipped_templates, sender=self)
