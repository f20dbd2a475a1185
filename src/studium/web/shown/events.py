"""Events in words. A kind without a sentence of its own is shown as it is written."""

from studium.events.models import Event
from studium.lib.units import duration_words

_SENTENCES = {
    "run.queued": "Joined the queue",
    "run.assigned": "Was given a machine",
    "run.starting": "Began to start",
    "run.running": "Is running",
    "run.stopping": "Was asked to stop",
    "run.ended": "Ended",
    "run.extended": "Was given more time",
    "run.warning": "Warned that an end is near",
    "machine.drained": "Machine takes no new runs",
    "machine.opened": "Machine takes runs again",
    "team.created": "Team was made",
    "team.invited": "Somebody was invited",
    "team.joined": "Joined the team",
    "team.left": "Left the team",
    "team.role": "Role changed",
    "user.created": "Account was made",
    "user.activated": "Account was reactivated",
    "user.deactivated": "Account was deactivated",
    "user.operator": "Became administrator",
    "user.not_operator": "Is no longer administrator",
    "token.created": "Token was made",
    "token.revoked": "Token was revoked",
    "plan.loaded": "Plan was loaded",
    "plan.assigned": "Team was put on a plan",
    "project.created": "Project was made",
    "notebook.created": "Notebook was made",
    "notebook.changed": "Notebook was changed",
    "notebook.uploaded": "Notebook got new content",
    "notebook.deleted": "Notebook was deleted",
    "notebook.copied": "Notebook was copied",
    "notebook.taken_down": "Notebook was taken down",
    "notebook.put_back": "Notebook was put back",
    "dataset.taken_down": "Dataset was taken down",
    "dataset.put_back": "Dataset was put back",
    "dataset.import": "Files are brought from elsewhere",
    "dataset.import_cancelled": "Bringing files was called off",
    "comment.made": "Comment was written",
    "comment.edited": "Comment was changed",
    "comment.deleted": "Comment was deleted",
    "comment.hidden": "Comment was hidden",
    "comment.shown": "Comment is shown again",
    "report.made": "Was reported",
    "report.upheld": "Report was upheld",
    "report.dismissed": "Report was dismissed",
    "notebook.settled": "Results were taken over",
    "notebook.restart_refused": "Could not start again",
}


def event_words(event: Event) -> str:
    """One line of what happened, with the figures that matter."""
    said = _SENTENCES.get(event.kind, event.kind)
    data = event.data if isinstance(event.data, dict) else {}
    extra = [
        str(data[key])
        for key in ("message", "machine", "role", "plan", "username", "slug", "title", "name")
        if data.get(key)
    ]
    if isinstance(data.get("seconds_left"), int):
        extra.append(f"{data.get('kind')}, {duration_words(data['seconds_left'])} left")
    elif isinstance(data.get("seconds"), int):
        extra.append(duration_words(data["seconds"]))
    return f"{said}: {', '.join(extra)}" if extra else said
