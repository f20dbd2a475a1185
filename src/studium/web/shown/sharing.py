"""What the page of a notebook shows of its sharing: to those who manage it everybody and every link, to others their own part."""

from datetime import datetime

from studium.accounts.models import User
from studium.config.options import options
from studium.notebooks.access import may_manage
from studium.notebooks.launching import place_of
from studium.notebooks.models import Collaborator, Notebook
from studium.notebooks.sharing import queries
from studium.secrets.queries import given_names
from studium.web.forms.sharing import MakeLink, ShareWith


def fresh_share_form(data: object = None) -> ShareWith:
    return ShareWith(data, anybody=not options().open_signup)


def sharing(
    user: User,
    notebook: Notebook,
    *,
    now: datetime,
    share_form: ShareWith | None = None,
    link_form: MakeLink | None = None,
    made_link: str = "",
    said: str = "",
) -> dict[str, object]:
    """The context of `sharing/section.html`. `made_link` is the address that was just made, which is shown only now."""
    own = Collaborator.objects.filter(notebook=notebook, user=user).select_related("added_by").first()
    context: dict[str, object] = {"own_share": own, "manages": may_manage(user, notebook), "said": said}
    if context["manages"]:
        people, links = list(queries.people_of(notebook)), queries.links_of(notebook, now=now)
        context |= {
            "people": people,
            "links": links,
            "open_links": sum(shown.state == "open" for shown in links),
            "share_form": share_form or fresh_share_form(),
            "link_form": link_form or MakeLink(),
            "made_link": made_link,
            "given_secrets": given_names(place_of(notebook)),
        }
    return context
