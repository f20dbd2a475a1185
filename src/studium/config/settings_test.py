"""Settings of the test suite: its own home folder per worker, fast password hashing, plain static files."""

import os
import tempfile

os.environ["STUDIUM_HOME"] = os.environ.get("STUDIUM_TEST_HOME") or tempfile.mkdtemp(prefix="studium-test-")
os.environ.setdefault("STUDIUM_HOST", "localhost")

from studium.config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["localhost", "testserver"]
if os.environ.get("STUDIUM_TEST_DATABASE_URL"):
    from studium.config.databases import database
    from studium.config.options import options

    DATABASES = {"default": database(os.environ["STUDIUM_TEST_DATABASE_URL"], options().home)}
    # A test's connection is shared with the server thread it starts and must not be closed for its age.
    DATABASES["default"] |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405 - the static file middleware warns of a folder that is not there
