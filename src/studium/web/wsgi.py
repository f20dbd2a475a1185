"""The WSGI application that the web process serves, with logging set up before Django says its first word."""

import gc
import os

from studium.config import logs
from studium.config.options import options

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studium.config.settings")
logs.configure("web", options().log_level)

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()

import studium.web.urls  # noqa: E402, F401 (the first request would load all of it)

# What start-up made stays for good: the collector would walk it in every request that makes many objects, 0.1 s each time.
gc.collect()
gc.freeze()
