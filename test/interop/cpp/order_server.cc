// The service of the benches on grpc++ with its callback API. Prints "listening PORT".
#include <grpcpp/grpcpp.h>

#include <iostream>
#include <memory>

#include "order.grpc.pb.h"

namespace {

class Orders final : public Order::CallbackService {
  grpc::ServerUnaryReactor* makeOrder(grpc::CallbackServerContext* context, const makeOrderRequest* /*request*/,
                                      makeOrderResponse* response) override {
    response->set_ret_code(0);
    response->set_order_id("20230514");
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main() {
  Orders orders;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&orders);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server || port == 0) {
    std::cerr << "could not listen\n";
    return 1;
  }
  std::cout << "listening " << port << std::endl;
  server->Wait();
  return 0;
}
