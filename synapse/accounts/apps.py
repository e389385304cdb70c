"""Application configuration."""

from datetime import timedelta

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "synapse.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Put the deletion of ended tokens on the worker's schedule, and hear of every sign-in and sign-out."""
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from synapse.accounts import browser_sessions
        from synapse.common import sweeps

        # Django's own signals: no door to a session, of ours or the admin's, can forget them.
        user_logged_in.connect(browser_sessions.begin, dispatch_uid="browser_sessions.begin")
        user_logged_out.connect(browser_sessions.finish, dispatch_uid="browser_sessions.finish")

        sweeps.register(sweeps.Sweep("ended API tokens", timedelta(days=1), "synapse.accounts.tokens.purge_ended"))
        sweeps.register(
            sweeps.Sweep("ended sessions", timedelta(days=1), "synapse.accounts.browser_sessions.purge_ended")
        )
