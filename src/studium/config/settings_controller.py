"""Settings of the controller: the domains and their tables, nothing of pages and sign-in. Saves a third of its memory."""

from studium.config.settings import *  # noqa: F403
from studium.config.settings import INSTALLED_APPS as _ALL

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    *(app for app in _ALL if app.startswith("studium.") and app != "studium.web"),
]
MIDDLEWARE = []
TEMPLATES = []
ROOT_URLCONF = ""
