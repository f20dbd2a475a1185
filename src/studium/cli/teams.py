"""`studium teams`: members, roles, invitations, projects."""

from typing import Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.output import JsonFlag

app = group("Teams, their members and projects.")
Slug = Annotated[str, typer.Argument(metavar="TEAM", help="The team's short name.", show_default=False)]
Person = Annotated[str, typer.Argument(help="A username.", show_default=False)]
ROLES = "owner, admin, member or reader"


@app.command("list")
def list_teams(as_json: JsonFlag = False) -> None:
    """List your teams."""
    with server() as client:
        found = client.teams.all()
    if as_json:
        output.show_json(found)
        return
    rows = [(team.slug, team.name, team.role, team.plan) for team in found]
    output.table(["!team", "name", "!your role", "!plan"], rows, "You belong to no team.")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The name people read.", show_default=False)],
    slug: Annotated[str, typer.Option(help="The short name in addresses; made from the name when left out.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a shared team that you own."""
    with server() as client:
        made = client.teams.create(name, slug)
    if as_json:
        output.show_json(made)
        return
    output.say(f"Made {made.slug}. Invite people: studium teams invite {made.slug}")


@app.command("show")
def show(slug: Slug, as_json: JsonFlag = False) -> None:
    """Show one team."""
    with server() as client:
        found = client.teams.get(slug)
    if as_json:
        output.show_json(found)
        return
    output.facts(
        [
            ("team", found.slug),
            ("name", found.name),
            ("your role", found.role),
            ("plan", found.plan),
            ("members", found.members),
            ("projects", found.projects),
            ("notebooks", found.notebooks),
        ]
    )


@app.command("members")
def members(slug: Slug, as_json: JsonFlag = False) -> None:
    """List the members with their roles."""
    with server() as client:
        found = client.teams.members(slug)
    if as_json:
        output.show_json(found)
        return
    rows = [(m.username, m.role, m.email, "" if m.active else "deactivated") for m in found]
    output.table(["!member", "!role", "e-mail", ""], rows, "Nobody.")


@app.command("invite")
def invite(
    slug: Slug,
    role: Annotated[str, typer.Option(help=f"What they will be: {ROLES}.")] = "member",
    email: Annotated[str, typer.Option(help="Whom it is for, as a reminder; nothing is sent.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Make an invitation link; it works once, for seven days."""
    with server() as client:
        made = client.teams.invite(slug, role, email)
    if as_json:
        output.show_json(made)
        return
    typer.echo(made.url)
    output.note(f"Whoever opens this becomes {made.role} of {slug}. It ends {output.until(made.expires_at)}.")


@app.command("invitations")
def invitations(slug: Slug, as_json: JsonFlag = False) -> None:
    """List invitations that nobody has used yet."""
    with server() as client:
        found = client.teams.invitations(slug)
    if as_json:
        output.show_json(found)
        return
    rows = [(i.id, i.role, i.email, i.created_by, output.until(i.expires_at)) for i in found]
    output.table([">id", "!role", "for", "!by", "!ends"], rows, "No open invitations.")


@app.command("withdraw")
def withdraw(
    slug: Slug,
    invitation: Annotated[int, typer.Argument(help="The invitation's id.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Withdraw an invitation that nobody has used yet."""
    with server() as client:
        client.teams.withdraw(slug, invitation)
    if as_json:
        output.show_json({"withdrawn": invitation})
        return
    output.say("The link no longer works.")


@app.command("join")
def join(
    invitation: Annotated[str, typer.Argument(help="The invitation link.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Join a team by an invitation link."""
    with server() as client:
        found = client.teams.join(invitation)
    if as_json:
        output.show_json(found)
        return
    output.say(f"You are {found.role} of {found.slug}.")


@app.command("role")
def role(
    slug: Slug,
    username: Person,
    new: Annotated[str, typer.Argument(metavar="ROLE", help=ROLES, show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Give a member another role."""
    with server() as client:
        member = client.teams.set_role(slug, username, new)
    if as_json:
        output.show_json(member)
        return
    output.say(f"{member.username} is {member.role} of {slug}.")


@app.command("remove")
def remove(
    slug: Slug,
    username: Person,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Remove a member; with your own name, leave."""
    with server() as client:
        if not yes and not output.ask(f"Remove {username} from {slug}?"):
            raise fail("Nobody was removed.", "Say yes, or use --yes.")
        client.teams.remove(slug, username)
    if as_json:
        output.show_json({"removed": username})
        return
    output.say(f"{username} is no longer a member of {slug}.")


@app.command("projects")
def projects(slug: Slug, as_json: JsonFlag = False) -> None:
    """List the team's projects."""
    with server() as client:
        found = client.teams.projects(slug)
    if as_json:
        output.show_json(found)
        return
    rows = [(p.slug, p.name, p.notebooks, output.ago(p.created_at)) for p in found]
    output.table(["!project", "name", ">notebooks", "!made"], rows, "No projects.")


@app.command("project-create")
def project_create(
    slug: Slug,
    name: Annotated[str, typer.Argument(help="The name people read.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Make a project."""
    with server() as client:
        made = client.teams.create_project(slug, name)
    if as_json:
        output.show_json(made)
        return
    output.say(f"Made project {made.slug} in {slug}.")
