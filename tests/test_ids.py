"""Ids of runs: random UUIDs, each given once."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from launchpad.ids import new_id


def test_an_id_is_a_random_uuid_as_it_is_usually_written() -> None:
    for _ in range(300):
        id = new_id()
        assert str(uuid.UUID(id)) == id
        assert (uuid.UUID(id).version, uuid.UUID(id).variant) == (4, uuid.RFC_4122)


def test_no_id_is_given_twice_whichever_threads_ask() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = [id for made in pool.map(lambda _: [new_id() for _ in range(1000)], range(8)) for id in made]
    assert len(set(ids)) == len(ids)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_forked_process_has_ids_of_its_own() -> None:
    new_id()  # what is kept for later is the child's too
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, " ".join(new_id() for _ in range(300)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading) as pipe:
        theirs = set(pipe.read().split())
    assert len(theirs) == 300
    assert theirs.isdisjoint({new_id() for _ in range(300)})
