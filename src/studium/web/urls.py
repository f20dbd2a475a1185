"""Every address of the platform's own host."""

from django.urls import URLPattern, URLResolver, include, path

from studium.api.site import api
from studium.web import health
from studium.web.views import (
    editor,
    entering,
    git,
    home,
    machines,
    making,
    notebooks,
    runs,
    schedules,
    secrets,
    settings,
    teams,
    usage,
    versions,
    webhooks,
)
from studium.web.views.admin import events as admin_events
from studium.web.views.admin import machines as admin_machines
from studium.web.views.admin import people as admin_people
from studium.web.views.admin import plans as admin_plans
from studium.web.views.admin import runs as admin_runs

_VERSION = [
    path("", versions.show_version),
    path("body/", versions.body),
    path("change/", versions.change),
    path("restore/", versions.restore),
    path("again/", versions.run_again),
    path("copy/", versions.copy),
    path("download/", versions.download),
    path("files/<path:path>", versions.output_file),
]
_NOTEBOOK: list[URLPattern | URLResolver] = [
    path("", notebooks.show_notebook),
    path("document/", notebooks.document),
    path("status/", notebooks.status),
    path("download/", notebooks.download),
    path("change/", notebooks.change),
    path("upload/", notebooks.upload),
    path("copy/", notebooks.copy),
    path("delete/", notebooks.delete),
    path("start/", notebooks.start),
    path("save/", versions.save),
    path("compare/", versions.compare),
    path("versions/", versions.listing),
    path("versions/<int:number>/", include(_VERSION)),
    path("secrets/", secrets.set_of_notebook),
    path("secrets/change/", secrets.change_of_notebook),
    path("schedules/", schedules.listing),
    path("schedules/<str:schedule>/", schedules.change),
    path("schedules/<str:schedule>/do/", schedules.act),
    path("schedules/<str:schedule>/webhook/", webhooks.webhook),
    path("schedules/<str:schedule>/webhook/do/", webhooks.act),
    path("git/", git.card),
    path("git/do/", git.act),
    path("edit/", editor.editor),
    path("edit/panel/", editor.panel),
    path("edit/extend/", editor.extend),
    path("edit/stop/", editor.stop),
    path("edit/machine/", editor.change_machine),
]
_RUN = [
    path("", runs.show_run),
    path("state/", runs.state),
    path("log/", runs.log),
    path("log/download/", runs.download_log),
    path("stop/", runs.stop),
]
_TEAM = [
    path("", teams.show),
    path("invite/", teams.invite),
    path("invitations/<int:invitation>/revoke/", teams.revoke),
    path("members/<str:username>/role/", teams.set_role),
    path("members/<str:username>/remove/", teams.remove),
    path("projects/", teams.add_project),
    path("secrets/", secrets.set_of_team),
    path("secrets/remove/", secrets.remove_of_team),
]
_ADMIN = [
    path("", admin_machines.overview),
    path("machines/<str:machine>/drain/", admin_machines.drain),
    path("isolation/", admin_machines.isolation),
    path("runs/", admin_runs.listing),
    path("runs/<str:run_id>/stop/", admin_runs.stop),
    path("users/", admin_people.listing),
    path("users/invite/", admin_people.invite),
    path("users/invitations/<int:invitation>/revoke/", admin_people.revoke),
    path("users/<int:user_id>/", admin_people.change),
    path("plans/", admin_plans.listing),
    path("plans/load/", admin_plans.load),
    path("plans/assign/", admin_plans.assign),
    path("events/", admin_events.listing),
]

urlpatterns = [
    path("", home.home),
    path("notebooks/", notebooks.listing),
    path("notebooks/<slug:team>/<slug:slug>/", include(_NOTEBOOK)),
    path("new/", making.new),
    path("new/git/", git.new),
    path("gallery/", making.show_gallery),
    path("gallery/<slug:slug>/copy/", making.copy_from_gallery),
    path("open/<str:label>", editor.open_label),
    path("runs/", runs.listing),
    path("runs/<str:run_id>/", include(_RUN)),
    path("machines/", machines.machines),
    path("queue/", machines.queue),
    path("usage/", usage.own),
    path("usage/<slug:team>/", usage.usage),
    path("usage/<slug:team>/ledger.csv", usage.as_csv),
    path("teams/", teams.listing),
    path("teams/<slug:slug>/", include(_TEAM)),
    path("settings/", settings.profile),
    path("settings/tokens/", settings.tokens),
    path("settings/tokens/<int:token>/revoke/", settings.revoke_token),
    path("join/<str:secret>/", entering.join),
    path("login/link/<str:secret>/", entering.login_link),
    path("admin/", include(_ADMIN)),
    path("accounts/", include("allauth.urls")),
    path("healthz", health.healthz),
    path("metrics", health.metrics),
    path("-/edge/", include("studium.web.edge_answers")),
    path("-/documents/", include("studium.web.documents")),
    path("rest/", api.urls),
]

handler404 = "studium.web.views.errors.not_found"
handler500 = "studium.web.views.errors.fault"
