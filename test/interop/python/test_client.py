"""Cases of grpc's interoperability tests by grpcio: `test_client.py [--gzip] PORT CASE...` prints "CASE ok" for each."""

import os
import queue
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from testing import *


def main(port, names, compression):
    with grpc.insecure_channel(f"127.0.0.1:{port}", compression=compression) as channel:
        for name in names:
            cases[name](channel)
            print(f"{name} ok", flush=True)
        # grpcio's threads can hang when a channel is closed or the interpreter ends, after the cases have passed.
        os._exit(0)


def call(channel, name, request, **options):
    return callable_of(channel, name)(request, timeout=DEADLINE_SECONDS, **options)


def error_of(action):
    try:
        action()
    except grpc.RpcError as error:
        return error
    return None


def empty_unary(channel):
    check(call(channel, "EmptyCall", Empty()) == Empty(), "an empty message expected")


def large_unary(channel):
    check_sizes([call(channel, "UnaryCall", large())], [LARGE_RESPONSE])


def client_compressed_unary(channel):
    def ask(expected, compression):
        request = large(expect_compressed={"value": expected})
        return call(channel, "UnaryCall", request, compression=compression)

    probe = error_of(lambda: ask(True, grpc.Compression.NoCompression))
    check_status(probe, grpc.StatusCode.INVALID_ARGUMENT)
    for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        check_sizes([ask(True, compression)], [LARGE_RESPONSE])
    check_sizes([ask(False, grpc.Compression.NoCompression)], [LARGE_RESPONSE])


def server_compressed_unary(channel):
    """grpcio does not say whether a response came compressed, only that it could be read."""
    for compressed in (True, False):
        response = call(channel, "UnaryCall", large(response_compressed={"value": compressed}))
        check_sizes([response], [LARGE_RESPONSE])


def client_streaming(channel):
    requests = (StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES)
    response = call(channel, "StreamingInputCall", requests)
    check(response.aggregated_payload_size == sum(REQUEST_SIZES), f"{response.aggregated_payload_size} bytes")


def server_streaming(channel):
    check_sizes(call(channel, "StreamingOutputCall", asking_for(*RESPONSE_SIZES)), RESPONSE_SIZES)


def ping_pong(channel):
    outgoing = queue.SimpleQueue()
    responses = call(channel, "FullDuplexCall", iter(outgoing.get, None))
    for request_size, size in zip(REQUEST_SIZES, RESPONSE_SIZES):
        outgoing.put(asking_for(size, request_size=request_size))
        check_sizes([next(responses)], [size])
    outgoing.put(None)
    check_sizes(responses, [])


def empty_stream(channel):
    check_sizes(call(channel, "FullDuplexCall", iter(())), [])


def custom_metadata(channel):
    unary = callable_of(channel, "UnaryCall")
    request = SimpleRequest(response_size=1, payload=payload(1))
    response, made = unary.with_call(request, timeout=DEADLINE_SECONDS, metadata=METADATA)
    check_sizes([response], [1])
    check_metadata(made.initial_metadata(), made.trailing_metadata())
    responses = call(channel, "FullDuplexCall", iter([asking_for(1)]), metadata=METADATA)
    check_sizes(responses, [1])
    check_metadata(responses.initial_metadata(), responses.trailing_metadata())


def status_of_both(channel, details):
    status = {"code": 2, "message": details}
    unary = error_of(lambda: call(channel, "UnaryCall", SimpleRequest(response_status=status)))
    check_status(unary, grpc.StatusCode.UNKNOWN, details)
    requests = iter([StreamingOutputCallRequest(response_status=status)])
    stream = error_of(lambda: list(call(channel, "FullDuplexCall", requests)))
    check_status(stream, grpc.StatusCode.UNKNOWN, details)


def unimplemented(channel, service):
    stub = callable_of(channel, "UnimplementedCall", service)
    check_status(error_of(lambda: stub(Empty(), timeout=DEADLINE_SECONDS)), grpc.StatusCode.UNIMPLEMENTED)


def cancel_after_begin(channel):
    made = callable_of(channel, "StreamingInputCall").future(iter(queue.SimpleQueue().get, None))
    made.cancel()
    check(made.cancelled() and made.code() == grpc.StatusCode.CANCELLED, "the call is not cancelled")
    empty_unary(channel)


def cancel_after_first_response(channel):
    outgoing = queue.SimpleQueue()
    outgoing.put(asking_for(RESPONSE_SIZES[0], request_size=REQUEST_SIZES[0]))
    responses = call(channel, "FullDuplexCall", iter(outgoing.get, None))
    check_sizes([next(responses)], [RESPONSE_SIZES[0]])
    responses.cancel()
    check_status(error_of(lambda: next(responses)), grpc.StatusCode.CANCELLED)
    outgoing.put(None)
    empty_unary(channel)


def timeout_on_sleeping_server(channel):
    outgoing = queue.SimpleQueue()
    outgoing.put(asking_for(request_size=REQUEST_SIZES[0]))
    responses = callable_of(channel, "FullDuplexCall")(iter(outgoing.get, None), timeout=0.001)
    check_status(error_of(lambda: next(responses)), grpc.StatusCode.DEADLINE_EXCEEDED)
    outgoing.put(None)


def concurrent_large_unary(channel):
    with ThreadPoolExecutor(max_workers=20) as threads:
        list(threads.map(lambda _: large_unary(channel), range(100)))


cases = {
    "empty_unary": empty_unary,
    "large_unary": large_unary,
    "client_compressed_unary": client_compressed_unary,
    "server_compressed_unary": server_compressed_unary,
    "client_streaming": client_streaming,
    "server_streaming": server_streaming,
    "ping_pong": ping_pong,
    "empty_stream": empty_stream,
    "custom_metadata": custom_metadata,
    "status_code_and_message": lambda channel: status_of_both(channel, STATUS_MESSAGE),
    "special_status_message": lambda channel: status_of_both(channel, SPECIAL_MESSAGE),
    "unimplemented_method": lambda channel: unimplemented(channel, "TestService"),
    "unimplemented_service": lambda channel: unimplemented(channel, "UnimplementedService"),
    "cancel_after_begin": cancel_after_begin,
    "cancel_after_first_response": cancel_after_first_response,
    "timeout_on_sleeping_server": timeout_on_sleeping_server,
    "concurrent_large_unary": concurrent_large_unary,
}

if __name__ == "__main__":
    gzip = sys.argv[1] == "--gzip"
    port, *names = sys.argv[2 if gzip else 1 :]
    main(port, names, grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression)
