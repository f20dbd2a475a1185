"""Every address of the platform's own host."""

from django.urls import URLPattern, URLResolver, include, path

from studium.api.site import api
from studium.web import health
from studium.web.views import (
    community,
    editor,
    entering,
    environments,
    git,
    home,
    inputs,
    machines,
    making,
    notebooks,
    notifications,
    people,
    runs,
    schedules,
    secrets,
    settings,
    sharing,
    teams,
    usage,
    versions,
    webhooks,
)
from studium.web.views.admin import events as admin_events
from studium.web.views.admin import machines as admin_machines
from studium.web.views.admin import people as admin_people
from studium.web.views.admin import plans as admin_plans
from studium.web.views.admin import reports as admin_reports
from studium.web.views.admin import runs as admin_runs
from studium.web.views.datasets import adding as dataset_adding
from studium.web.views.datasets import columns as dataset_columns
from studium.web.views.datasets import covers as dataset_covers
from studium.web.views.datasets import listing as datasets
from studium.web.views.datasets import profiles as dataset_profiles
from studium.web.views.datasets import settings as dataset_settings
from studium.web.views.datasets import showing as dataset_showing
from studium.web.views.datasets import versions as dataset_versions

_VERSION = [
    path("", versions.show_version),
    path("body/", versions.body),
    path("change/", versions.change),
    path("restore/", versions.restore),
    path("again/", versions.run_again),
    path("copy/", versions.copy),
    path("download/", versions.download),
    path("files/<path:path>", versions.output_file),
    path("view/<int:at>/", versions.view_file),
]
# Of everything that people talk about; which kind it is comes with the address.
_TALK = [
    path("comments/", community.comments),
    path("comments/<int:comment>/", community.thread),
    path("comments/<int:comment>/reply/", community.reply),
    path("comments/<int:comment>/edit/", community.edit),
    path("comments/<int:comment>/do/", community.act),
    path("vote/", community.vote),
    path("bookmark/", community.bookmark),
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
    path("environment/", environments.choose),
    path("inputs/", inputs.inputs),
    path("inputs/do/", inputs.act),
    path("tags/", sharing.change_tags),
    path("sharing/add/", sharing.add),
    path("sharing/change/", sharing.change),
    path("sharing/leave/", sharing.leave),
    path("sharing/link/", sharing.make_link),
    path("sharing/link/<str:link>/revoke/", sharing.revoke_link),
    path("secrets/", secrets.of_notebook),
    path("secrets/change/", secrets.change_of_notebook),
    path("schedules/", schedules.listing),
    path("schedules/<str:schedule>/", schedules.change),
    path("schedules/<str:schedule>/do/", schedules.act),
    path("", include(_TALK)),
    path("report/", community.report),
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
_DATASET: list[URLPattern | URLResolver] = [
    path("", dataset_showing.show),
    path("profile/", dataset_profiles.profile),
    path("rows/", dataset_profiles.rows),
    path("croissant/", dataset_showing.croissant),
    path("file/", dataset_showing.show_file),
    path("picture/", dataset_showing.picture),
    path("download/", dataset_showing.download),
    path("archive/", dataset_showing.archive),
    path("versions/", dataset_versions.listing),
    path("versions/<int:number>/delete/", dataset_versions.delete),
    path("compare/", dataset_versions.compare),
    path("compare/tables/", dataset_versions.compare_tables),
    path("settings/", dataset_settings.settings),
    path("settings/columns/", dataset_columns.columns),
    path("cover/", dataset_covers.cover),
    path("cover/change/", dataset_covers.change),
    path("visibility/", dataset_settings.visibility),
    path("sharing/add/", dataset_settings.share),
    path("sharing/change/", dataset_settings.change_share),
    path("sharing/leave/", dataset_settings.leave),
    path("delete/", dataset_settings.delete),
    path("add/", dataset_adding.add),
    path("add/begin/", dataset_adding.begin),
    path("add/arrived/", dataset_adding.arrived),
    path("add/forget/", dataset_adding.forget),
    path("add/<str:upload>/", dataset_adding.receive),
    path("", include(_TALK), {"kind": "dataset"}),
]
_RUN = [
    path("", runs.show_run),
    path("state/", runs.state),
    path("log/", runs.log),
    path("log/download/", runs.download_log),
    path("log/search/", runs.search),
    path("watch/", runs.watch),
    path("stop/", runs.stop),
]
_TEAM = [
    path("", teams.show),
    path("invite/", teams.invite),
    path("invitations/<int:invitation>/revoke/", teams.revoke),
    path("members/<str:username>/role/", teams.set_role),
    path("members/<str:username>/remove/", teams.remove),
    path("projects/", teams.add_project),
    path("environments/", environments.of_team),
    path("secrets/", secrets.set_of_team),
    path("secrets/remove/", secrets.remove_of_team),
]
_ENVIRONMENT = [
    path("", environments.show),
    path("body/", environments.body),
    path("build/", environments.build),
    path("rename/", environments.rename),
    path("delete/", environments.delete),
    path("builds/<int:number>/lock/", environments.lock),
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
    path("reports/", admin_reports.listing),
    path("reports/<str:report>/dismiss/", admin_reports.dismiss),
    path("notebooks/<str:notebook>/take-down/", admin_reports.down),
    path("notebooks/<str:notebook>/put-back/", admin_reports.back),
]

urlpatterns = [
    path("", home.home),
    path("notebooks/", notebooks.listing),
    path("notebooks/<slug:team>/<slug:slug>/", include(_NOTEBOOK)),
    path("datasets/", datasets.listing),
    path("datasets/new/", datasets.new),
    path("datasets/<slug:team>/<slug:slug>/", include(_DATASET)),
    path("new/", making.new),
    path("new/git/", git.new),
    path("gallery/", making.show_gallery),
    path("gallery/<slug:slug>/copy/", making.copy_from_gallery),
    path("open/<str:label>", editor.open_label),
    path("environments/", environments.default),
    path("environments/<slug:team>/<slug:slug>/", include(_ENVIRONMENT)),
    path("runs/", runs.listing),
    path("runs/<str:run_id>/", include(_RUN)),
    path("machines/", machines.machines),
    path("queue/", machines.queue),
    path("usage/", usage.own),
    path("usage/<slug:team>/", usage.usage),
    path("usage/<slug:team>/ledger.csv", usage.as_csv),
    path("teams/", teams.listing),
    path("teams/<slug:slug>/", include(_TEAM)),
    path("people/<str:username>/", people.person),
    path("bookmarks/", people.bookmarks),
    path("bookmarks/remove/", people.remove_bookmark),
    path("notifications/", notifications.listing),
    path("notifications/read/", notifications.read),
    path("notifications/<int:notification>/", notifications.follow),
    path("settings/", settings.profile),
    path("settings/page/", settings.own_page),
    path("settings/notifications/", notifications.settings),
    path("settings/tokens/", settings.tokens),
    path("settings/tokens/<int:token>/revoke/", settings.revoke_token),
    path("join/<str:secret>/", entering.join),
    path("shared/<str:secret>/", sharing.come),
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
