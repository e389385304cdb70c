"""Settings of SynapseAI: one file, read from the environment, secure unless told otherwise.

Values come from the environment, then from `.env` in the data folder. A required value that is missing, or a
combination that is not safe, stops the start with a sentence that says what to set.
"""

import os
import re
import secrets
import sys
from base64 import urlsafe_b64encode
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from synapse import api_names

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
DATA_DIR = Path(env.str("SYNAPSE_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
if (DATA_DIR / ".env").is_file():
    env.read_env(DATA_DIR / ".env")

MODE = env.str("SYNAPSE_MODE", default="demo")
if MODE not in {"demo", "production"}:
    raise ImproperlyConfigured("SYNAPSE_MODE is 'demo' or 'production'. Set it to one of them.")
IS_PRODUCTION = MODE == "production"
DEBUG = env.bool("DEBUG", default=False)
if DEBUG and IS_PRODUCTION:
    raise ImproperlyConfigured("DEBUG shows patient data on error pages. Remove it from a production environment.")

HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
BASE_URL = env.str("BASE_URL", default=f"http://localhost:{PORT}").rstrip("/")
if IS_PRODUCTION and not BASE_URL.startswith("https://"):
    raise ImproperlyConfigured(
        "BASE_URL must begin with https:// in production: browsers give the microphone to secure pages only."
    )
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
_base_host = urlsplit(BASE_URL).hostname or "localhost"
if _base_host not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(_base_host)
CSRF_TRUSTED_ORIGINS = [BASE_URL]
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
METRICS_ALLOWED_IPS = env.list("METRICS_ALLOWED_IPS", default=["127.0.0.1", "::1"])

# The two engine commands read a file and print JSON; they touch no stored data, so they need no stored key.
KEYLESS_COMMANDS = {"transcribe", "draft_report"}
_is_keyless = len(sys.argv) > 1 and sys.argv[1] in KEYLESS_COMMANDS and Path(sys.argv[0]).name == "manage.py"
KEY_NAMES = ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "INDEX_KEY", "AUDIT_KEY", "SIGNING_KEY", "AUDIO_KEY")
MINIMUM_KEY_LENGTH = 43  # 32 random bytes in URL-safe base64


def _read_keys(name: str) -> list[str]:
    """Return the keys listed under a name, the active one first; raise ImproperlyConfigured when one is unusable."""
    keys = [key.strip() for key in env.str(name, default="").split(",") if key.strip()]
    if _is_keyless and not keys:
        return [urlsafe_b64encode(secrets.token_bytes(32)).decode()]
    if not keys:
        raise ImproperlyConfigured(
            f"{name} is not set. `make run` writes fresh keys to {DATA_DIR.name}/.env; elsewhere set {name} to 32 "
            "random bytes in URL-safe base64."
        )
    for key in keys:
        if len(key) < MINIMUM_KEY_LENGTH or len(set(key)) < 10 or "change" in key.lower():
            raise ImproperlyConfigured(
                f"{name} is too short or a placeholder. Set it to 32 random bytes in URL-safe base64."
            )
    return keys


_keys = {name: _read_keys(name) for name in KEY_NAMES}
_seen: dict[str, str] = {}
for _name, _values in _keys.items():
    for _value in _values:
        if _value in _seen:
            raise ImproperlyConfigured(
                f"{_name} repeats a value of {_seen[_value]}. Each key protects something else: make a new one."
            )
        _seen[_value] = _name

SECRET_KEY = _keys["SECRET_KEY"][0]
SECRET_KEY_FALLBACKS = _keys["SECRET_KEY"][1:] + env.list("SECRET_KEY_FALLBACKS", default=[])
FIELD_ENCRYPTION_KEY = _keys["FIELD_ENCRYPTION_KEY"]
INDEX_KEY = _keys["INDEX_KEY"]
AUDIT_KEY = _keys["AUDIT_KEY"]
SIGNING_KEY = _keys["SIGNING_KEY"]
AUDIO_KEY = _keys["AUDIO_KEY"]
# A key of Google Cloud KMS that wraps data keys in AUDIO_KEY's place; AUDIO_KEY stands in while it does not answer.
KMS_KEY = env.str("KMS_KEY", default="")
GOOGLE_KMS_ENDPOINT = env.str("GOOGLE_KMS_ENDPOINT", default="")
if KMS_KEY and not re.fullmatch(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+", KMS_KEY):
    raise ImproperlyConfigured(
        "KMS_KEY is not the name of a key. Set it to projects/…/locations/…/keyRings/…/cryptoKeys/… or remove it."
    )
# The clinic's virus scanner: `unix:/run/clamav/clamd.ctl` or `host:3310`. Set and silent, it lets no file in.
CLAMAV_ADDRESS = env.str("CLAMAV_ADDRESS", default="")
# A PKCS #12 file that signs exported PDFs; unset: a certificate made on this machine.
PDF_CERTIFICATE = env.str("PDF_CERTIFICATE", default="")
PDF_CERTIFICATE_PASSWORD = env.str("PDF_CERTIFICATE_PASSWORD", default="")

INSTALLED_APPS = [
    "daphne",  # first: it takes over runserver
    "synapse.accounts.admin_config.ClinicAdminConfig",  # django.contrib.admin, open to administrators by role
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "channels",
    "axes",
    "csp",
    "django_htmx",
    "django_q",
    "synapse",
    "synapse.common",
    "synapse.encryption",
    "synapse.audit",
    "synapse.accounts",
    "synapse.api",
    "synapse.web",
    "synapse.webhooks",
    "synapse.documents",
    "synapse.notifications",
    "synapse.outside",
    "synapse.oversight",
    "synapse.records",
    "synapse.erasure",
    "synapse.backups",
    "synapse.dashboard",
    "synapse.demo",
    "patients",
    "sessions_app",
    "reports",
    "scheduling",
    "billing",
    "synapse.psychotherapy",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "synapse.audit.middleware.RequestContextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "synapse.accounts.middleware.IdleLockMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "synapse.accounts.middleware.TimezoneMiddleware",
    "synapse.web.middleware.PageMiddleware",
]

ROOT_URLCONF = "synapse.urls"
ASGI_APPLICATION = "synapse.asgi.application"
WSGI_APPLICATION = "synapse.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "synapse.web.context_processors.shell",
            ],
            "builtins": ["synapse.web.templatetags.ui"],
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'synapse.sqlite3'}")}
DATABASES["default"]["ATOMIC_REQUESTS"] = False
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE takes the write lock at BEGIN, where the timeout applies; a deferred upgrade fails at once instead.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        # What is deleted, a recording's key above all, is overwritten and not only unlinked from its page.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
        ),
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["CONN_MAX_AGE"] = 60
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # The layer waits five seconds for a message, as long as the client's own time-out: each wait would fail.
            "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": 30}]},
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}
Q_CLUSTER = {
    "name": "synapse",
    "orm": "default",
    "workers": 2,
    "timeout": 120,
    "retry": 600,  # counts from prefetch, so it is far above the longest job
    "queue_limit": 2,
    "bulk": 1,
    "max_attempts": 0,  # the Job row counts attempts
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 50,
    "recycle": 50,
    "poll": 0.5,
    "label": "Queue",
}

