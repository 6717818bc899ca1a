package adapters

import (
	"context"
	"net/http"

	"github.com/sessionring/sessionring/session"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// UnaryInterceptor lets calls with a good access token through, which they carry in the
// metadata as "authorization: Bearer …". Cookies are not looked at, so no page can make
// a browser call. Refusals are Unauthenticated, PermissionDenied or, when nobody can
// tell now, Unavailable: the session lives on, and the call may be repeated.
func UnaryInterceptor(m *session.Manager) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, err := authenticate(ctx, m)
		if err != nil {
			return nil, err
		}
		return next(ctx, in)
	}
}

// StreamInterceptor is UnaryInterceptor for streams. A stream is judged once, when it
// begins: end those that must not outlive a session or an access token yourself.
func StreamInterceptor(m *session.Manager) grpc.StreamServerInterceptor {
	return func(server any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		ctx, err := authenticate(s.Context(), m)
		if err != nil {
			return err
		}
		return next(server, stream{s, ctx})
	}
}

// stream is a stream with another context.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

type claimsKey struct{}

// ClaimsOf returns the claims of a call that an interceptor let through, or nil.
func ClaimsOf(ctx context.Context) *session.Claims {
	c, _ := ctx.Value(claimsKey{}).(*session.Claims)
	return c
}

// authenticate returns ctx with the claims of a call, or a status. Check judges the
// header as it does over HTTP: two of them, for example, are none.
func authenticate(ctx context.Context, m *session.Manager) (context.Context, error) {
	r := (&http.Request{Header: http.Header{}}).WithContext(ctx)
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		r.Header["Authorization"] = values
	}
	c, err := m.Check(r)
	if err != nil {
		return nil, status.Error(codeOf(err), session.Reason(err)) // the error itself is for the log
	}
	return context.WithValue(ctx, claimsKey{}, c), nil
}

// codeOf returns the code for an error of package session.
func codeOf(err error) codes.Code {
	switch session.Status(err) {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	}
	return codes.Unavailable
}
