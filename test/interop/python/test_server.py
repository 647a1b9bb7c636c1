"""The service of grpc's interoperability tests on grpcio; says its port. It does not tell of compression."""

import sys
import time
from concurrent import futures

import grpc
from testing import *

SimpleResponse = message("SimpleResponse")
StreamingInputCallResponse = message("StreamingInputCallResponse")
StreamingOutputCallResponse = message("StreamingOutputCallResponse")


def echo(context):
    sent = dict(context.invocation_metadata())
    if INITIAL_KEY in sent:
        context.send_initial_metadata(((INITIAL_KEY, sent[INITIAL_KEY]),))
    if TRAILING_KEY in sent:
        context.set_trailing_metadata(((TRAILING_KEY, sent[TRAILING_KEY]),))


def fail_as_asked(request, context):
    if request.response_status.code:
        codes = {code.value[0]: code for code in grpc.StatusCode}
        context.abort(codes[request.response_status.code], request.response_status.message)


def empty_call(_request, _context):
    return Empty()


def unary_call(request, context):
    echo(context)
    fail_as_asked(request, context)
    return SimpleResponse(payload=payload(request.response_size))


def answers(request):
    for parameters in request.response_parameters:
        time.sleep(parameters.interval_us / 1_000_000)
        yield StreamingOutputCallResponse(payload=payload(parameters.size))


def streaming_output_call(request, context):
    echo(context)
    fail_as_asked(request, context)
    yield from answers(request)


def streaming_input_call(requests, _context):
    return StreamingInputCallResponse(aggregated_payload_size=sum(len(request.payload.body) for request in requests))


def full_duplex_call(requests, context):
    echo(context)
    for request in requests:
        fail_as_asked(request, context)
        yield from answers(request)


def handler(make, behavior, request):
    return make(behavior, request.FromString, lambda value: value.SerializeToString())


def main():
    # A call of these cases may wait for its client, and others are made meanwhile.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    methods = {
        "EmptyCall": handler(grpc.unary_unary_rpc_method_handler, empty_call, Empty),
        "UnaryCall": handler(grpc.unary_unary_rpc_method_handler, unary_call, SimpleRequest),
        "StreamingOutputCall": handler(
            grpc.unary_stream_rpc_method_handler, streaming_output_call, StreamingOutputCallRequest
        ),
        "StreamingInputCall": handler(
            grpc.stream_unary_rpc_method_handler, streaming_input_call, StreamingInputCallRequest
        ),
        "FullDuplexCall": handler(grpc.stream_stream_rpc_method_handler, full_duplex_call, StreamingOutputCallRequest),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.testing.TestService", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening {port}", flush=True)
    server.wait_for_termination()


main()
