"""Run a task on many subjects in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

from qualification.subjects import Subject

T = TypeVar("T")


def work(task: Callable[[Subject], T], subjects: Sequence[Subject], jobs: int) -> Iterator[T]:
    """Yield the result of `task` for each subject as it completes, using `jobs` processes.

    With one job, the tasks run in this process and in order.
    """
    if jobs == 1:
        yield from map(task, subjects)
        return
    # Spawned, not forked: a fork of a process with threads copies their locks but not the threads.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        # Subjects that hang have the least patience. They go first, so that the others use the time they spend waiting.
        ordered = sorted(subjects, key=lambda subject: subject.patience)
        futures = [pool.submit(task, subject) for subject in ordered]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
