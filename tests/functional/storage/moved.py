"""Reads what was acknowledged of versions, as `killed.py` writes it, from its input: what was made and not deleted is there."""

import json
import sys
from pathlib import Path


def main() -> None:
    import django

    sys.path[:0] = [str(Path(__file__).parents[2])]
    django.setup()
    from functional.killed import _digest_of
    from studium.datasets.models import DatasetVersion

    told = [json.loads(line) for line in sys.stdin]
    deleting = {key for what, key, _ in told if what == "deleting"}
    made = [(key, digest) for what, key, digest in told if what == "made" and key not in deleting]
    for key, digest in made:
        assert _digest_of(DatasetVersion.objects.get(pk=key, deleted_at=None)) == digest
    print(len(made))


if __name__ == "__main__":
    main()
