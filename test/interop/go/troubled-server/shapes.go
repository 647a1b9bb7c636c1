package main

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// When a reply is sent.
type moment int

const (
	atFirst moment = iota // as soon as the first request has come
	atEnd                 // behind the last one
)

// A reply of another shape than usual. What follows the last '-' of a wish is its argument.
type shape struct {
	when moment
	send func(s *stream, argument string)
}

func (s *stream) shaped(when moment) {
	name, argument := s.wish, ""
	wished, known := shapes[name]
	if !known {
		at := strings.LastIndexByte(s.wish, '-')
		if at < 0 {
			at = len(s.wish)
		}
		name, argument = s.wish[:at], strings.TrimPrefix(s.wish[at:], "-")
		wished, known = shapes[name]
	}
	if !known {
		s.c.server.violation("no shape of a reply is called %s", s.wish)
		s.reset(http2.ErrCodeInternal)
		return
	}
	if wished.when == when {
		wished.send(s, argument)
	}
}

var usual = []string{":status", "200", "content-type", "application/grpc"}

func fields(more ...string) []string { return append(append([]string{}, usual...), more...) }

// whole is a reply with these headers and trailers. It is sent at once, whatever the client's windows are.
func (s *stream) whole(headers, trailers []string, messages ...string) {
	s.c.write(s.id, false, headers...)
	for _, text := range messages {
		s.c.framer.WriteData(s.id, false, framed(message(text)))
	}
	s.c.write(s.id, true, trailers...)
	s.close()
}

func (s *stream) html(status string, headersOnly bool) {
	headers := []string{":status", status, "content-type", "text/html"}
	s.c.write(s.id, headersOnly, headers...)
	if !headersOnly {
		s.c.framer.WriteData(s.id, true, []byte("<html>No.</html>"))
	}
	s.close()
}

func code(argument string) http2.ErrCode {
	number, _ := strconv.ParseUint(argument, 10, 32)
	return http2.ErrCode(number)
}

func number(argument string) int {
	n, _ := strconv.Atoi(argument)
	return n
}

var ok = []string{"grpc-status", "0"}

