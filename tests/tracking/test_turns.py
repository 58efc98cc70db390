"""Of two runs that begin at once the second waits until the first has begun."""

import itertools
import multiprocessing
import time

from graft.tracking.turns import end_turn, wait_for_turn


def begin(project_path, beginnings):
    wait_for_turn(project_path)
    beginnings.put(time.time())
    end_turn()


def test_no_two_processes_begin_in_the_same_millisecond(tmp_path):
    context = multiprocessing.get_context("fork")
    beginnings = context.Queue()
    processes = [context.Process(target=begin, args=(tmp_path, beginnings)) for _ in range(8)]
    for process in processes:
        process.start()
    times = sorted(beginnings.get(timeout=30) for _ in processes)
    for process in processes:
        process.join()
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) >= 0.001


def test_a_turn_ends_with_its_process(tmp_path):
    context = multiprocessing.get_context("fork")
    holder = context.Process(target=wait_for_turn, args=(tmp_path,))
    holder.start()
    holder.join()
    wait_for_turn(tmp_path)
    end_turn()


def test_a_project_that_cannot_be_written_keeps_nobody_waiting(tmp_path):
    wait_for_turn(tmp_path / "absent")
    end_turn()