JOB_DOORBELL = "synapse.common.jobs.ring_queue"  # tests ring no queue and run the job at once

AUTH_USER_MODEL = "accounts.User"
# Axes looks first: a name that waits is asked for no password.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "synapse.accounts.backends.EmailOrUsernameBackend",
]
PASSWORD_HASHERS = ["synapse.accounts.hashers.TurnedArgon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "synapse.accounts.validators.MaximumLengthValidator"},
    {"NAME": "synapse.accounts.validators.GuessableValidator"},
]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "dashboard:home"
LOGOUT_REDIRECT_URL = "accounts:sign_in"
PASSWORD_RESET_TIMEOUT = 60 * 60
# A sign-in counts for 12 hours (`accounts.locking`); a recording that runs on then still finds its session.
SESSION_COOKIE_AGE = 24 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True  # scripts read the token from the page
CSRF_FAILURE_VIEW = "synapse.web.errors.csrf_failure"
DEMO_PASSWORD = env.str("DEMO_PASSWORD", default="")

# Guessing of passwords: see accounts/sign_in_limits.py and ADR 0016
AXES_HANDLER = "synapse.accounts.sign_in_limits.Handler"
AXES_USERNAME_CALLABLE = "synapse.accounts.sign_in_limits.name_of"
AXES_CLIENT_IP_CALLABLE = "synapse.accounts.sign_in_limits.address_of"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # the audit trail has every sign-in, and for good
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "name", "email"]
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # accounts/admin.py shows what is stored
# Its middleware would answer a lock-out; the doors do, each in its own shape.
SILENCED_SYSTEM_CHECKS = ["axes.W002"]

if IS_PRODUCTION:
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health/"]
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    if TRUSTED_PROXIES:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF, BASE_URL.replace("http", "ws", 1)],
        "media-src": [SELF, "blob:"],
        "worker-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# Django would write a body beyond this to the disk, in clear; the server takes none beyond it but recordings, sealed.
FILE_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "synapse.web.upload_handlers.SealedUploadHandler",
]

