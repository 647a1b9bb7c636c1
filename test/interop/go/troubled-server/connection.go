package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	defaultWindow = 65535
	frameBytes    = 16384
	mostStreamID  = 1<<31 - 1
	unlimited     = 1<<32 - 1
)

// One connection. A goroutine reads; it, and timers, hold the mutex while they look at the rest and write.
type connection struct {
	server *server
	socket net.Conn
	framer *http2.Framer

	mu      sync.Mutex
	writer  *bufio.Writer
	encoder *hpack.Encoder
	block   bytes.Buffer
	closed  bool

	streams    map[uint32]*stream
	opened     int
	lastOpened uint32
	// The last one that is handled, or may be.
	lastTaken uint32

	// Of the client: how much we may send.
	sendWindow int64
	peerWindow int64

	// Ours: SETTINGS that were sent and not acknowledged, oldest first; what the client keeps to.
	unacknowledged [][]http2.Setting
	window         int64
	mostStreams    uint32
	receiveWindow  int64
	// Windows are not given back while they are shut; so much is owed to the connection.
	shut bool
	owed uint32

	// GOAWAY was sent, and a PING behind it was answered: the client knows.
	leaving, leavingKnown bool
	// New streams are not handled any more.
	holding bool
	// Streams at once, as we have said last.
	allowed uint32
	pinged  func()
	// How DATA and header blocks are cut; nil: not at all.
	cut func() cutting
}

func newConnection(s *server, socket net.Conn) *connection {
	c := &connection{
		server:        s,
		socket:        socket,
		writer:        bufio.NewWriterSize(socket, 64<<10),
		streams:       map[uint32]*stream{},
		sendWindow:    defaultWindow,
		peerWindow:    defaultWindow,
		window:        defaultWindow,
		receiveWindow: defaultWindow,
		mostStreams:   unlimited,
		allowed:       unlimited,
	}
	c.framer = http2.NewFramer(c.writer, bufio.NewReader(socket))
	c.framer.AllowIllegalWrites = true
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.encoder = hpack.NewEncoder(&c.block)
	return c
}

func (c *connection) run() {
	defer c.close()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.socket, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	c.locked(func() { c.settings(c.server.settings...) })
	if begin := c.server.trouble.begin; begin != nil {
		begin(c)
	}
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return
		}
		c.locked(func() { c.handle(frame) })
	}
}

// locked runs what looks at the connection, and sends what it wrote.
func (c *connection) locked(what func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	what()
	if c.leaving && len(c.streams) == 0 {
		c.leave()
		return
	}
	c.writer.Flush()
}

// after runs it later, if the connection is still there.
func (c *connection) after(pause time.Duration, what func()) {
	time.AfterFunc(pause, func() { c.locked(what) })
}

// every runs it again and again.
func (c *connection) every(pause time.Duration, what func()) {
	c.after(pause, func() {
		what()
		c.every(pause, what)
	})
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

// leave ends what we send. What the client has on its way is read until it closes: else TCP would reset the connection, and the client
// lose what it has not read of us.
func (c *connection) leave() {
	c.writer.Flush()
	c.socket.(*net.TCPConn).CloseWrite()
	c.closed = true
}

func (c *connection) end() {
	if !c.closed {
		c.writer.Flush()
	}
	c.closed = true
	c.socket.Close()
}

// die ends it without a word, and with what was not read.
func (c *connection) die() {
	c.socket.(*net.TCPConn).SetLinger(0)
	c.closed = true
	c.socket.Close()
}

func (c *connection) handle(frame http2.Frame) {
	switch frame := frame.(type) {
	case *http2.MetaHeadersFrame:
		c.open(frame)
	case *http2.DataFrame:
		c.data(frame)
	case *http2.RSTStreamFrame:
		if s := c.streams[frame.StreamID]; s != nil {
			delete(c.streams, s.id)
			s.done = true
		}
	case *http2.SettingsFrame:
		if frame.IsAck() {
			c.acknowledged()
			return
		}
		if value, ok := frame.Value(http2.SettingInitialWindowSize); ok {
			for _, s := range c.streams {
				s.sendWindow += int64(value) - c.peerWindow
			}
			c.peerWindow = int64(value)
		}
		c.framer.WriteSettingsAck()
		c.pumpAll()
	case *http2.WindowUpdateFrame:
		if frame.StreamID == 0 {
			c.sendWindow += int64(frame.Increment)
		} else if s := c.streams[frame.StreamID]; s != nil {
			s.sendWindow += int64(frame.Increment)
		}
		c.pumpAll()
	case *http2.PingFrame:
		if !frame.IsAck() {
			c.framer.WritePing(true, frame.Data)
		} else if pinged := c.pinged; pinged != nil {
			c.pinged = nil
			pinged()
		}
	}
}

func (c *connection) open(frame *http2.MetaHeadersFrame) {
	if frame.StreamID <= c.lastOpened || frame.StreamID%2 == 0 {
		c.server.violation("stream %d behind %d", frame.StreamID, c.lastOpened)
	}
	if c.leavingKnown {
		c.server.violation("stream %d is opened behind GOAWAY", frame.StreamID)
	}
	c.lastOpened = frame.StreamID
	if uint32(len(c.streams)) >= c.mostStreams {
		c.server.violation("stream %d: %d are allowed", frame.StreamID, c.mostStreams)
	}
	s := &stream{c: c, id: frame.StreamID, sendWindow: c.peerWindow, receiveWindow: c.window}
	s.method = frame.PseudoValue("path")
	for _, field := range frame.RegularFields() {
		if field.Name == "x-reply" {
			s.wish = field.Value
		}
	}
	c.opened++
	c.streams[s.id] = s
	c.server.count(len(c.streams))
	if take := c.server.trouble.take; take != nil {
		take(c, s)
	}
	if s.done {
		return
	}
	if !s.held {
		c.lastTaken = s.id
	}
	if frame.StreamEnded() {
		s.requestEnded()
	}
}

func (c *connection) data(frame *http2.DataFrame) {
	length := int64(frame.Length)
	c.receiveWindow -= length
	if c.receiveWindow < 0 {
		c.server.violation("the connection's window is overrun by %d", -c.receiveWindow)
	}
	c.owed += frame.Length
	s := c.streams[frame.StreamID]
	if s != nil {
		s.receiveWindow -= length
		if length > 0 && s.receiveWindow < 0 {
			c.server.violation("the window of stream %d is overrun by %d", s.id, -s.receiveWindow)
		}
		if s.ended {
			c.server.violation("DATA behind the end of stream %d", s.id)
		}
		if !frame.StreamEnded() {
			s.owed += frame.Length
		}
	}
	c.giveBack()
	if s == nil {
		return
	}
	if !s.held {
		s.take(frame.Data())
	}
	if frame.StreamEnded() && !s.done {
		s.requestEnded()
	}
}

// handledStreams are those that a handler has begun with.
func (c *connection) handledStreams() int {
	count := 0
	for _, s := range c.streams {
		if s.call != "" {
			count++
		}
	}
	return count
}
