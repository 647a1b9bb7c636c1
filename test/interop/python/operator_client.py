"""What operators ask of a server, by grpcio: `operator_client.py PORT health SERVICE...` prints a line "SERVICE STATUS" for
each, `operator_client.py PORT watch SERVICE` its first one, `operator_client.py PORT list` all that the
server has, `operator_client.py PORT services` what reflection names."""

import os
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

DEADLINE_SECONDS = 20


def health(channel, services):
    stub = health_pb2_grpc.HealthStub(channel)
    for service in services:
        try:
            response = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_SECONDS)
            print(service, health_pb2.HealthCheckResponse.ServingStatus.Name(response.status))
        except grpc.RpcError as error:
            print(service, error.code().name)


def watch(channel, services):
    stub = health_pb2_grpc.HealthStub(channel)
    responses = stub.Watch(health_pb2.HealthCheckRequest(service=services[0]), timeout=DEADLINE_SECONDS)
    print(services[0], health_pb2.HealthCheckResponse.ServingStatus.Name(next(responses).status))
    responses.cancel()


def list_health(channel, _):
    statuses = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest(), timeout=DEADLINE_SECONDS).statuses
    for name in sorted(statuses):
        print(name, health_pb2.HealthCheckResponse.ServingStatus.Name(statuses[name].status))


def services(channel, _):
    for name in sorted(ProtoReflectionDescriptorDatabase(channel).get_services()):
        print(name)


if __name__ == "__main__":
    port, what, *names = sys.argv[1:]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as made:
        {"health": health, "watch": watch, "list": list_health, "services": services}[what](made, names)
        sys.stdout.flush()
        os._exit(0)  # as test_client.py
