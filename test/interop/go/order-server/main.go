// The services of the benches on grpc-go with its default codec. Prints "listening PORT".
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"strings"

	"google.golang.org/grpc"
	"rocket-rpc/interop/feed"
	"rocket-rpc/interop/order"
)

type orders struct {
	order.UnimplementedOrderServer
}

func (orders) MakeOrder(context.Context, *order.MakeOrderRequest) (*order.MakeOrderResponse, error) {
	return &order.MakeOrderResponse{RetCode: 0, OrderId: "20230514"}, nil
}

type feeds struct {
	feed.UnimplementedFeedServer
}

// With it an item has 100 bytes.
var text = strings.Repeat("x", 98)

func (feeds) Listen(request *feed.FeedRequest, stream grpc.ServerStreamingServer[feed.FeedItem]) error {
	for range request.Messages {
		if err := stream.Send(&feed.FeedItem{Text: text}); err != nil {
			return err
		}
	}
	return nil
}

func (feeds) Echo(stream grpc.BidiStreamingServer[feed.FeedItem, feed.FeedItem]) error {
	for {
		item, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(item); err != nil {
			return err
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	order.RegisterOrderServer(server, orders{})
	feed.RegisterFeedServer(server, feeds{})
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
