"""Work on many subjects, in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

from qualification.subjects import Subject

T = TypeVar("T")


def work(task: Callable[[Subject], T], subjects: Sequence[Subject], jobs: int) -> Iterator[T]:
    """Yield what `task` makes of each subject, as it is done; with one job, in this process and in order."""
    if jobs == 1:
        yield from map(task, subjects)
        return
    # Spawned, not forked: the parent may have threads, and a fork takes their locks along without them.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        # Those that are waited for go first, so that the others fill the time beside them.
        patiently = sorted(subjects, key=lambda subject: subject.patience)
        done = [pool.submit(task, subject) for subject in patiently]
        try:
            for future in as_completed(done):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
