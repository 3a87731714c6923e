"""Ids of runs are random UUIDs, and no two are equal."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from launchpad.ids import new_id


def test_an_id_is_a_random_uuid_in_its_usual_form() -> None:
    for _ in range(300):
        id = new_id()
        assert str(uuid.UUID(id)) == id
        assert (uuid.UUID(id).version, uuid.UUID(id).variant) == (4, uuid.RFC_4122)


def test_ids_differ_across_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = [id for made in pool.map(lambda _: [new_id() for _ in range(1000)], range(8)) for id in made]
    assert len(set(ids)) == len(ids)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_ids_differ_across_a_fork() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading) as pipe:
        assert pipe.read() != new_id()
