"""Application configuration."""

from datetime import timedelta

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions_app"
    label = "sessions_app"

    def ready(self) -> None:
        from sessions_app import erasing, navigation
        from sessions_app.models import ConsultationSession, Transcription
        from sessions_app.recordings import keys as recording_keys
        from synapse.common.sweeps import Sweep, register
        from synapse.encryption.rotation import register_rewrap
        from synapse.web.nav import register_live_session
        from synapse.webhooks import kinds

        kinds.register(ConsultationSession, kinds.Kind.SESSION_COMPLETED)
        kinds.register(Transcription, kinds.Kind.TRANSCRIPTION_READY)
        register_live_session(navigation.live_session_for_chip)
        erasing.register()
        register_rewrap(recording_keys.rewrap, recording_keys.count_under_former_keys)
        register(
            Sweep("complete abandoned sessions", timedelta(minutes=15), "sessions_app.tasks.complete_abandoned"),
            Sweep("delete expired audio", timedelta(hours=1), "sessions_app.tasks.delete_expired_audio"),
            Sweep("settle left uploads", timedelta(hours=1), "sessions_app.upload_tasks.settle_left_uploads"),
            Sweep("archive left recordings", timedelta(hours=1), "sessions_app.tasks.archive_left_spools"),
        )
