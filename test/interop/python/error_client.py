"""Fails a call of Order/makeOrder by grpcio: `error_client.py PORT` prints the status, the message, and what the trailer
grpc-status-details-bin has, in hexadecimal digits."""

import os
import sys

import grpc

DEADLINE_SECONDS = 20

if __name__ == "__main__":
    with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel:
        call = channel.unary_unary("/Order/makeOrder")
        try:
            call(b"", timeout=DEADLINE_SECONDS)
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata())
            print(error.code().name, error.details(), trailers["grpc-status-details-bin"].hex())
        sys.stdout.flush()
        os._exit(0)  # as test_client.py
