"""The scheduling app: appointments and the calendar."""

from datetime import timedelta

from django.apps import AppConfig


class SchedulingConfig(AppConfig):
    name = "scheduling"

    def ready(self) -> None:
        from scheduling import changes, erasing, outward
        from scheduling.constraints import TRIGGERS
        from scheduling.models import Appointment
        from scheduling.services import messages, offers, series_cancelling, stages, waiting
        from scheduling.waiting.queries import count_waiting
        from synapse.common import sweeps, triggers
        from synapse.web import nav
        from synapse.webhooks import kinds

        erasing.register()
        triggers.register(*TRIGGERS)
        changes.register(stages.follow_session)
        changes.register(series_cancelling.note_change)
        changes.register(messages.follow_change)
        changes.register(offers.follow_visits)
        changes.register(waiting.follow_visits)
        changes.register(outward.follow_change)
        kinds.register(Appointment, *outward.KINDS)
        sweeps.register(
            sweeps.Sweep("send messages", timedelta(seconds=30), "scheduling.services.sending.send_due"),
            sweeps.Sweep(
                "plan reminders", timedelta(minutes=10), "scheduling.services.messages.plan_missing_reminders"
            ),
            sweeps.Sweep(
                "roll series forward", timedelta(hours=12), "scheduling.services.series_extension.roll_series_forward"
            ),
            sweeps.Sweep("offer free times", timedelta(minutes=1), "scheduling.services.offers.go_down_the_list"),
        )
        nav.register_count("scheduling:waiting_list", count_waiting)
