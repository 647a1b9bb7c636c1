package main

import (
	"math/rand/v2"
	"time"

	"golang.org/x/net/http2"
)

// What goes wrong. Each is called with the connection locked, and may be nil.
type trouble struct {
	// A connection has begun. Not locked.
	begin func(c *connection)
	// A stream was opened, which may be held, or reset.
	take func(c *connection, s *stream)
	// A handler has begun with it.
	begun func(c *connection, s *stream)
}

const (
	// How long a connection lives that ends.
	lifetime = 300 * time.Millisecond
	// Between two changes of SETTINGS.
	settingsPause = 60 * time.Millisecond
	// Streams of a connection that are handled before one is left out, and how many are left out then.
	mostTaken, mostHeld = 40, 20
)

var troubles = map[string]trouble{
	"none": {},
	// As servers do that shut down: nothing may be lost, and nothing repeated.
	"goaway": {begin: func(c *connection) { c.after(lifetime, func() { leaveInTwoSteps(c) }) }, take: holdWhileLeaving},
	// The last stream that it names is in the middle of those that are open.
	"goaway-middle": {take: leaveAtMost(func(c *connection) { c.goaway(c.lastTaken, http2.ErrCodeNo, "") })},
	"goaway-calm": {take: leaveAtMost(func(c *connection) {
		c.goaway(c.lastTaken, http2.ErrCodeEnhanceYourCalm, "too_many_pings")
	})},
	// The same, with streams that are refused, and nobody who listens for a while.
	"goaway-refused": {take: refuseFifth(leaveAtMost(func(c *connection) {
		c.goaway(c.lastTaken, http2.ErrCodeNo, "")
		c.server.refuse(100 * time.Millisecond)
	}))},
	"streams-none": {begin: changing([]http2.Setting{
		{ID: http2.SettingMaxConcurrentStreams, Val: 0}, {ID: http2.SettingMaxConcurrentStreams, Val: 100},
		{ID: http2.SettingMaxConcurrentStreams, Val: 0}, {ID: http2.SettingMaxConcurrentStreams, Val: 1},
		{ID: http2.SettingMaxConcurrentStreams, Val: 1000},
	}), take: refuseTooMany},
	"windows-shut": {begin: shutting},
	"settings": {begin: changing(
		[]http2.Setting{
			{ID: http2.SettingHeaderTableSize, Val: 0}, {ID: http2.SettingHeaderTableSize, Val: 1 << 20},
			{ID: http2.SettingMaxFrameSize, Val: 1<<24 - 1}, {ID: http2.SettingMaxFrameSize, Val: 16384},
			{ID: http2.SettingInitialWindowSize, Val: 0}, {ID: http2.SettingInitialWindowSize, Val: 300},
			{ID: http2.SettingHeaderTableSize, Val: 4096}, {ID: http2.SettingInitialWindowSize, Val: 1 << 20},
			{ID: http2.SettingMaxConcurrentStreams, Val: 3}, {ID: http2.SettingInitialWindowSize, Val: 65535},
			{ID: http2.SettingMaxHeaderListSize, Val: 4096}, {ID: http2.SettingMaxConcurrentStreams, Val: 1000},
		},
	), take: refuseTooMany},
	"reset-third": {take: func(c *connection, s *stream) {
		if c.opened%3 == 0 {
			c.server.troubled()
			s.reset(http2.ErrCodeRefusedStream)
		}
	}},
	// With codes that say nothing of whether it was handled; and one that says so when it is too late.
	"reset-handled": {begun: func(c *connection, s *stream) {
		if c.opened%3 != 0 {
			return
		}
		c.server.troubled()
		switch rand.IntN(3) {
		case 0:
			s.reset(http2.ErrCodeCancel)
		case 1:
			s.reset(http2.ErrCodeInternal)
		default:
			s.headers()
			s.reset(http2.ErrCodeRefusedStream)
		}
	}},
	"dies": {begun: func(c *connection, _ *stream) {
		if c.handledStreams() >= 200 {
			c.server.troubled()
			c.die()
		}
	}},
	"closes": {begin: func(c *connection) {
		c.after(lifetime, func() {
			c.server.troubled()
			c.end()
		})
	}},
	"frames": {begin: func(c *connection) {
		c.cut = func() cutting {
			return cutting{bytes: 1 + rand.IntN(9), padding: rand.IntN(3) * rand.IntN(100), noise: rand.IntN(50) == 0}
		}
		c.every(50*time.Millisecond, func() {
			c.server.troubled()
			c.ping(nil)
		})
	}},
}

// leaveInTwoSteps: what was on its way when the client saw the first GOAWAY is left out by the second.
func leaveInTwoSteps(c *connection) {
	c.goaway(mostStreamID, http2.ErrCodeNo, "")
	c.ping(func() {
		c.leavingKnown = true
		leave(c, func(c *connection) { c.goaway(c.lastTaken, http2.ErrCodeNo, "") })
	})
	c.holding = true
}

func holdWhileLeaving(c *connection, s *stream) { s.held = s.held || c.holding }

// leave tells of it, and ends the connection when what is handled has its end.
func leave(c *connection, tell func(c *connection)) {
	c.server.troubled()
	tell(c)
	for _, s := range c.streams {
		if s.held {
			s.close()
		}
	}
	c.leaving = true
}

// leaveAtMost takes so many streams of a connection, holds some more and then leaves those out.
func leaveAtMost(tell func(c *connection)) func(c *connection, s *stream) {
	return func(c *connection, s *stream) {
		if c.leaving {
			s.close()
			return
		}
		if c.opened <= mostTaken {
			return
		}
		s.held = true
		if c.opened == mostTaken+1 {
			// However few come.
			c.after(20*time.Millisecond, func() {
				if !c.leaving {
					leave(c, tell)
				}
			})
		} else if c.opened == mostTaken+mostHeld {
			leave(c, tell)
		}
	}
}

func refuseFifth(next func(c *connection, s *stream)) func(c *connection, s *stream) {
	return func(c *connection, s *stream) {
		if !c.leaving && c.opened%5 == 0 && c.opened <= mostTaken {
			s.reset(http2.ErrCodeRefusedStream)
			return
		}
		next(c, s)
	}
}

// changing sends one of these SETTINGS after the other.
func changing(settings []http2.Setting) func(c *connection) {
	return func(c *connection) {
		turn := 0
		c.every(settingsPause, func() {
			c.server.troubled()
			setting := settings[turn%len(settings)]
			turn++
			if setting.ID == http2.SettingMaxConcurrentStreams {
				c.allowed = setting.Val
			}
			c.settings(setting)
		})
	}
}

// refuseTooMany: until the client knows of it.
func refuseTooMany(c *connection, s *stream) {
	if uint32(len(c.streams)) > c.allowed {
		s.reset(http2.ErrCodeRefusedStream)
	}
}

// shutting gives no windows for a while: those of new streams are closed, or nearly so, and nothing is given back.
func shutting(c *connection) {
	windows := []uint32{0, 65535, 1, 65535, 0, 1 << 20}
	turn := 0
	c.every(settingsPause, func() {
		c.server.troubled()
		window := windows[turn%len(windows)]
		turn++
		c.shut = window < defaultWindow
		c.settings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
		c.giveBack()
	})
}
