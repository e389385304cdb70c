"""Addresses of the WebSocket."""

from django.urls import URLPattern, path

from sessions_app.consumers import AudioConsumer

# Any text is taken as the id, so that a wrong one is answered with 4404 and not with a failed handshake.
websocket_urlpatterns: list[URLPattern] = [
    path("ws/sessions/<str:session_id>/audio/", AudioConsumer.as_asgi()),
]
