"""A process that makes and deletes versions, collects, and says what it did; it is killed at any moment. The program
`killed.py work SEED` goes on until then, `killed.py check` reads what was acknowledged, as JSON lines, from its input."""

import json
import random
import sys
from datetime import timedelta
from pathlib import Path


def work(seed: int) -> None:
    from factories.accounts import NOW, make_user
    from factories.compute import load_plans
    from factories.datasets import make_dataset, make_version
    from functional.crashes import collect_all
    from studium.accounts.models import User
    from studium.datasets import actions

    chance, owner = random.Random(seed), User.objects.filter(username="owner").first()
    if owner is None:
        load_plans("open")
        owner = make_user("owner")
    dataset, now = make_dataset(owner, title=f"Of {seed}"), NOW + timedelta(days=100 * seed)
    shared = [chance.randbytes(400_000) for _ in range(6)]
    while True:
        now += timedelta(hours=3)
        parts = [*chance.sample(shared, 3), *(chance.randbytes(700_000) for _ in range(4))]
        version = make_version(owner, dataset, {"a": parts[:4], "b": parts[4:]}, now=now)
        said("made", version.pk, _digest_of(version))
        if chance.random() < 0.6:
            said("deleting", version.pk, "")
            actions.delete_version(owner, version, now=now)
        collect_all(now + timedelta(days=chance.choice([0, 9])))


def check() -> None:
    """What was acknowledged is there, and after the collectors nothing else is."""
    from factories.accounts import NOW
    from functional.crashes import check_nothing_else, settle
    from studium.datasets.models import DatasetVersion

    told = [json.loads(line) for line in sys.stdin]
    deleting = {key for what, key, _ in told if what == "deleting"}
    for what, key, digest in told:
        if what == "made" and key not in deleting:
            assert _digest_of(DatasetVersion.objects.get(pk=key, deleted_at=None)) == digest
    for version in DatasetVersion.objects.filter(deleted_at=None):
        _digest_of(version)
    settle(NOW + timedelta(days=10_000))
    check_nothing_else()
    for version in DatasetVersion.objects.filter(deleted_at=None):
        _digest_of(version)
    print(f"{len(told)} acknowledged, {len(deleting)} deleted")


def _digest_of(version: object) -> str:
    from factories.datasets import content_of, sha256

    return sha256(b"".join(content for _, content in sorted(content_of(version).items())))  # type: ignore[arg-type]


def said(what: str, key: int, more: str) -> None:
    print(json.dumps([what, key, more]), flush=True)


def main() -> None:
    import django

    sys.path.insert(0, str(Path(__file__).parents[1]))
    django.setup()
    if sys.argv[1] == "work":
        work(int(sys.argv[2]))
    else:
        check()


if __name__ == "__main__":
    main()
