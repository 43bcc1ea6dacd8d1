// Follower follows the logs of a Docker engine's containers in one of several wirings, most of
// which leak or hang, and serves its goroutines under /debug/pprof/.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof" // /debug/pprof/
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	wiring := flag.String("wiring", "", "how streams are rotated: "+wiringNames())
	docker := flag.String("docker", "", "the engine: unix:///path.sock or http://host:port")
	rotation := flag.Duration("rotation", 2*time.Second, "time between two rotations of a container")
	onRestarts := flag.Bool("rotate-on-restarts", false, "rotate when a container restarts, and not by time")
	consumerDelay := flag.Duration("consumer-delay", 0, "what the consumer takes for each chunk")
	listen := flag.String("listen", "127.0.0.1:0", "where pprof is served")
	untilStdinCloses := flag.Bool("until-stdin-closes", false, "end when standard input closes")
	flag.Parse()

	shared, err := newClient(*docker)
	f := &follower{shared: shared, rotation: *rotation, consumerDelay: *consumerDelay}
	var known bool
	f.wiring, known = wirings[*wiring]
	switch {
	case flag.NArg() > 0:
		fail(2, fmt.Errorf("unexpected argument %q", flag.Arg(0)))
	case !known:
		fail(2, fmt.Errorf("there is no wiring %q; there are %s", *wiring, wiringNames()))
	case err != nil:
		fail(2, err)
	case *rotation <= 0:
		fail(2, fmt.Errorf("a rotation of %v; write one above 0s", *rotation))
	}

	app, end := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	if *untilStdinCloses {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			end()
		}()
	}
	if err := f.run(app, *listen, *onRestarts); err != nil && app.Err() == nil {
		fail(1, err)
	}
}

func fail(code int, err error) {
	fmt.Fprintln(os.Stderr, "follower:", err)
	os.Exit(code)
}

// run follows all containers until the app ends or one fails, and says where pprof is served once
// each of them has its stream.
func (f *follower) run(app context.Context, listen string, onRestarts bool) error {
	pprof, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	ids, err := f.shared.containers(app)
	if err != nil {
		return err
	}
	f.started = time.Now()
	failed := make(chan error)
	if onRestarts {
		f.watchRestarts(app, ids, failed)
	}
	var opened sync.WaitGroup
	opened.Add(len(ids))
	for _, id := range ids {
		go func(id string) { failed <- f.supervise(app, id, opened.Done) }(id)
	}
	go func() {
		opened.Wait()
		fmt.Printf("pprof http://%s\n", pprof.Addr())
		failed <- http.Serve(pprof, nil)
	}()
	select {
	case err := <-failed:
		return err
	case <-app.Done():
		return nil
	}
}

// watchRestarts tells the streams of each container when it restarts, from its return on.
func (f *follower) watchRestarts(app context.Context, ids []string, failed chan error) {
	f.restarts = map[string]chan time.Time{}
	for _, id := range ids {
		f.restarts[id] = make(chan time.Time, 1)
	}
	subscribed := make(chan struct{})
	go func() {
		failed <- f.shared.starts(app, func() { close(subscribed) }, func(id string, at time.Time) {
			select {
			case f.restarts[id] <- at:
			default: // One that is not dealt with yet stands for both.
			}
		})
	}()
	select {
	case <-subscribed:
	case <-app.Done():
	case err := <-failed:
		go func() { failed <- err }()
	}
}
