// A load generator of gRPC streams: `stream-load -port P -method listen|echo [-connections N] [-streams N] [-seconds S]
// [-warmup S]`. listen: the server sends without end. echo: on each stream one message goes back and forth. It speaks
// HTTP/2 by frames, so that it takes little beside the server; and it ends with an error when a stream does.
// Prints "measuring" and "done" when its window opens and closes, then a report in JSON.
package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	"rocket-rpc/interop/feed"
)

type report struct {
	Seconds           float64 `json:"seconds"`
	Messages          int64   `json:"messages"`
	MessagesPerSecond float64 `json:"messagesPerSecond"`
	// Of echo; 0 when nothing goes back and forth.
	P50Us float64 `json:"p50Us"`
	P99Us float64 `json:"p99Us"`
}

func main() {
	port := flag.Int("port", 0, "")
	method := flag.String("method", "listen", "")
	count := flag.Int("connections", 50, "")
	streams := flag.Int("streams", 1, "on each connection")
	seconds := flag.Float64("seconds", 2, "")
	warmup := flag.Float64("warmup", 1, "")
	flag.Parse()
	log.SetFlags(0)

	var item []byte
	switch *method {
	case "listen":
	case "echo":
		item = framed(feedItem())
	default:
		log.Fatalf("-method %s: listen or echo", *method)
	}
	var measuring, stopping atomic.Bool
	var running sync.WaitGroup
	connections := make([]*connection, *count)
	for i := range connections {
		c, err := dial(fmt.Sprintf("127.0.0.1:%d", *port), item, &measuring)
		if err != nil {
			log.Fatal(err)
		}
		connections[i] = c
	}
	for _, c := range connections {
		if err := c.open(*streams, "/Feed/"+*method); err != nil {
			log.Fatal(err)
		}
		running.Go(func() {
			if err := c.run(); !stopping.Load() {
				log.Fatal(err)
			}
		})
	}
	received := func() (sum int64) {
		for _, c := range connections {
			sum += c.messages.Load()
		}
		return sum
	}

	time.Sleep(inSeconds(*warmup))
	measuring.Store(true)
	before, opened := received(), time.Now()
	fmt.Println("measuring")
	time.Sleep(inSeconds(*seconds))
	after, lasted := received(), time.Since(opened).Seconds()
	fmt.Println("done")
	measuring.Store(false)
	stopping.Store(true)
	for _, c := range connections {
		c.socket.Close()
	}
	running.Wait()

	if after == before {
		log.Fatal("no message came")
	}
	var roundTrips []float64
	for _, c := range connections {
		roundTrips = append(roundTrips, c.roundTrips...)
	}
	slices.Sort(roundTrips)
	line, err := json.Marshal(report{
		Seconds:           lasted,
		Messages:          after - before,
		MessagesPerSecond: float64(after-before) / lasted,
		P50Us:             quantile(roundTrips, 0.5),
		P99Us:             quantile(roundTrips, 0.99),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}

func inSeconds(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}

func quantile(sorted []float64, fraction float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(fraction*float64(len(sorted)-1))]
}

// feedItem has exactly messageBytes bytes.
func feedItem() []byte {
	return encoded(&feed.FeedItem{Text: strings.Repeat("x", messageBytes-2)})
}

func feedRequest(messages int32) []byte {
	return encoded(&feed.FeedRequest{Messages: messages})
}

func encoded(message proto.Message) []byte {
	bytes, err := proto.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	return bytes
}

// framed puts gRPC's prefix before a message.
func framed(message []byte) []byte {
	prefix := make([]byte, prefixBytes, prefixBytes+len(message))
	binary.BigEndian.PutUint32(prefix[1:], uint32(len(message)))
	return append(prefix, message...)
}
