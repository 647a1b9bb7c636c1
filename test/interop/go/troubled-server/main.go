// A server of kinds.v1.Kinds (test/support/protos/kinds.proto) on bare HTTP/2 frames that makes trouble in one way: `troubled-server
// TROUBLE [SETTING=VALUE]...`, with settings of HTTP/2 by number. Prints "listening PORT", and "trouble" each time that it has made some.
// For a line on stdin it prints "report" with what it has seen, as JSON.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

type server struct {
	trouble  trouble
	settings []http2.Setting
	address  string

	mu       sync.Mutex
	listener net.Listener
	seen     report
}

type report struct {
	// How often each call was handled, by the id that its first request carries.
	Handled map[string]int `json:"handled"`
	// What the client has done that HTTP/2 does not allow.
	Violations  []string `json:"violations"`
	Connections int      `json:"connections"`
	Troubles    int      `json:"troubles"`
	// The most streams that were open at once on one connection.
	MostStreams int `json:"mostStreams"`
}

func (s *server) handled(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Handled[call]++
}

func (s *server) violation(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Violations = append(s.seen.Violations, fmt.Sprintf(format, args...))
}

func (s *server) troubled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Troubles++
	fmt.Println("trouble", s.seen.Troubles)
}

func (s *server) count(streams int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.MostStreams = max(s.seen.MostStreams, streams)
}

// listen accepts until the listener is closed.
func (s *server) listen() error {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.listener = listener
	s.address = listener.Addr().String()
	s.mu.Unlock()
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.seen.Connections++
			s.mu.Unlock()
			go newConnection(s, socket).run()
		}
	}()
	return nil
}

// refuse refuses new connections for a while.
func (s *server) refuse(time_ time.Duration) {
	s.mu.Lock()
	s.listener.Close()
	s.mu.Unlock()
	time.AfterFunc(time_, func() {
		if err := s.listen(); err != nil {
			log.Fatal(err)
		}
	})
}

func (s *server) print() {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(s.seen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("report", string(text))
}

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: troubled-server TROUBLE [SETTING=VALUE]...")
	}
	made, known := troubles[os.Args[1]]
	if !known {
		names := []string{}
		for name := range troubles {
			names = append(names, name)
		}
		slices.Sort(names)
		log.Fatal("no such trouble; there are: ", strings.Join(names, ", "))
	}
	s := &server{trouble: made, address: "127.0.0.1:0"}
	s.seen = report{Handled: map[string]int{}, Violations: []string{}}
	for _, arg := range os.Args[2:] {
		id, value, _ := strings.Cut(arg, "=")
		number, err := strconv.ParseUint(id, 10, 16)
		if err != nil {
			log.Fatal(err)
		}
		setting, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			log.Fatal(err)
		}
		s.settings = append(s.settings, http2.Setting{ID: http2.SettingID(number), Val: uint32(setting)})
	}
	if err := s.listen(); err != nil {
		log.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(s.address)
	fmt.Println("listening", port)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		s.print()
	}
}
