package main

import (
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/protobuf/encoding/protowire"
)

// One call.
type stream struct {
	c      *connection
	id     uint32
	method string
	// What kind of reply it asks for, in its metadata.
	wish string

	// Nothing is done for it: it will be refused, or left out by GOAWAY.
	held bool
	// Its id, once a handler has it.
	call     string
	requests int
	text     string
	partial  []byte
	ended    bool
	done     bool

	sendWindow, receiveWindow int64
	owed                      uint32

	headersSent bool
	queue       []byte
	trailers    []string
}

// take takes the bytes of requests.
func (s *stream) take(data []byte) {
	s.partial = append(s.partial, data...)
	for len(s.partial) >= 5 && !s.done {
		end := 5 + int(binary.BigEndian.Uint32(s.partial[1:]))
		if len(s.partial) < end {
			return
		}
		message := s.partial[5:end]
		s.partial = s.partial[end:]
		s.request(textIn(message))
	}
}

// request: a text is "id rest".
func (s *stream) request(text string) {
	s.requests++
	s.text = text
	if s.call == "" {
		s.call, _, _ = strings.Cut(text, " ")
		s.c.server.handled(s.call)
		if s.wish != "" {
			s.shaped(atFirst)
		}
		if begun := s.c.server.trouble.begun; begun != nil && !s.done {
			begun(s.c, s)
		}
	}
	if s.wish == "" && !s.done && s.method == "/kinds.v1.Kinds/Both" {
		s.reply(text)
	}
}

func (s *stream) requestEnded() {
	s.ended = true
	if s.held {
		return
	}
	if s.wish != "" {
		s.shaped(atEnd)
		return
	}
	switch s.method {
	case "/kinds.v1.Kinds/One":
		s.soon(func() { s.reply(s.text); s.finish("0") })
	case "/kinds.v1.Kinds/Many":
		s.soon(func() { s.reply(s.call + " " + strconv.Itoa(s.requests)); s.finish("0") })
	case "/kinds.v1.Kinds/Flow":
		s.flow(0)
	case "/kinds.v1.Kinds/Both":
		s.soon(func() { s.finish("0") })
	default:
		s.c.write(s.id, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "12")
		s.close()
	}
}

const flowReplies = 10

func (s *stream) flow(sent int) {
	s.soon(func() {
		if sent == flowReplies {
			s.finish("0")
			return
		}
		s.reply(s.text)
		s.flow(sent + 1)
	})
}

// soon is what a handler does a moment later, so that there are calls in every state.
func (s *stream) soon(what func()) {
	s.c.after(time.Duration(rand.IntN(4000))*time.Microsecond, func() {
		if !s.done {
			what()
		}
	})
}

func (s *stream) headers() {
	if !s.headersSent {
		s.headersSent = true
		s.c.write(s.id, false, ":status", "200", "content-type", "application/grpc")
	}
}

func (s *stream) reply(text string) {
	s.headers()
	s.queue = append(s.queue, framed(message(text))...)
	s.c.pumpAll()
}

func (s *stream) finish(status string) {
	s.headers()
	s.trailers = []string{"grpc-status", status}
	s.c.pumpAll()
}

// pump sends one frame, if there is something to send and room for it.
func (s *stream) pump() bool {
	if s.done {
		return false
	}
	if len(s.queue) == 0 {
		if s.trailers != nil {
			s.c.write(s.id, true, s.trailers...)
			s.close()
		}
		return false
	}
	cut := cutting{bytes: frameBytes}
	if s.c.cut != nil {
		cut = s.c.cut()
	}
	room := min(s.sendWindow, s.c.sendWindow) - int64(cut.padding) - 1
	bytes := min(int64(min(cut.bytes, len(s.queue))), room)
	if bytes <= 0 {
		return false
	}
	if cut.noise {
		s.c.framer.WriteRawFrame(0xfa, 0xff, s.id, []byte("noise"))
	}
	used := bytes
	if cut.padding > 0 {
		used += int64(cut.padding) + 1
		s.c.framer.WriteDataPadded(s.id, false, s.queue[:bytes], make([]byte, cut.padding))
	} else {
		s.c.framer.WriteData(s.id, false, s.queue[:bytes])
	}
	s.queue = s.queue[bytes:]
	s.sendWindow -= used
	s.c.sendWindow -= used
	return true
}

func (s *stream) reset(code http2.ErrCode) {
	s.c.framer.WriteRSTStream(s.id, code)
	s.close()
}

// close forgets it. A client that has not ended its requests is told to do so, as servers of gRPC do.
func (s *stream) close() {
	s.done = true
	delete(s.c.streams, s.id)
}

func message(text string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), text)
}

func textIn(message []byte) string {
	_, _, tag := protowire.ConsumeTag(message)
	if tag < 0 {
		return ""
	}
	text, _ := protowire.ConsumeString(message[tag:])
	return text
}

func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}
