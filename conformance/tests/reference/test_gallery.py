import re

from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.reference.app.gallery import LIFETIME_SECONDS, Gallery


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_file_can_be_fetched_any_number_of_times() -> None:
    gallery = Gallery()
    token = gallery.hang(b"file")
    assert [gallery.find(token) for _ in range(3)] == [b"file"] * 3


def test_unknown_token_returns_none() -> None:
    assert Gallery().find("no") is None


def test_file_is_deleted_after_sixty_minutes() -> None:
    clock = Clock()
    gallery = Gallery(clock)
    token = gallery.hang(b"file")
    clock.now = LIFETIME_SECONDS - 1
    later = gallery.hang(b"later")
    assert gallery.find(token) == b"file"
    clock.now = LIFETIME_SECONDS
    assert gallery.find(token) is None
    assert gallery.find(later) == b"later"


def test_oldest_files_are_evicted_first_and_the_newest_is_always_kept() -> None:
    gallery = Gallery(capacity=10)
    first, second, third = (gallery.hang(bytes(5)) for _ in range(3))
    assert [gallery.find(token) is not None for token in (first, second, third)] == [False, True, True]
    large = gallery.hang(bytes(99))
    assert [gallery.find(token) is not None for token in (second, third, large)] == [False, False, True]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2000)), max_size=60))
@settings(max_examples=200, deadline=None, database=None)
def test_gallery_keeps_the_newest_unexpired_files_that_fit_its_capacity(steps: list[tuple[int, int]]) -> None:
    clock = Clock()
    gallery = Gallery(clock, capacity=50)
    stored: list[tuple[str, int, float]] = []
    for size, seconds in steps:
        clock.now += seconds
        stored.append((gallery.hang(bytes(size)), size, clock.now))
        kept = [(size, stored_at) for token, size, stored_at in stored if gallery.find(token) is not None]
        assert sum(size for size, _ in kept) <= 50
        assert all(stored_at > clock.now - LIFETIME_SECONDS for _, stored_at in kept)
        unexpired = [(size, stored_at) for _, size, stored_at in stored if stored_at > clock.now - LIFETIME_SECONDS]
        assert kept == unexpired[len(unexpired) - len(kept) :]
        if len(kept) < len(unexpired):
            assert sum(size for size, _ in unexpired[len(unexpired) - len(kept) - 1 :]) > 50


def test_tokens_have_192_random_bits() -> None:
    gallery = Gallery(capacity=0)
    tokens = [gallery.hang(b"") for _ in range(500)]
    assert all(re.fullmatch(r"[0-9A-Za-z_-]{32}", token) for token in tokens)
    assert all(len({token[position] for token in tokens}) > 40 for position in range(32))
