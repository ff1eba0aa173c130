package ami

import (
	"context"
	"crypto/md5" //nolint:gosec // what Asterisk's challenge is made of
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
)

// login says who we are, and which classes of events we want.
func (c *Conn) login(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loginWithin)
	defer cancel()
	a := NewAction("Login").With("Username", Word, c.o.Username)
	if c.o.Challenge {
		r, err := c.Do(ctx, NewAction("Challenge").Fixed("AuthType", "MD5"))
		if err != nil {
			return loginError(err)
		}
		sum := md5.Sum([]byte(r.Get("Challenge") + c.o.Secret)) //nolint:gosec // see above
		a.Fixed("AuthType", "MD5").Fixed("Key", hex.EncodeToString(sum[:]))
	} else {
		a.Fixed("Secret", c.o.Secret)
	}
	mask := c.o.EventMask
	if mask == "" {
		mask = "on"
	}
	if _, err := c.Do(ctx, a.Fixed("Events", mask)); err != nil {
		return loginError(err)
	}
	return nil
}

func loginError(err error) error {
	var no *Refused
	if errors.As(err, &no) {
		return fmt.Errorf("%w (Asterisk says: %s)", ErrLogin, no.Message)
	}
	return fmt.Errorf("ami: login: %w", err)
}

var secret = regexp.MustCompile(`(?m)^((?:Secret|Key): ).*\r$`)

// masked is an action as it may be shown.
func masked(text []byte) []byte { return secret.ReplaceAll(text, []byte("${1}***\r")) }
