"""Messages and methods of grpc's interoperability tests, from the descriptors that setup-peers.sh makes."""

from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_descriptors = Path(__file__).parents[3] / "build/peers/share/testing.binpb"
_files = descriptor_pb2.FileDescriptorSet.FromString(_descriptors.read_bytes())
_pool = descriptor_pool.DescriptorPool()
for _file in _files.file:
    _pool.Add(_file)

REQUEST_SIZES = (27182, 8, 1828, 45904)
RESPONSE_SIZES = (31415, 9, 2653, 58979)
LARGE_REQUEST = 271828
LARGE_RESPONSE = 314159
INITIAL_KEY = "x-grpc-test-echo-initial"
INITIAL_VALUE = "test_initial_metadata_value"
TRAILING_KEY = "x-grpc-test-echo-trailing-bin"
TRAILING_VALUE = b"\xab\xab\xab"
METADATA = ((INITIAL_KEY, INITIAL_VALUE), (TRAILING_KEY, TRAILING_VALUE))
STATUS_MESSAGE = "test status message"
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
DEADLINE_SECONDS = 20


def message(name):
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"grpc.testing.{name}"))


Empty = message("Empty")
SimpleRequest = message("SimpleRequest")
StreamingInputCallRequest = message("StreamingInputCallRequest")
StreamingOutputCallRequest = message("StreamingOutputCallRequest")


def callable_of(channel, name, service="TestService"):
    """The stub of a method, of the kind that its definition says."""
    method = _pool.FindServiceByName(f"grpc.testing.{service}").FindMethodByName(name)
    request = "stream" if method.client_streaming else "unary"
    response = "stream" if method.server_streaming else "unary"
    return getattr(channel, f"{request}_{response}")(
        f"/grpc.testing.{service}/{name}",
        request_serializer=lambda value: value.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )


def payload(size):
    return {"body": bytes(size)}


def large(**fields):
    return SimpleRequest(response_size=LARGE_RESPONSE, payload=payload(LARGE_REQUEST), **fields)


def asking_for(*sizes, request_size=0):
    parameters = [{"size": size} for size in sizes]
    return StreamingOutputCallRequest(response_parameters=parameters, payload=payload(request_size))


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def check_sizes(responses, sizes):
    bodies = [response.payload.body for response in responses]
    check([len(body) for body in bodies] == list(sizes), f"sizes {sizes} expected, not {[len(body) for body in bodies]}")
    check(not any(any(body) for body in bodies), "a payload is not all zeroes")


def check_metadata(initial, trailing):
    initial = dict(initial)
    trailing = dict(trailing)
    check(initial.get(INITIAL_KEY) == INITIAL_VALUE, f"initial metadata: {initial}")
    check(trailing.get(TRAILING_KEY) == TRAILING_VALUE, f"trailing metadata: {trailing}")


def check_status(error, code, details=None):
    check(error is not None, f"{code} expected, not a response")
    check(error.code() == code, f"{code} expected, not {error.code()}: {error.details()}")
    check(details is None or error.details() == details, f"{details!r} expected, not {error.details()!r}")
