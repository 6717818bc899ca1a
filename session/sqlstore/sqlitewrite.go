package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
)

// write calls f with a connection on which commits are relaxed, one f at a time.
func (s *sqlite) write(ctx context.Context, f func(conn) error) error {
	select {
	case s.gate <- struct{}{}:
		defer func() { <-s.gate }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.full == "" {
		return s.onConn(ctx, func(c *sql.Conn) error { return f(c) })
	}
	return s.onConn(ctx, func(c *sql.Conn) error { return s.relaxed(ctx, c, f) })
}

// onConn calls f with a connection of its own.
func (s *sqlite) onConn(ctx context.Context, f func(*sql.Conn) error) error {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// relaxed calls f with synchronous=NORMAL. The connection belongs to the pool of
// the application, and gets its own setting back or is closed.
func (s *sqlite) relaxed(ctx context.Context, c *sql.Conn, f func(conn) error) error {
	if _, err := c.ExecContext(ctx, "PRAGMA synchronous = NORMAL"); err != nil {
		return err
	}
	defer func() {
		if _, err := c.ExecContext(context.WithoutCancel(ctx), s.full); err != nil {
			discard(c)
		}
	}()
	return f(c)
}

// immediate calls f in a transaction that has the write lock from the beginning.
// Once f has succeeded it is committed, even if ctx has ended, so that the caller
// always learns what became of it.
func immediate(ctx context.Context, c conn, f func() error) error {
	_, err := c.ExecContext(ctx, "BEGIN IMMEDIATE")
	if err == nil {
		err = f()
	}
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		_, err = c.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		rollback(ctx, c)
	}
	return err
}

// rollback ends the transaction that may be open on c, or else the connection.
func rollback(ctx context.Context, c conn) {
	_, err := c.ExecContext(ctx, "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		discard(c)
	}
}

// discard closes a connection that must not go back to the pool as it is.
func discard(c conn) {
	if c, ok := c.(*sql.Conn); ok {
		c.Raw(func(any) error { return driver.ErrBadConn })
	}
}
