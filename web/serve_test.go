package web_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"farhook/pbxadapter/switchboard"
	"farhook/web"
)

// serve runs a board and its server until the test ends, or until stop is called, and gives the address.
func serve(t *testing.T, b *switchboard.Board, s *web.Server) (url string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 3)
	go func() { done <- b.Run(ctx) }()
	go func() { done <- s.Run(ctx) }()
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return "http://" + l.Addr().String(), cancel
}