var shapes = map[string]shape{
	"usual":         {atEnd, func(s *stream, _ string) { s.whole(usual, ok, s.text) }},
	"trailers-only": {atEnd, func(s *stream, status string) { s.only(fields("grpc-status", status, "grpc-message", "so%20be it")...) }},
	"status":        {atEnd, func(s *stream, status string) { s.whole(usual, []string{"grpc-status", status}, s.text) }},
	"message":       {atEnd, func(s *stream, _ string) { s.only(fields("grpc-status", "9", "grpc-message", "50% %C3%A4 %zz é%")...) }},
	"no-status":     {atEnd, func(s *stream, _ string) { s.whole(usual, []string{"some", "thing"}, s.text) }},
	"twice":         {atEnd, func(s *stream, _ string) { s.whole(usual, []string{"grpc-status", "0", "grpc-status", "5"}, s.text) }},
	"html":          {atEnd, func(s *stream, status string) { s.html(status, false) }},
	"html-alone":    {atEnd, func(s *stream, status string) { s.html(status, true) }},
	// As a proxy says it that does not know of gRPC, for a request that goes on.
	"html-early": {atFirst, func(s *stream, status string) { s.html(status, false) }},
	"http-with-grpc": {atEnd, func(s *stream, status string) {
		s.only(":status", status, "content-type", "application/grpc", "grpc-status", "7")
	}},
	"type-and-params": {atEnd, func(s *stream, _ string) { s.typed("application/grpc;charset=utf-8") }},
	"type-proto":      {atEnd, func(s *stream, _ string) { s.typed("application/grpc+proto") }},
	"type-web":        {atEnd, func(s *stream, _ string) { s.typed("application/grpc-web") }},
	"informational": {atEnd, func(s *stream, _ string) {
		s.c.write(s.id, false, ":status", "100")
		s.c.write(s.id, false, ":status", "103", "link", "</style.css>")
		s.whole(usual, ok, s.text)
	}},
	"data-end": {atEnd, func(s *stream, _ string) {
		s.c.write(s.id, false, usual...)
		s.c.framer.WriteData(s.id, true, framed(message(s.text)))
		s.close()
	}},
	"no-message":   {atEnd, func(s *stream, _ string) { s.whole(usual, ok) }},
	"two-messages": {atEnd, func(s *stream, _ string) { s.whole(usual, ok, s.text, s.text) }},
	"half-message": {atEnd, func(s *stream, _ string) {
		s.c.write(s.id, false, usual...)
		s.c.framer.WriteData(s.id, false, framed(message(s.text))[:7])
		s.c.write(s.id, true, ok...)
		s.close()
	}},
	"behind-the-end": {atEnd, func(s *stream, what string) {
		s.whole(usual, ok, s.text)
		switch what {
		case "data":
			s.c.framer.WriteData(s.id, false, framed(message("more")))
		case "headers":
			s.c.write(s.id, true, ok...)
		case "reset":
			s.c.framer.WriteRSTStream(s.id, http2.ErrCodeNo)
		case "window":
			s.c.framer.WriteWindowUpdate(s.id, 1000)
		}
	}},
	"padded": {atEnd, func(s *stream, padding string) {
		s.c.cut = func() cutting { return cutting{bytes: frameBytes, padding: number(padding)} }
		s.cutWhole()
	}},
	"data-cut": {atEnd, func(s *stream, bytes string) {
		s.c.write(s.id, false, usual...)
		for rest := framed(message(s.text)); len(rest) > 0; {
			n := min(number(bytes), len(rest))
			s.c.framer.WriteData(s.id, false, rest[:n])
			s.c.framer.WriteData(s.id, false, nil)
			rest = rest[n:]
		}
		s.c.write(s.id, true, ok...)
		s.close()
	}},
	// Header blocks in two frames, of which the first has so many bytes.
	"block-cut": {atEnd, func(s *stream, bytes string) {
		first := true
		s.c.cut = func() cutting {
			first = !first
			if first {
				return cutting{bytes: frameBytes}
			}
			return cutting{bytes: number(bytes)}
		}
		// So that it is not one byte that refers to the table.
		s.c.write(s.id, false, fields("x-"+bytes, "cut somewhere")...)
		s.headersSent = true
		s.cutWhole()
	}},
	"reset":       {atEnd, func(s *stream, argument string) { s.reset(code(argument)) }},
	"reset-first": {atFirst, func(s *stream, argument string) { s.reset(code(argument)) }},
	"reset-answered": {atEnd, func(s *stream, argument string) {
		s.c.write(s.id, false, usual...)
		s.c.framer.WriteData(s.id, false, framed(message(s.text)))
		s.reset(code(argument))
	}},
	// Whole, and the rest of the requests is not wanted.
	"enough": {atFirst, func(s *stream, argument string) {
		s.whole(usual, []string{"grpc-status", argument}, s.text)
		s.c.framer.WriteRSTStream(s.id, http2.ErrCodeNo)
	}},
	"large-trailers": {atEnd, func(s *stream, _ string) {
		s.whole(usual, []string{"grpc-status", "0", "x-large", strings.Repeat("x-", 10_000)}, s.text)
	}},
	"upper-case": {atEnd, func(s *stream, _ string) { s.whole(fields("X-Upper", "case"), ok, s.text) }},
	"connection": {atEnd, func(s *stream, _ string) { s.whole(fields("connection", "close"), ok, s.text) }},
}

func (s *stream) only(headers ...string) {
	s.c.write(s.id, true, headers...)
	s.close()
}

func (s *stream) typed(contentType string) {
	s.whole([]string{":status", "200", "content-type", contentType}, ok, s.text)
}

// cutWhole is a reply as the connection cuts it; the next one is not cut.
func (s *stream) cutWhole() {
	s.headers()
	s.reply(s.text)
	s.finish("0")
	s.c.cut = nil
}
