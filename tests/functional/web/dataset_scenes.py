"""Datasets for page tests: one of the team with two versions, one that is private, one everybody's, one without files."""

import io
from dataclasses import dataclass

from scenes import Scene

from factories.accounts import NOW, make_user
from studium.accounts.models import User
from studium.accounts.states import SharedRole, Visibility
from studium.community import actions as community
from studium.community.models import Comment
from studium.datasets import actions, uploading
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.subjects import subject_of

# The smallest picture: one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060606000000005000160a1"
    "6d1b0000000049454e44ae426082"
)
FILES = {
    "readme.md": b"# <script>alert(1)</script>\n",
    "tables/a.csv": b"id,name\n1,Ada\n",
    "tables/deep/b.csv": b"id\n2\n",
    "sky.png": PNG,
    "page.html": b"<script>alert(1)</script>",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "model.bin": bytes(range(256)) * 10,
    "nothing.txt": b"",
}
LATER = {**FILES, "tables/a.csv": b"id,name\n1,Ada\n2,Bob\n", "new file.txt": b"new\n"}
del LATER["model.bin"]


@dataclass(frozen=True)
class Data:
    """`editor` and `invited` are strangers to the team: everything but `public` is shared with them."""

    team: Dataset
    quiet: Dataset
    public: Dataset
    bare: Dataset
    editor: User
    invited: User
    said: Comment

    @property
    def covered(self) -> Dataset:
        """The private one, with a cover."""
        return actions.set_cover(self.quiet.created_by, self.quiet, PNG, now=NOW)

    @property
    def first(self) -> DatasetVersion:
        return self.team.versions.get(number=1)


def bring(actor: User, dataset: Dataset, files: dict[str, bytes], note: str = "") -> DatasetVersion:
    """A version of exactly these files, brought as the plain form brings them."""
    more = [
        uploading.keep(actor, dataset, path, io.BytesIO(content), used=0, now=NOW) for path, content in files.items()
    ]
    return uploading.make_version_of_arrived(actor, dataset, now=NOW, note=note, more=more)


def make_data(scene: Scene) -> Data:
    owner, team = scene.cast.owner, scene.cast.team
    editor, invited = make_user(), make_user()

    def made(title: str, visibility: Visibility, **card: object) -> Dataset:
        return actions.create_dataset(owner, team, title, now=NOW, visibility=visibility, **card)

    shared = made(
        "Team data", Visibility.TEAM, subtitle="Ours", tags=["weather"], licence="CC0-1.0", card="About *it*."
    )
    quiet = made("Quiet data", Visibility.PRIVATE)
    public = made("Open data", Visibility.PUBLIC, tags=["weather", "open"])
    bare = made("Bare data", Visibility.TEAM)
    bring(owner, shared, FILES, "First")
    bring(owner, shared, LATER, "Second")
    bring(owner, quiet, FILES)
    bring(owner, public, FILES)
    for each in (shared, quiet, bare):
        actions.share(owner, each, editor, SharedRole.EDITOR, now=NOW)
        actions.share(owner, each, invited, SharedRole.READER, now=NOW)
    said = community.comment(scene.cast.stranger, subject_of(public), "How *nice*.", now=NOW)
    return Data(team=shared, quiet=quiet, public=public, bare=bare, editor=editor, invited=invited, said=said)


def at(dataset: Dataset, rest: str = "") -> str:
    return f"/datasets/{dataset.team.slug}/{dataset.slug}/{rest}"
