package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// channelCapacity is how many chunks fit between a reader and its consumer.
	channelCapacity = 10
	chunkBytes      = 4096
	heartbeatEvery  = 10 * time.Second
	// A container that restarts has said its last words once nothing has come for drainIdle.
	drainIdle   = 50 * time.Millisecond
	drainAtMost = 200 * time.Millisecond
)

// A follower follows containers, each by one stream after another.
type follower struct {
	wiring        wiring
	shared        *client
	rotation      time.Duration
	consumerDelay time.Duration
	// started is when the schedule of rotations begins.
	started time.Time
	// restarts are when each container restarted; nil where rotations are made by the schedule.
	restarts map[string]chan time.Time
}

// supervise follows one container until the app ends or the engine fails it. It calls opened
// once, when the first stream is open and read.
func (f *follower) supervise(app context.Context, id string, opened func()) error {
	go heartbeat(app)
	var first sync.Once
	var since time.Time
	for {
		var err error
		since, err = f.followOneStream(app, id, since, func() { first.Do(opened) })
		if app.Err() != nil {
			return nil
		}
		// A stream whose time was over before it was open is no failure.
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// followOneStream opens a stream, consumes what its reader reads, and rotates it in its time: all
// that the wirings differ in. It returns since when the next stream is to tell lines, where a restart
// of the container was the reason.
func (f *follower) followOneStream(app context.Context, id string, since time.Time, opened func()) (time.Time, error) {
	stream, cancel := f.stream(app)
	defer cancel()

	engine := f.shared
	if f.wiring.throwaway {
		engine = f.shared.another()
	}
	body, err := engine.followLogs(f.wiring.request.of(app, stream), id, since)
	if err != nil {
		return since, err
	}
	if f.wiring.throwaway {
		// The stream occupies its connection: this opens a second, which then idles in the pool.
		if err := engine.inspect(app, id); err != nil {
			return since, err
		}
	}
	if f.wiring.heartbeats {
		go heartbeat(app)
	}
	chunks := make(chan []byte, channelCapacity)
	var reader sync.WaitGroup
	reader.Add(1)
	go readChunks(f.wiring.reader.of(app, stream), body, chunks, &reader)
	opened()

	restarted := f.consume(stream, chunks, f.restarts[id])
	cancel()

	if f.wiring.closes {
		body.Close()
	}
	if f.wiring.waits {
		// Nobody consumes any more: only its context ends a reader that waits for room.
		reader.Wait()
	}
	return restarted, nil
}

// stream is the context of one stream: it ends at the schedule's next rotation, or when it is cancelled.
func (f *follower) stream(app context.Context) (context.Context, context.CancelFunc) {
	if f.restarts != nil {
		return context.WithCancel(app)
	}
	return context.WithDeadline(app, f.nextRotation())
}

// nextRotation is the next moment of a schedule that all containers share, and that no slow
// reconnect shifts.
func (f *follower) nextRotation() time.Time {
	passed := time.Since(f.started).Truncate(f.rotation)
	return f.started.Add(passed + f.rotation)
}

// consume takes chunks until the stream's time is over or its container restarts; it returns when that
// was.
func (f *follower) consume(stream context.Context, chunks <-chan []byte, restarts <-chan time.Time) (restarted time.Time) {
	// Asked each time: a select between the two would put the rotation off at random.
	for stream.Err() == nil {
		select {
		case <-stream.Done():
		case restarted = <-restarts:
			drain(chunks)
			return restarted
		case <-chunks:
			f.delay(stream)
		}
	}
	return restarted
}

// drain takes what was still under way when a container restarted.
func drain(chunks <-chan []byte) {
	for end := time.Now().Add(drainAtMost); time.Now().Before(end); {
		select {
		case <-chunks:
		case <-time.After(drainIdle):
			return
		}
	}
}

// delay is what a slow consumer takes for a chunk; a rotation cuts it short.
func (f *follower) delay(stream context.Context) {
	if f.consumerDelay == 0 {
		return
	}
	select {
	case <-stream.Done():
	case <-time.After(f.consumerDelay):
	}
}

// readChunks reads a stream to its end. Its context does not end a read in progress: only data,
// the end of the request or a close does.
func readChunks(ctx context.Context, body io.Reader, chunks chan<- []byte, done *sync.WaitGroup) {
	defer done.Done()
	for ctx.Err() == nil {
		chunk := make([]byte, chunkBytes)
		n, err := body.Read(chunk)
		if n > 0 {
			select {
			case chunks <- chunk[:n]:
			case <-ctx.Done():
			}
		}
		if err != nil {
			return
		}
	}
}

// heartbeat stands for what lasts as long as a container is followed, whatever the wiring.
func heartbeat(app context.Context) {
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	for app.Err() == nil {
		select {
		case <-beat.C:
		case <-app.Done():
		}
	}
}
