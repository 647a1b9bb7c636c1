// The service of the benches on grpc-go with its default codec. Prints "listening PORT".
package main

import (
	"context"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"rocket-rpc/interop/order"
)

type orders struct {
	order.UnimplementedOrderServer
}

func (orders) MakeOrder(context.Context, *order.MakeOrderRequest) (*order.MakeOrderResponse, error) {
	return &order.MakeOrderResponse{RetCode: 0, OrderId: "20230514"}, nil
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	order.RegisterOrderServer(server, orders{})
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
