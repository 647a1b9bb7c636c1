package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	bufferBytes     = 64 << 10
	receiveWindow   = 1 << 24
	defaultWindow   = 65535
	firstStream     = 1
	endlessMessages = 1<<31 - 1
)

// One connection with its streams, run by one goroutine.
type connection struct {
	socket  net.Conn
	reader  *bufio.Reader
	writer  *bufio.Writer
	framer  *http2.Framer
	streams []*stream
	// The message an echo stream sends, with its prefix; nil when the streams only listen.
	item []byte

	consumed      uint32
	sendWindow    int64
	initialWindow int64

	// Read by the main goroutine.
	messages atomic.Int64
	// Round trips of echo streams while `measuring`, in microseconds.
	roundTrips []float64
	measuring  *atomic.Bool
}

func dial(address string, item []byte, measuring *atomic.Bool) (*connection, error) {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &connection{
		socket:        socket,
		reader:        bufio.NewReaderSize(socket, bufferBytes),
		writer:        bufio.NewWriterSize(socket, bufferBytes),
		item:          item,
		sendWindow:    defaultWindow,
		initialWindow: defaultWindow,
		measuring:     measuring,
	}
	c.framer = http2.NewFramer(c.writer, c.reader)
	c.framer.SetReuseFrames()
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return c, nil
}

// open sends everything that begins the streams. They all begin before the server's settings are acknowledged, so its
// limits on header tables do not matter yet.
func (c *connection) open(count int, path string) error {
	c.writer.WriteString(http2.ClientPreface)
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: receiveWindow})
	c.framer.WriteWindowUpdate(0, receiveWindow-defaultWindow)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := range count {
		block.Reset()
		for _, field := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "127.0.0.1"},
			{"content-type", "application/grpc"}, {"te", "trailers"},
		} {
			encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		s := &stream{id: uint32(firstStream + 2*i), sendWindow: defaultWindow}
		c.streams = append(c.streams, s)
		c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: block.Bytes(), EndHeaders: true})
		if c.item != nil {
			c.send(s)
		} else {
			c.framer.WriteData(s.id, true, framed(feedRequest(endlessMessages)))
		}
	}
	return c.writer.Flush()
}

// run handles what the server sends until the connection is closed, which is what it returns.
func (c *connection) run() error {
	for {
		if c.reader.Buffered() == 0 {
			if err := c.writer.Flush(); err != nil {
				return err
			}
		}
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return err
		}
		if err := c.handle(frame); err != nil {
			return err
		}
	}
}

func (c *connection) handle(frame http2.Frame) error {
	switch frame := frame.(type) {
	case *http2.DataFrame:
		return c.onData(frame)
	case *http2.MetaHeadersFrame:
		return onHeaders(frame)
	case *http2.SettingsFrame:
		if frame.IsAck() {
			return nil
		}
		if value, ok := frame.Value(http2.SettingInitialWindowSize); ok {
			for _, s := range c.streams {
				s.sendWindow += int64(value) - c.initialWindow
			}
			c.initialWindow = int64(value)
			c.sendWaiting()
		}
		return c.framer.WriteSettingsAck()
	case *http2.WindowUpdateFrame:
		if frame.StreamID == 0 {
			c.sendWindow += int64(frame.Increment)
		} else if s := c.find(frame.StreamID); s != nil {
			s.sendWindow += int64(frame.Increment)
		}
		c.sendWaiting()
		return nil
	case *http2.PingFrame:
		if frame.IsAck() {
			return nil
		}
		return c.framer.WritePing(true, frame.Data)
	case *http2.GoAwayFrame, *http2.RSTStreamFrame:
		return fmt.Errorf("the server ended it: %v", frame)
	default:
		return nil
	}
}

func (c *connection) onData(frame *http2.DataFrame) error {
	s := c.find(frame.StreamID)
	if s == nil {
		return fmt.Errorf("data for stream %d", frame.StreamID)
	}
	count, err := s.take(frame.Data())
	if err != nil {
		return err
	}
	c.messages.Add(int64(count))
	c.giveBack(0, &c.consumed, frame.Length)
	c.giveBack(s.id, &s.consumed, frame.Length)
	if c.item == nil {
		return nil
	}
	if count > 1 {
		return fmt.Errorf("stream %d: %d answers to one message", s.id, count)
	}
	if count == 1 {
		if c.measuring.Load() {
			c.roundTrips = append(c.roundTrips, float64(time.Since(s.sentAt).Nanoseconds())/1000)
		}
		c.send(s)
	}
	return nil
}

// giveBack opens the window of a stream, or of the connection (0), again when half of it is used.
func (c *connection) giveBack(id uint32, consumed *uint32, bytes uint32) {
	*consumed += bytes
	if *consumed < receiveWindow/2 {
		return
	}
	c.framer.WriteWindowUpdate(id, *consumed)
	*consumed = 0
}

// send sends the stream's next message, when the server's windows have room for it.
func (c *connection) send(s *stream) {
	size := int64(len(c.item))
	s.waiting = size > s.sendWindow || size > c.sendWindow
	if s.waiting {
		return
	}
	s.sendWindow -= size
	c.sendWindow -= size
	s.sentAt = time.Now()
	c.framer.WriteData(s.id, false, c.item)
}

func (c *connection) sendWaiting() {
	for _, s := range c.streams {
		if s.waiting {
			c.send(s)
		}
	}
}

func (c *connection) find(id uint32) *stream {
	index := int(id-firstStream) / 2
	if index >= len(c.streams) || c.streams[index].id != id {
		return nil
	}
	return c.streams[index]
}

// onHeaders lets only the headers of an answer that goes on pass: the streams have no end of their own.
func onHeaders(frame *http2.MetaHeadersFrame) error {
	status, message := "", ""
	for _, field := range frame.Fields {
		switch field.Name {
		case "grpc-status":
			status = field.Value
		case "grpc-message":
			message = field.Value
		}
	}
	if frame.StreamEnded() || status != "" || frame.PseudoValue("status") != "200" {
		return fmt.Errorf("the server ended the stream: grpc-status %q %q", status, message)
	}
	return nil
}
