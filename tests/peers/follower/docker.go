package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A client speaks to a Docker engine as the Docker SDK does: over one HTTP transport, which pools
// the connections of answered requests, without an idle timeout.
type client struct {
	transport *http.Transport
	base      string
}

// newClient makes a client of the engine at unix:///path.sock or http://host:port.
func newClient(address string) (*client, error) {
	c := &client{transport: &http.Transport{DisableCompression: true}}
	scheme, rest, _ := strings.Cut(address, "://")
	switch {
	case rest != "" && scheme == "unix":
		c.base = "http://docker"
		c.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", rest)
		}
	case rest != "" && scheme == "http":
		c.base = strings.TrimSuffix(address, "/")
	default:
		return nil, fmt.Errorf("%q is no engine: write unix:///path.sock or http://host:port", address)
	}
	return c, nil
}

// another is a client of the same engine with no connection yet.
func (c *client) another() *client {
	return &client{c.transport.Clone(), c.base}
}

// containers lists the identifiers of the running containers.
func (c *client) containers(ctx context.Context) (ids []string, err error) {
	text, err := c.getWhole(ctx, "/containers/json")
	if err != nil {
		return nil, err
	}
	var listed []struct{ ID string }
	if err := json.Unmarshal(text, &listed); err != nil {
		return nil, fmt.Errorf("the list of containers: %w", err)
	}
	for _, container := range listed {
		ids = append(ids, container.ID)
	}
	return ids, nil
}

// inspect asks for a container's details, for nothing but the connection that it takes.
func (c *client) inspect(ctx context.Context, id string) error {
	_, err := c.getWhole(ctx, "/containers/"+id+"/json")
	return err
}

// followLogs opens the stream of a container's lines: those since a moment, or new ones.
func (c *client) followLogs(ctx context.Context, id string, since time.Time) (io.ReadCloser, error) {
	from := "&tail=0"
	if !since.IsZero() {
		from = fmt.Sprintf("&since=%d.%09d", since.Unix(), since.Nanosecond())
	}
	return c.get(ctx, "/containers/"+id+"/logs?follow=1&stdout=1&stderr=1"+from)
}

// starts tells of each container that starts from now on, until its context ends or the engine does.
func (c *client) starts(ctx context.Context, subscribed func(), started func(id string, at time.Time)) error {
	body, err := c.get(ctx, "/events?filters="+url.QueryEscape(`{"event":["start"]}`))
	if err != nil {
		return err
	}
	defer body.Close()
	subscribed()
	for events := json.NewDecoder(body); ; {
		var event struct {
			ID       string
			TimeNano int64
		}
		if err := events.Decode(&event); err != nil {
			return fmt.Errorf("the engine's events: %w", err)
		}
		started(event.ID, time.Unix(0, event.TimeNano))
	}
}

// getWhole reads an answer to its end, so that its connection goes back to the pool.
func (c *client) getWhole(ctx context.Context, path string) ([]byte, error) {
	body, err := c.get(ctx, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// get returns the body of the engine's answer once its head has arrived.
func (c *client) get(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: c.transport}).Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return response.Body, nil
}
