package main

import (
	"context"
	"sort"
	"strings"
)

// A wiring is everything in which two followers differ.
type wiring struct {
	// reader ends a reader that waits for room in its channel.
	reader scope
	// request ends a log request, and with it a read in progress.
	request scope
	// closes: the rotation closes the old stream's body.
	closes bool
	// waits: the rotation then waits until the old stream's reader has ended.
	waits bool
	// throwaway: each stream has a client of its own, which is never closed.
	throwaway bool
	// heartbeats: each stream starts a heartbeat that lasts as long as the app.
	heartbeats bool
}

// wirings have the letters that leakcheck knows them by.
var wirings = map[string]wiring{
	"A":  {reader: onApp, request: onApp},
	"A3": {reader: onStream, request: onApp},
	"B":  {reader: onApp, request: onApp, closes: true},
	"D":  {reader: onApp, request: onApp, closes: true, waits: true},
	"E":  {reader: onStream, request: onStream, closes: true, waits: true},
	"F":  {reader: onStream, request: onApp, waits: true},
	"H2": {reader: onStream, request: onStream, closes: true, waits: true, throwaway: true},
	"I":  {reader: onStream, request: onStream, closes: true, waits: true, heartbeats: true},
}

func wiringNames() string {
	var names []string
	for name := range wirings {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// A scope is the context that something hangs off: the app's, which ends with the program, or the
// stream's, which ends at its rotation under every wiring.
type scope bool

const (
	onApp    scope = false
	onStream scope = true
)

func (s scope) of(app, stream context.Context) context.Context {
	if s == onStream {
		return stream
	}
	return app
}
