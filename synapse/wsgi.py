"""HTTP alone, for servers that speak WSGI; recording needs the ASGI application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "synapse.settings")
application = get_wsgi_application()
