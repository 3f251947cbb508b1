"""For the tests of applications that use the SDK: made-up results, a transport, and a server that speaks KServe v2.

    from wrinkle_client import Client
    from wrinkle_client.testing import FakeServer, make_result

    with FakeServer() as server, Client(server.http_url) as client:
        assert client.segment("face.jpg") == make_result("face.jpg")

Nothing here finds wrinkles: what is marked are the dark pixels of any picture, so that every answer follows from its
picture and a test can say what must come. There is no pytest plug-in; the fixture is two lines, see docs/client.md.
"""

from wrinkle_client.testing.fake_server import FakeServer, ReceivedCall
from wrinkle_client.testing.made_results import make_result
from wrinkle_client.testing.mock_transport import Handler, MockTransport, fake_answer

__all__ = ["FakeServer", "Handler", "MockTransport", "ReceivedCall", "fake_answer", "make_result"]
