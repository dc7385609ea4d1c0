"""A process that is forked from one with a client, and one that a client is sent to."""

import os
import pickle

import pytest
from client.driving import KEY, Driver
from client.recorder import Recorder
from client.uploads import image
from image_variations import Client, ImageVariationsError


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_opens_its_own_connection_and_leaves_that_of_its_parent(recorder: Recorder) -> None:
    recorder.expect()
    before = recorder.connections
    with Client(api_key=KEY, base_url=recorder.base_url) as client:
        client.images.create_variation(image=image())
        child = os.fork()
        if not child:
            status = 1
            try:
                client.images.create_variation(image=image())
                client.close()
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        client.images.create_variation(image=image())
    assert recorder.connections == before + 2
    assert len(recorder.received) == 3


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_client_and_what_has_one_cannot_be_pickled_and_the_error_says_why(driver: Driver, protocol: int) -> None:
    client = driver.client
    for thing in (client, client._options, client.images, client.images.with_raw_response):
        with pytest.raises(ImageVariationsError, match="cannot be pickled, because it has the API key"):
            pickle.dumps(thing, protocol)
