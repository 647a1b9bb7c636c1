// What a connection sends, beside the replies of its streams.
package main

import (
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// How the next frame looks.
type cutting struct {
	bytes   int
	padding int
	// A frame of an unknown type, or without content, in front of it.
	noise bool
}

func (c *connection) settings(settings ...http2.Setting) {
	c.unacknowledged = append(c.unacknowledged, settings)
	c.framer.WriteSettings(settings...)
}

// acknowledged: from here on the client keeps to what was sent.
func (c *connection) acknowledged() {
	if len(c.unacknowledged) == 0 {
		c.server.violation("an acknowledgement of SETTINGS that were not sent")
		return
	}
	settings := c.unacknowledged[0]
	c.unacknowledged = c.unacknowledged[1:]
	for _, setting := range settings {
		switch setting.ID {
		case http2.SettingInitialWindowSize:
			for _, s := range c.streams {
				s.receiveWindow += int64(setting.Val) - c.window
			}
			c.window = int64(setting.Val)
		case http2.SettingMaxConcurrentStreams:
			c.mostStreams = setting.Val
		case http2.SettingMaxFrameSize:
			c.framer.SetMaxReadFrameSize(setting.Val)
		case http2.SettingHeaderTableSize:
			c.framer.ReadMetaHeaders.SetAllowedMaxDynamicTableSize(setting.Val)
		}
	}
}

// giveBack opens windows again by what was received.
func (c *connection) giveBack() {
	if c.shut {
		return
	}
	if c.owed > 0 {
		c.framer.WriteWindowUpdate(0, c.owed)
		c.receiveWindow += int64(c.owed)
		c.owed = 0
	}
	for _, s := range c.streams {
		if s.owed > 0 && !s.ended {
			c.framer.WriteWindowUpdate(s.id, s.owed)
			s.receiveWindow += int64(s.owed)
			s.owed = 0
		}
	}
}

// write sends a header block.
func (c *connection) write(id uint32, end bool, fields ...string) {
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	c.writeBlock(id, end, c.block.Bytes())
}

// The most frames that a header block is cut into.
const mostPieces = 8

func (c *connection) writeBlock(id uint32, end bool, block []byte) {
	first := http2.HeadersFrameParam{StreamID: id, EndStream: end}
	if c.cut == nil {
		first.BlockFragment, first.EndHeaders = block, true
		c.framer.WriteHeaders(first)
		return
	}
	for piece := 0; ; piece++ {
		cut := c.cut()
		bytes := min(cut.bytes, len(block))
		if piece == mostPieces-1 {
			bytes = len(block)
		}
		isLast := bytes == len(block)
		if piece == 0 {
			first.BlockFragment, first.EndHeaders, first.PadLength = block[:bytes], isLast, uint8(cut.padding)
			c.framer.WriteHeaders(first)
		} else {
			c.framer.WriteContinuation(id, isLast, block[:bytes])
		}
		block = block[bytes:]
		if isLast {
			return
		}
	}
}

// goaway tells the client that streams behind the last one are not handled.
func (c *connection) goaway(last uint32, code http2.ErrCode, text string) {
	c.framer.WriteGoAway(last, code, []byte(text))
}

// ping sends a PING, whose answer is heard behind what the client has sent before it saw it.
func (c *connection) ping(heard func()) {
	c.pinged = heard
	c.framer.WritePing(false, [8]byte{1})
}

func (c *connection) pumpAll() {
	for again := true; again; {
		again = false
		// Each in turn, a frame at a time.
		for _, s := range c.streams {
			again = s.pump() || again
		}
	}
}
