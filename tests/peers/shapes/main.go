// Shapes is a Go program whose goroutines come and go in a known shape. It serves its pprof, says where, and
// ends when its input does.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"time"
)

// tick is how often the shape is brought up to date.
const tick = 20 * time.Millisecond

func main() {
	shape := flag.String("shape", "flat", "flat, server, leak, late, plateau, sawtooth, or turnover")
	start := flag.Duration("start", 0, "when `late` begins, and until when `plateau` rises")
	rate := flag.Float64("rate", 20, "goroutines a second")
	flag.Parse()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("pprof http://" + listener.Addr().String())
	go http.Serve(listener, nil)
	if *shape != "server" {
		for i := 0; i < 20; i++ {
			go replaceItself()
		}
	}
	go keep(*shape, *start, *rate)
	io.Copy(io.Discard, os.Stdin)
}

// replaceItself is a worker whose every piece of work is a goroutine of its own.
func replaceItself() {
	for {
		done := make(chan struct{})
		go func() {
			time.Sleep(500 * time.Millisecond)
			close(done)
		}()
		<-done
	}
}

// wait stays until it is let go.
func wait(done <-chan struct{}) { <-done }

// keep has as many goroutines wait as the shape has at each time; the youngest go first.
func keep(shape string, start time.Duration, rate float64) {
	var waiting []chan struct{}
	began := time.Now()
	for range time.Tick(tick) {
		passed := time.Since(began)
		due := int(level(shape, passed, start) * rate)
		for len(waiting) < due {
			done := make(chan struct{})
			waiting = append(waiting, done)
			go wait(done)
		}
		for len(waiting) > due {
			close(waiting[len(waiting)-1])
			waiting = waiting[:len(waiting)-1]
		}
		if shape == "turnover" && len(waiting) > 0 {
			// More and more of them, none of which stays: the oldest make room for new ones.
			for gone := 0; gone < len(waiting)/10+1; gone++ {
				close(waiting[0])
				done := make(chan struct{})
				waiting = append(waiting[1:], done)
				go wait(done)
			}
		}
	}
}

// level is how high a shape stands, in seconds of its rate.
func level(shape string, passed, start time.Duration) float64 {
	switch shape {
	case "leak", "turnover":
		return passed.Seconds()
	case "late":
		if passed < start {
			passed = start
		}
		return (passed - start).Seconds()
	case "plateau":
		if passed > start {
			passed = start
		}
		return passed.Seconds()
	case "sawtooth":
		return (passed % (3 * time.Second)).Seconds()
	}
	return 0
}
