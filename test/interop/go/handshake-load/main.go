// A load generator of TLS handshakes: `handshake-load -port P [-callers N | -rate R] [-seconds S] [-warmup S]`. Each is
// a full one of TLS 1.3 on a connection of its own, with P-256, which then ends at once. -callers: that many at a time, one after
// the other; -rate: so many a second, at random times, whatever becomes of those before. The server's name is not
// checked. Prints "measuring" and "done" when its window opens and closes, then a report in JSON.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

const timeout = 10 * time.Second

type report struct {
	Seconds             float64 `json:"seconds"`
	Handshakes          int64   `json:"handshakes"`
	HandshakesPerSecond float64 `json:"handshakesPerSecond"`
}

// One config for all, without a cache of sessions: nothing is resumed.
var config = &tls.Config{
	InsecureSkipVerify: true,
	MinVersion:         tls.VersionTLS13,
	CurvePreferences:   []tls.CurveID{tls.CurveP256},
	NextProtos:         []string{"h2"},
}

// shakeHands returns when the server has closed the connection, having seen the client's last handshake message.
func shakeHands(address string) error {
	socket, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return err
	}
	defer socket.Close()
	// No TIME_WAIT: there are more connections than ports.
	if err := socket.(*net.TCPConn).SetLinger(0); err != nil {
		return err
	}
	socket.SetDeadline(time.Now().Add(timeout))
	client := tls.Client(socket, config)
	if err := client.Handshake(); err != nil {
		return err
	}
	if state := client.ConnectionState(); state.DidResume || state.CurveID != tls.CurveP256 {
		return fmt.Errorf("not a full handshake with P-256: %v, resumed %v", state.CurveID, state.DidResume)
	}
	if err := client.CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, client)
	return err
}

func main() {
	port := flag.Int("port", 0, "")
	callers := flag.Int("callers", 0, "")
	rate := flag.Float64("rate", 0, "")
	seconds := flag.Float64("seconds", 2, "")
	warmup := flag.Float64("warmup", 1, "")
	flag.Parse()
	log.SetFlags(0)
	if (*callers > 0) == (*rate > 0) {
		log.Fatal("either -callers or -rate")
	}

	var done atomic.Int64
	address := fmt.Sprintf("127.0.0.1:%d", *port)
	one := func() {
		if err := shakeHands(address); err != nil {
			log.Fatal(err)
		}
		done.Add(1)
	}
	for range *callers {
		go func() {
			for {
				one()
			}
		}()
	}
	if *rate > 0 {
		go arrive(*rate, one)
	}

	time.Sleep(inSeconds(*warmup))
	before, opened := done.Load(), time.Now()
	fmt.Println("measuring")
	time.Sleep(inSeconds(*seconds))
	after, lasted := done.Load(), time.Since(opened).Seconds()
	fmt.Println("done")
	line, err := json.Marshal(report{
		Seconds:             lasted,
		Handshakes:          after - before,
		HandshakesPerSecond: float64(after-before) / lasted,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}

// arrive starts `act` at the times of a Poisson process. What a late wake-up has missed is started at once.
func arrive(rate float64, act func()) {
	next := time.Now()
	for {
		next = next.Add(inSeconds(rand.ExpFloat64() / rate))
		time.Sleep(time.Until(next))
		go act()
	}
}

func inSeconds(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}
