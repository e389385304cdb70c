"""Who is let in at the WebSocket door of a recording, through the whole ASGI application."""

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from django.utils import timezone

from sessions_app.tests.factories import make_session
from sessions_app.tests.sockets.recorder import PATIENCE_SECONDS, cookie_of, refusal, socket
from synapse.audit.models import AuditEvent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_nobody_signed_in_is_closed_with_4401(session):
    assert await refusal(None, session.pk) == 4401


async def test_a_stranger_and_the_receptionist_find_no_session(session, ben, rita):
    assert await refusal(ben, session.pk) == 4404
    assert await refusal(rita, session.pk) == 4404
    assert await database_sync_to_async(AuditEvent.objects.filter(action="deny", outcome="denied").count)() == 2


async def test_an_unknown_or_malformed_id_is_no_session(session, asha):
    assert await refusal(asha, "not-a-uuid") == 4404
    assert await refusal(asha, asha.pk) == 4404


async def test_an_admin_sees_the_session_but_may_not_record(session, omar):
    assert await refusal(omar, session.pk) == 4403


async def test_without_consent_there_is_no_recording(asha):
    session = await database_sync_to_async(make_session)(asha, consent=False)

    assert await refusal(asha, session.pk) == 4403


async def test_an_expired_consent_is_none(session, asha):
    await database_sync_to_async(session.patient.consents.update)(expires_at=timezone.now() - timedelta(seconds=1))

    assert await refusal(asha, session.pk) == 4403


async def test_a_session_that_is_over_is_closed_with_4410(asha):
    session = await database_sync_to_async(make_session)(asha, status="completed")

    assert await refusal(asha, session.pk) == 4410


async def test_a_foreign_origin_is_refused_in_the_handshake(session, asha):
    cookie = await database_sync_to_async(cookie_of)(asha)

    connected, _ = await socket(f"/ws/sessions/{session.pk}/audio/", cookie, b"https://evil.example").connect(
        timeout=PATIENCE_SECONDS
    )

    assert not connected
