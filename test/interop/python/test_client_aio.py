"""Cases of grpc's interoperability tests by grpcio's asyncio API: `test_client_aio.py PORT CASE...` prints "CASE ok" for each."""

import asyncio
import os
import sys

import grpc
from testing import *


async def main(port, names):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for name in names:
            await asyncio.wait_for(cases[name](channel), DEADLINE_SECONDS)
            print(f"{name} ok", flush=True)
        # grpcio's threads can hang when a channel is closed or the interpreter ends, after the cases have passed.
        os._exit(0)


def call(channel, name, request=None, **options):
    arguments = () if request is None else (request,)
    return callable_of(channel, name)(*arguments, **options)


async def error_of(awaitable):
    try:
        await awaitable
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def taken(responses):
    return [response async for response in responses]


async def empty_unary(channel):
    check(await call(channel, "EmptyCall", Empty()) == Empty(), "an empty message expected")


async def large_unary(channel):
    check_sizes([await call(channel, "UnaryCall", large())], [LARGE_RESPONSE])


async def client_streaming(channel):
    requests = (StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES)
    response = await call(channel, "StreamingInputCall", requests)
    check(response.aggregated_payload_size == sum(REQUEST_SIZES), f"{response.aggregated_payload_size} bytes")


async def server_streaming(channel):
    responses = call(channel, "StreamingOutputCall", asking_for(*RESPONSE_SIZES))
    check_sizes(await taken(responses), RESPONSE_SIZES)


async def ping_pong(channel):
    stream = call(channel, "FullDuplexCall")
    for request_size, size in zip(REQUEST_SIZES, RESPONSE_SIZES):
        await stream.write(asking_for(size, request_size=request_size))
        check_sizes([await stream.read()], [size])
    await stream.done_writing()
    check(await stream.read() is grpc.aio.EOF, "a response too many")


async def empty_stream(channel):
    stream = call(channel, "FullDuplexCall")
    await stream.done_writing()
    check(await stream.read() is grpc.aio.EOF, "a response too many")


async def custom_metadata(channel):
    unary = call(channel, "UnaryCall", SimpleRequest(response_size=1, payload=payload(1)), metadata=METADATA)
    check_sizes([await unary], [1])
    check_metadata(await unary.initial_metadata(), await unary.trailing_metadata())
    stream = call(channel, "FullDuplexCall", iter([asking_for(1)]), metadata=METADATA)
    check_sizes(await taken(stream), [1])
    check_metadata(await stream.initial_metadata(), await stream.trailing_metadata())


async def status_of_both(channel, details):
    status = {"code": 2, "message": details}
    unary = await error_of(call(channel, "UnaryCall", SimpleRequest(response_status=status)))
    check_status(unary, grpc.StatusCode.UNKNOWN, details)
    requests = iter([StreamingOutputCallRequest(response_status=status)])
    stream = await error_of(taken(call(channel, "FullDuplexCall", requests)))
    check_status(stream, grpc.StatusCode.UNKNOWN, details)


async def unimplemented(channel, service):
    stub = callable_of(channel, "UnimplementedCall", service)
    check_status(await error_of(stub(Empty())), grpc.StatusCode.UNIMPLEMENTED)


async def cancel_after_first_response(channel):
    stream = call(channel, "FullDuplexCall")
    await stream.write(asking_for(RESPONSE_SIZES[0], request_size=REQUEST_SIZES[0]))
    check_sizes([await stream.read()], [RESPONSE_SIZES[0]])
    stream.cancel()
    check(await stream.code() == grpc.StatusCode.CANCELLED, "the call is not cancelled")
    await empty_unary(channel)


async def timeout_on_sleeping_server(channel):
    stream = call(channel, "FullDuplexCall", timeout=0.001)
    check(await stream.code() == grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline did not pass")


async def concurrent_large_unary(channel):
    await asyncio.gather(*(large_unary(channel) for _ in range(100)))


cases = {
    "empty_unary": empty_unary,
    "large_unary": large_unary,
    "client_streaming": client_streaming,
    "server_streaming": server_streaming,
    "ping_pong": ping_pong,
    "empty_stream": empty_stream,
    "custom_metadata": custom_metadata,
    "status_code_and_message": lambda channel: status_of_both(channel, STATUS_MESSAGE),
    "special_status_message": lambda channel: status_of_both(channel, SPECIAL_MESSAGE),
    "unimplemented_method": lambda channel: unimplemented(channel, "TestService"),
    "unimplemented_service": lambda channel: unimplemented(channel, "UnimplementedService"),
    "cancel_after_first_response": cancel_after_first_response,
    "timeout_on_sleeping_server": timeout_on_sleeping_server,
    "concurrent_large_unary": concurrent_large_unary,
}

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
