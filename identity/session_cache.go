package identity

import (
	"sync"
	"time"

	"github.com/chelal/hms/hmstype"
)

// sessionTTL is how long a process may go on with a session that was ended elsewhere.
const sessionTTL = time.Second

// sessionCache remembers, for a second, whom a token belongs to.
type sessionCache struct {
	mu    sync.Mutex
	known map[string]cachedActor // by the token's hash
}

type cachedActor struct {
	actor hmstype.Actor
	until time.Time
}

func newSessionCache() *sessionCache { return &sessionCache{known: map[string]cachedActor{}} }

func (c *sessionCache) get(hash []byte, now time.Time) (hmstype.Actor, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.known[string(hash)]
	return known.actor, ok && now.Before(known.until) && !now.Before(known.until.Add(-sessionTTL))
}

func (c *sessionCache) put(hash []byte, actor hmstype.Actor, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxCachedUsers {
		clear(c.known)
	}
	c.known[string(hash)] = cachedActor{actor, until}
}

func (c *sessionCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
}
