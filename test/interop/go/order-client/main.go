// The client of the benches on grpc-go with its default codec: `order-client -port P [-callers N] [-seconds S]
// [-warmup S]`, on one connection. It measures as bench/clients/closed-loop.ts does, and prints the same: "measuring",
// "done", and a report in JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"rocket-rpc/interop/order"
)

// Of so many calls one is timed.
const timedOneIn = 8

type report struct {
	Calls                  int64   `json:"calls"`
	Seconds                float64 `json:"seconds"`
	CallsPerSecond         float64 `json:"callsPerSecond"`
	ClientCpuMicrosPerCall float64 `json:"clientCpuMicrosPerCall"`
	P50Us                  float64 `json:"p50Us"`
	P99Us                  float64 `json:"p99Us"`
	P999Us                 float64 `json:"p999Us"`
}

// One that has one call in flight.
type caller struct {
	client order.OrderClient
	calls  atomic.Int64
	// Of timed calls while `measuring`, in microseconds.
	micros    []float64
	measuring *atomic.Bool
}

// run numbers its calls from `first`, so that callers do not all time the same one.
func (c *caller) run(ctx context.Context, first int) {
	request := &order.MakeOrderRequest{Price: 100, Goods: strings.Repeat("x", 96)}
	for number := first; ctx.Err() == nil; number++ {
		timed := number%timedOneIn == 0
		var started time.Time
		if timed {
			started = time.Now()
		}
		// Not ctx: a call that is under way when it is over is answered.
		reply, err := c.client.MakeOrder(context.Background(), request)
		if err != nil {
			log.Fatal(err)
		}
		if reply.OrderId != "20230514" {
			log.Fatalf("a reply with orderId %q", reply.OrderId)
		}
		c.calls.Add(1)
		if timed && c.measuring.Load() {
			c.micros = append(c.micros, float64(time.Since(started).Nanoseconds())/1000)
		}
	}
}

func main() {
	port := flag.Int("port", 0, "")
	count := flag.Int("callers", 50, "")
	seconds := flag.Float64("seconds", 2, "")
	warmup := flag.Float64("warmup", 1, "")
	flag.Parse()
	log.SetFlags(0)

	address := fmt.Sprintf("passthrough:///127.0.0.1:%d", *port)
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	var measuring atomic.Bool
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	callers := make([]*caller, *count)
	for i := range callers {
		callers[i] = &caller{client: order.NewOrderClient(connection), measuring: &measuring}
		running.Go(func() { callers[i].run(ctx, i) })
	}
	answered := func() (sum int64) {
		for _, c := range callers {
			sum += c.calls.Load()
		}
		return sum
	}

	time.Sleep(inSeconds(*warmup))
	measuring.Store(true)
	before, cpuBefore, opened := answered(), cpuMicros(), time.Now()
	fmt.Println("measuring")
	time.Sleep(inSeconds(*seconds))
	after, cpuAfter, lasted := answered(), cpuMicros(), time.Since(opened).Seconds()
	fmt.Println("done")
	measuring.Store(false)
	stop()
	running.Wait()

	calls := after - before
	if calls == 0 {
		log.Fatal("no call was answered")
	}
	var micros []float64
	for _, c := range callers {
		micros = append(micros, c.micros...)
	}
	slices.Sort(micros)
	line, err := json.Marshal(report{
		Calls:                  calls,
		Seconds:                lasted,
		CallsPerSecond:         float64(calls) / lasted,
		ClientCpuMicrosPerCall: (cpuAfter - cpuBefore) / float64(calls),
		P50Us:                  quantile(micros, 0.5),
		P99Us:                  quantile(micros, 0.99),
		P999Us:                 quantile(micros, 0.999),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}

// cpuMicros is what this process has used, all its threads.
func cpuMicros() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1000
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