STT_BACKEND = env.str("STT_BACKEND", default="")
WHISPER_MODEL = env.str("WHISPER_MODEL", default="")
STT_MODEL = env.str("STT_MODEL", default="")
STT_LANGUAGE = env.str("STT_LANGUAGE", default="en-US")
GOOGLE_APPLICATION_CREDENTIALS = env.str("GOOGLE_APPLICATION_CREDENTIALS", default="")
GOOGLE_CLOUD_PROJECT = env.str("GOOGLE_CLOUD_PROJECT", default="")
GOOGLE_STT_LOCATION = env.str("GOOGLE_STT_LOCATION", default="global")
GOOGLE_STT_ENDPOINT = env.str("GOOGLE_STT_ENDPOINT", default="")
REPORT_BACKEND = env.str("REPORT_BACKEND", default="")
GEMINI_API_KEY = env.str("GEMINI_API_KEY", default="")
GEMINI_MODEL = env.str("GEMINI_MODEL", default="gemini-3.8-flash")
GOOGLE_GEMINI_BASE_URL = env.str("GOOGLE_GEMINI_BASE_URL", default="")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="")
OPENAI_MODEL = env.str("OPENAI_MODEL", default="")
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
AUDIO_BUCKET = env.str("AUDIO_BUCKET", default="")
BACKUP_DIR = env.str("BACKUP_DIR", default="")
STORAGE_EMULATOR_HOST = env.str("STORAGE_EMULATOR_HOST", default="")
for _variable, _allowed in (
    ("STT_BACKEND", {"", "embedded", "google"}),
    ("REPORT_BACKEND", {"", "embedded", "gemini", "openai"}),
):
    if globals()[_variable] not in _allowed:
        raise ImproperlyConfigured(
            f"{_variable} is one of {', '.join(sorted(_allowed - {''}))}. Set it to one of them."
        )

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "files"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
vars().update(env.email("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="SynapseAI <noreply@localhost>")
# Unset in production: no SMS is offered.
SMS_BACKEND = env.str("SMS_BACKEND", default="" if IS_PRODUCTION else "console")
SMS_HTTP_URL = env.str("SMS_HTTP_URL", default="")
SMS_HTTP_TOKEN = env.str("SMS_HTTP_TOKEN", default="")
SMS_SENDER = env.str("SMS_SENDER", default="")
if SMS_BACKEND not in {"", "console", "file", "http"}:
    raise ImproperlyConfigured("SMS_BACKEND is one of console, file, http. Set it to one of them or remove it.")

PAYMENT_LINK_BACKEND = env.str("PAYMENT_LINK_BACKEND", default="")
PAYMENT_LINK_URL = env.str("PAYMENT_LINK_URL", default="")
PAYMENT_LINK_TOKEN = env.str("PAYMENT_LINK_TOKEN", default="")
PAYMENT_LINK_SECRET = env.str("PAYMENT_LINK_SECRET", default="")
if PAYMENT_LINK_BACKEND not in {"", "file", "http"}:
    raise ImproperlyConfigured("PAYMENT_LINK_BACKEND is one of file, http. Set it to one of them or remove it.")

WEBHOOK_ALLOWED_HOSTS = env.list("WEBHOOK_ALLOWED_HOSTS", default=[])

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "class": "synapse.common.quiet_errors.QuietFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "filters": {
        "mask_tokens": {"()": "synapse.links.logs.MaskTokens"},
        "quiet_refusals": {"()": "synapse.web.logs.QuietRefusals"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["mask_tokens", "quiet_refusals"],
        }
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},
        # Without Django's own handlers, which mail and print an error with its text.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "daphne": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "daphne.http_protocol": {"handlers": [], "level": "ERROR", "propagate": False},
    },
}
DEFAULT_EXCEPTION_REPORTER_FILTER = "synapse.web.errors.QuietExceptionReporterFilter"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "synapse.api.authentication.BearerAuthentication",
        "synapse.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["synapse.api.access.SignedIn", "synapse.api.access.HoldsCapability"],
    "DEFAULT_THROTTLE_CLASSES": ["synapse.api.throttles.Throttle"],
    "DEFAULT_PARSER_CLASSES": ["synapse.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "synapse.api.negotiation.JsonAlways",
    "DEFAULT_FILTER_BACKENDS": ["synapse.api.filters.StrictFilters", "synapse.api.filters.Ordering"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "synapse.api.schema.Schema",
    "EXCEPTION_HANDLER": "synapse.api.errors.handle",
    "DATETIME_FORMAT": "iso-8601",
    "COERCE_DECIMAL_TO_STRING": True,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SynapseAI",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": api_names.ENUMS,
}

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
