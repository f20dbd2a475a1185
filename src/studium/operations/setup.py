"""Make an installation ready: database, plan, environment, static files, first administrator. Every step is repeatable."""

import os
from collections.abc import Callable
from io import StringIO

import django
from django.core.management import call_command

from studium.config.options import Options, options
from studium.errors import StudiumError
from studium.lib import clock

Say = Callable[[str], None]


def load_django() -> None:
    """Make the domains importable in this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studium.config.settings")
    django.setup()


def make_folders(settings: Options) -> None:
    """The home and its sockets' folder. The home can be passed through by sandboxes' uids, not listed."""
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.home.chmod(0o711)
    settings.run_folder.mkdir(exist_ok=True, mode=0o700)


def prepare(say: Say) -> bool:
    """Bring the installation up to date; returns whether this was its first start."""
    settings = options()
    make_folders(settings)
    load_django()
    from studium.accounts.models import User
    from studium.compute.actions import load_plan_set
    from studium.environments.actions import register_default
    from studium.environments.build import build_default
    from studium.plans.models import Plan
    from studium.plans.presets import load_shipped

    say("Bringing the database up to date")
    call_command("migrate", verbosity=0, stdout=StringIO())
    _private(settings)
    call_command("collectstatic", interactive=False, verbosity=0, stdout=StringIO())
    register_default(build_default(settings.home, progress=say), now=clock.now())
    _libraries(settings, say)
    if not Plan.objects.exists():
        load_plan_set(None, load_shipped("open"), now=clock.now())
        say("Loaded the plan `open`")
    return not User.objects.exists()


def _libraries(settings: Options, say: Say) -> None:
    """What draws interactive outputs. Without it everything works but that, so a start does not fail for it."""
    from studium.environments import libraries

    try:
        libraries.build(settings.home, progress=say)
    except StudiumError as error:
        say(f"{error.message} {error.next_step}")


def _private(settings: Options) -> None:
    for path in settings.home.glob("studium.sqlite3*"):
        path.chmod(0o600)


def nobody_can_administer() -> bool:
    """Whether no administrator has a way in of their own yet: a password, a passkey or an identity provider."""
    from allauth.mfa.models import Authenticator
    from allauth.socialaccount.models import SocialAccount

    from studium.accounts.models import User

    administrators = User.objects.filter(is_staff=True, is_active=True)
    passkeys = Authenticator.objects.filter(user__in=administrators, type=Authenticator.Type.WEBAUTHN)
    providers = SocialAccount.objects.filter(user__in=administrators)
    return not (
        passkeys.exists() or providers.exists() or any(person.has_usable_password() for person in administrators)
    )


def first_administrator(name: str = "admin") -> str:
    """The one-time sign-in address of the administrator, who is made if there is none."""
    from studium.accounts.actions import create_user, make_login_link
    from studium.accounts.models import User

    now = clock.now()
    user = User.objects.filter(is_staff=True, is_active=True).order_by("pk").first()
    if user is None:
        user = create_user(name, f"{name}@{options().host.split(':')[0]}.invalid", now=now, operator=True)
    return f"{options().platform_url}/login/link/{make_login_link(user, now=now)}/"
