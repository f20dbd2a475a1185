"""Runs that take all they can get: they end with the right reason, and the run beside them does not notice."""

import json

from functional.isolation.places import MIB, Place


def test_a_memory_balloon_ends_alone(place: Place) -> None:
    neighbour = place.neighbour()
    ended = place.run(
        """
        import os
        held = []
        # From several processes, so that no limit of a single one is enough.
        for _ in range(3):
            if os.fork() == 0:
                break
        while True:
            held.append(b'x' * (4 << 20))
        """,
        memory=96 * MIB,
    )
    if place.is_root or ended.cause != "exit":
        assert ended.cause == "out_of_memory", ended.seen
        assert "96 MiB" in ended.seen["message"]
    else:  # the limit of the single process was met before the next look at their sum
        assert "MemoryError" in ended.log
    done = neighbour()
    assert (done.code, done.log) == (0, "neighbour done\n")


def test_one_process_over_the_memory_limit_is_out_of_memory(place: Place) -> None:
    ended = place.run("held = bytearray(b'x') * (400 << 20)", memory=96 * MIB)
    if ended.cause == "exit":  # an ordinary user's runs are refused the memory and can tell it themselves
        assert "MemoryError" in ended.log
        assert not place.is_root
    else:
        assert ended.cause == "out_of_memory"


def test_a_fork_bomb_stays_in_its_pen(place: Place) -> None:
    neighbour = place.neighbour()
    ended = place.run(
        """
        import os, sys, time
        born = 0
        try:
            while born < 5000:
                if os.fork() == 0:
                    time.sleep(600)
                born += 1
        except OSError as error:
            print(born, error.errno)
            sys.exit(7)
        """,
        pids=40,
    )
    assert ended.code == 7, ended
    born, number = ended.log.split()
    assert int(born) < 44
    assert number == "11"
    done = neighbour()
    assert (done.code, done.log) == (0, "neighbour done\n")


def test_a_spreading_fork_bomb_can_be_stopped(place: Place) -> None:
    run_id = place.start(
        """
        import os, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('going')
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """,
        pids=40,
    )
    place.wait(run_id, "running")
    neighbour = place.neighbour()
    done = neighbour()
    assert (done.code, done.log) == (0, "neighbour done\n")
    place.drive("stop", run_id)
    place.runs.remove(run_id)


FILL = """
import errno, os, sys
try:
    with open('big', 'wb', buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 20))
except OSError as error:
    print(error.errno, os.path.getsize('big') >> 20)
import time
time.sleep(float(sys.argv[1]))
sys.exit(5)
"""


def test_a_filled_disk_is_full_for_its_owner_only(place: Place) -> None:
    neighbour = place.neighbour()
    ended = place.run(FILL, "20" if not place.is_root else "0", disk=16 * MIB)
    assert ended.cause == "disk_full", ended
    if place.is_root:
        number, written = ended.log.split()
        assert number == "28"
        assert int(written) < 16
    done = neighbour()
    assert (done.code, done.log) == (0, "neighbour done\n")


def test_many_small_files_fill_only_the_volume(root_place: Place) -> None:
    ended = root_place.run(
        """
        import os, sys
        made = 0
        try:
            while True:
                os.close(os.open(f'f{made}', os.O_CREAT))
                made += 1
        except OSError as error:
            print(error.errno)
            sys.exit(5)
        """,
        disk=8 * MIB,
    )
    assert ended.log == "28\n"
    assert ended.cause == "disk_full"


def test_files_in_scratch_count_as_memory(root_place: Place) -> None:
    ended = root_place.run(
        """
        for name in ('/tmp/a', '/dev/shm/a'):
            try:
                open(name, 'wb').write(bytes(200 << 20))
            except OSError as error:
                print(error.errno)
        """,
        memory=96 * MIB,
    )
    assert ended.log == "28\n28\n" or ended.cause == "out_of_memory"


def test_a_flood_of_output_is_cut_and_says_so(place: Place) -> None:
    neighbour = place.neighbour()
    ended = place.run(
        """
        import sys
        for number in range(60_000):
            print('x' * 200, number)
        print('the very end')
        """,
        log=MIB,
    )
    assert ended.code == 0
    assert len(ended.log) < MIB + 500
    assert ended.log.startswith("x" * 200 + " 0\n")
    assert "log limit reached" in ended.log
    assert "bytes left out" in ended.log
    assert ended.log.endswith("the very end\n")
    done = neighbour()
    assert (done.code, done.log) == (0, "neighbour done\n")


def test_the_processor_is_shared_out(root_place: Place) -> None:
    ended = root_place.run(
        """
        import os, time
        for _ in range(3):
            if os.fork() == 0:
                break
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            pass
        time.sleep(0.3)
        """
    )
    assert ended.code == 0
    # Four spinning processes on one core for a second and a half, less what other tests took.
    assert ended.seen["usage"]["cpu_seconds"] < 2.4


def test_what_an_ordinary_user_cannot_enforce_is_told(place: Place) -> None:
    failed = json.loads(place.drive("checks"))
    if place.is_root:
        assert not {"own user per run", "workspace size", "sandbox", "nested namespaces", "system call filter"} & set(
            failed
        )
    else:
        assert {"own user per run", "workspace size"} <= set(failed)
