"""What the web server does with its memory before it serves."""

from django.core.management import call_command

from synapse.common import memory
from synapse.management.commands import web


def test_what_is_loaded_is_kept_out_of_every_search_for_garbage(monkeypatch):
    done = []
    monkeypatch.setattr(memory.gc, "collect", lambda: done.append("collect"))
    monkeypatch.setattr(memory.gc, "freeze", lambda: done.append("freeze"))

    memory.keep_what_is_loaded()

    assert done == ["collect", "freeze"]


def test_the_web_server_keeps_what_is_loaded_before_it_serves(monkeypatch):
    done = []
    monkeypatch.setattr(web, "refuse_unsafe_start_alone", lambda: None)
    monkeypatch.setattr(web, "keep_what_is_loaded", lambda: done.append("keep"))
    monkeypatch.setattr(web, "serve", lambda *args, **options: done.append("serve"))

    call_command("web")

    assert done == ["keep", "serve"]
