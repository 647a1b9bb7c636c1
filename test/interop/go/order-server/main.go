// The services of the benches on grpc-go with its default codec, and reflection. Prints "listening PORT". TLS_CERT, TLS_KEY: files; with
// them it speaks TLS.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/reflection"
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

func (feeds) Upload(stream grpc.ClientStreamingServer[feed.FeedItem, feed.FeedSummary]) error {
	var bytes int64
	for {
		item, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(&feed.FeedSummary{Bytes: bytes})
		}
		if err != nil {
			return err
		}
		bytes += int64(len(item.Text))
	}
}

// options has the credentials that the environment names.
func options() []grpc.ServerOption {
	cert, key := os.Getenv("TLS_CERT"), os.Getenv("TLS_KEY")
	if cert == "" {
		return nil
	}
	credentials, err := credentials.NewServerTLSFromFile(cert, key)
	if err != nil {
		log.Fatal(err)
	}
	return []grpc.ServerOption{grpc.Creds(credentials)}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(options()...)
	order.RegisterOrderServer(server, orders{})
	feed.RegisterFeedServer(server, feeds{})
	reflection.Register(server)
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
