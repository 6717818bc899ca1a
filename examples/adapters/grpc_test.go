package adapters

import (
	"context"
	"net"
	"testing"

	"github.com/sessionring/sessionring/session"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// whoami is a service with a unary call and a stream, which say in a header who asks.
type whoami struct {
	healthpb.UnimplementedHealthServer
}

func (whoami) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return &healthpb.HealthCheckResponse{}, grpc.SetHeader(ctx, metadata.Pairs("subject", ClaimsOf(ctx).Subject))
}

func (whoami) Watch(_ *healthpb.HealthCheckRequest, s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	if err := s.SetHeader(metadata.Pairs("subject", ClaimsOf(s.Context()).Subject)); err != nil {
		return err
	}
	return s.Send(&healthpb.HealthCheckResponse{})
}

// dial returns a client of the service, over a real connection.
func dial(t *testing.T, m *session.Manager) healthpb.HealthClient {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(UnaryInterceptor(m)), grpc.StreamInterceptor(StreamInterceptor(m)))
	healthpb.RegisterHealthServer(s, whoami{})
	go s.Serve(ln)
	t.Cleanup(s.Stop)
	c, err := grpc.NewClient(ln.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return healthpb.NewHealthClient(c)
}

// calls are the two kinds of calls, each returning who the service says has asked.
var calls = map[string]func(context.Context, healthpb.HealthClient) ([]string, error){
	"unary": func(ctx context.Context, c healthpb.HealthClient) ([]string, error) {
		var header metadata.MD
		_, err := c.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header))
		return header["subject"], err
	},
	"stream": func(ctx context.Context, c healthpb.HealthClient) ([]string, error) {
		s, err := c.Watch(ctx, &healthpb.HealthCheckRequest{})
		if err != nil {
			return nil, err
		}
		if _, err := s.Recv(); err != nil {
			return nil, err
		}
		header, err := s.Header()
		return header["subject"], err
	},
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	m := newSessions(t)
	client := dial(t, m)
	good := bearer(t, m)
	both, _ := cookies(t, m, alice)
	for name, call := range calls {
		for _, tt := range []struct {
			metadata []string
			code     codes.Code
			message  string
		}{
			{[]string{"authorization", good}, codes.OK, ""},
			{nil, codes.Unauthenticated, "no_token"},
			{[]string{"cookie", both}, codes.Unauthenticated, "no_token"},
			{[]string{"authorization", "Bearer x.y.z"}, codes.Unauthenticated, "invalid"},
			{[]string{"authorization", good, "authorization", good}, codes.Unauthenticated, "invalid"},
			{[]string{"authorization", foreignBearer(t)}, codes.Unavailable, "unknown_key"},
		} {
			got, err := call(metadata.AppendToOutgoingContext(t.Context(), tt.metadata...), client)
			if s := status.Convert(err); s.Code() != tt.code || s.Message() != tt.message {
				t.Errorf("%s: got %v, want %v: %s", name, err, tt.code, tt.message)
			}
			if tt.code == codes.OK && (len(got) != 1 || got[0] != "alice") {
				t.Errorf("%s: got %q, want alice", name, got)
			}
		}
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]codes.Code{
		session.ErrExpired:     codes.Unauthenticated,
		session.ErrCrossOrigin: codes.PermissionDenied,
		session.ErrForbidden:   codes.PermissionDenied,
		session.ErrUnavailable: codes.Unavailable,
		context.Canceled:       codes.Unavailable,
	} {
		if got := codeOf(err); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
}
