"""The passes of notifications: send the e-mails that are due, let go of what is old. Repeatable."""

from datetime import datetime, timedelta

import structlog
from django.core.mail import send_mail
from django.db.models import Q

from studium.community.models import Notification
from studium.community.notifications.wording import sentence
from studium.config.options import options

log = structlog.get_logger(__name__)
AGAIN, GIVE_UP = timedelta(minutes=5), timedelta(days=1)
KEPT_READ, KEPT = timedelta(days=90), timedelta(days=365)


def send_due(now: datetime) -> int:
    """Send the e-mails that are due; returns how many. One that cannot be sent is tried again for a day."""
    sent = 0
    for row in Notification.objects.filter(mail_at__lte=now).select_related("user", "actor").order_by("mail_at")[:50]:
        # Marked first: a crash after it loses a mail, one before it would send it again and again.
        if not Notification.objects.filter(pk=row.pk, mail_at=row.mail_at).update(mail_at=None):
            continue
        if not row.user.is_active or now - row.at > GIVE_UP:
            continue
        try:
            _mail(row)
            sent += 1
        except OSError as error:
            log.warning("notification_mail_failed", notification=row.pk, error=str(error))
            Notification.objects.filter(pk=row.pk, read_at=None).update(mail_at=now + AGAIN)
    return sent


def _mail(row: Notification) -> None:
    said = f"{sentence(row)} {row.title}"
    home = options().platform_url
    body = f"{said}\n{row.words}\n\n{home}{row.path}\n\nWhich e-mails you get: {home}/settings/notifications/\n"
    send_mail(" ".join(said.split()), body, None, [row.user.email])


def forget_old(now: datetime) -> int:
    """Delete what was read long ago, and what nobody read for a year; returns how many."""
    old = Notification.objects.filter(Q(read_at__lt=now - KEPT_READ) | Q(at__lt=now - KEPT))
    return Notification.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:1000])).delete()[0]
