package main

import (
	"encoding/binary"
	"fmt"
	"time"
)

const (
	prefixBytes  = 5
	messageBytes = 100
)

// One gRPC stream as its client sees it.
type stream struct {
	id uint32
	// What of the server's answer is not yet whole: the bytes of a message's prefix, or what is left of its body.
	prefix    [prefixBytes]byte
	prefixLen int
	bodyLeft  int
	// Received, and not yet given back to the server's window.
	consumed uint32
	// What the server lets this stream send.
	sendWindow int64
	// A message waits for the window.
	waiting bool
	sentAt  time.Time
}

// take counts the messages that end in data, which continues what earlier calls were given.
func (s *stream) take(data []byte) (int, error) {
	messages := 0
	for len(data) > 0 {
		if s.bodyLeft == 0 {
			copied := copy(s.prefix[s.prefixLen:], data)
			s.prefixLen += copied
			data = data[copied:]
			if s.prefixLen < prefixBytes {
				break
			}
			size := binary.BigEndian.Uint32(s.prefix[1:])
			if s.prefix[0] != 0 || size != messageBytes {
				return 0, fmt.Errorf("stream %d: a message with flag %d and %d bytes", s.id, s.prefix[0], size)
			}
			s.prefixLen = 0
			s.bodyLeft = messageBytes
		}
		taken := min(s.bodyLeft, len(data))
		s.bodyLeft -= taken
		data = data[taken:]
		if s.bodyLeft == 0 {
			messages++
		}
	}
	return messages, nil
}
