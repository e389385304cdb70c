"""Settings of the test suite: the product's own with fresh keys, fast hashing and nothing outside the process.

`TEST_POSTGRES_URL` (`postgres://user@host:port/`) runs the suite on PostgreSQL; `TEST_DATABASE_NAME` names the test
database, so that several runs may share a server.
"""

import atexit
import os
import shutil
import tempfile

from synapse.testing.prepared import KEYS

_data_dir = tempfile.mkdtemp(prefix="synapse-test-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["SYNAPSE_DATA_DIR"] = _data_dir
for _name in (
    "ALLOWED_HOSTS",
    "AUDIO_BUCKET",
    "BACKUP_DIR",
    "BASE_URL",
    "DATABASE_URL",
    "DEBUG",
    "DEMO_PASSWORD",
    "EMAIL_URL",
    "GEMINI_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_KMS_ENDPOINT",
    "GOOGLE_STT_ENDPOINT",
    "GOOGLE_STT_LOCATION",
    "HOST",
    "KMS_KEY",
    "OPENAI_BASE_URL",
    "PORT",
    "REDIS_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "REPORT_BACKEND",
    "SMS_BACKEND",
    "SMS_HTTP_TOKEN",
    "SMS_HTTP_URL",
    "SMS_SENDER",
    "SECRET_KEY_FALLBACKS",
    "STORAGE_EMULATOR_HOST",
    "STT_BACKEND",
    "STT_MODEL",
    "SYNAPSE_MODE",
    "TRUSTED_PROXIES",
    "WEBHOOK_ALLOWED_HOSTS",
    "WHISPER_MODEL",
):
    os.environ.pop(_name, None)
os.environ.update(KEYS)

from synapse.settings import *  # noqa: E402, F403
from synapse.settings import DATA_DIR, DATABASES, env  # noqa: E402

TESTING = True
if _url := os.environ.get("TEST_POSTGRES_URL"):
    DATABASES["default"] = {**env.db_url_config(_url), "ATOMIC_REQUESTS": False}
    DATABASES["default"].setdefault("NAME", "postgres")
    DATABASES["default"]["NAME"] = DATABASES["default"]["NAME"] or "postgres"
    DATABASES["default"]["TEST"] = {"NAME": os.environ.get("TEST_DATABASE_NAME", "test_synapse")}
    # A test's rows outlive no crash, and its queries are too small to be compiled.
    DATABASES["default"]["OPTIONS"] = {"options": "-c synchronous_commit=off -c jit=off"}
else:
    # A file and not memory: threads and child processes of a test see the same rows.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
    )

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
JOB_DOORBELL = "synapse.common.jobs.run_job"
SMS_BACKEND = "file"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "files"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Static files come straight from the source folders; nothing is collected for a test.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
