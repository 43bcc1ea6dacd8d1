//! The stacks and states that are well known, with what they mean in words.

/// The read loop of an HTTP client's connection.
pub(super) const READ_LOOP: &str = "net/http.(*persistConn).readLoop";
/// Its write loop.
pub(super) const WRITE_LOOP: &str = "net/http.(*persistConn).writeLoop";

/// The reader of an HTTP/2 client's connection.
const HTTP2_CLIENT: &str =
    "HTTP/2 client connection, read loop (one goroutine and one fd per open connection)";
/// What serves an HTTP/2 connection.
const HTTP2_SERVER: &str = "HTTP/2 server connection (it has a reader beside it, and one fd)";

/// A well-known stack: the start of a function's name in it, the states that it is told in (none:
/// any), and the words. The first that fits is taken.
pub(super) const STACKS: &[(&str, &[&str], &str)] = &[
    (
        READ_LOOP,
        &["IO wait"],
        "HTTP client connection, read loop: idle in its pool, or waiting for an answer (two goroutines \
         and one fd per open connection)",
    ),
    (
        READ_LOOP,
        &[],
        "HTTP client connection, read loop: waiting until a response's body is read to its end or closed \
         (two goroutines and one fd per open connection)",
    ),
    (
        WRITE_LOOP,
        &[],
        "HTTP client connection, write loop: waiting for a request to send (two goroutines and one fd per \
         open connection)",
    ),
    (
        "net/http.(*persistConn).roundTrip",
        &[],
        "waiting for the head of an HTTP response",
    ),
    (
        "net/http.(*Transport).getConn",
        &[],
        "waiting for an HTTP connection: until one is free or opened",
    ),
    (
        "net/http.(*bodyEOFSignal).Read",
        &[],
        "reading the body of an HTTP response",
    ),
    // Up to Go 1.26 within net/http, then a package of its own; golang.org/x/net has it too.
    ("net/http.(*http2clientConnReadLoop).run", &[], HTTP2_CLIENT),
    (
        "net/http/internal/http2.(*clientConnReadLoop).run",
        &[],
        HTTP2_CLIENT,
    ),
    (
        "golang.org/x/net/http2.(*clientConnReadLoop).run",
        &[],
        HTTP2_CLIENT,
    ),
    ("net/http.(*http2serverConn).serve", &[], HTTP2_SERVER),
    (
        "net/http/internal/http2.(*serverConn).serve",
        &[],
        HTTP2_SERVER,
    ),
    (
        "golang.org/x/net/http2.(*serverConn).serve",
        &[],
        HTTP2_SERVER,
    ),
    (
        "net/http.(*conn).serve",
        &["IO wait"],
        "HTTP server connection: waiting for a request",
    ),
    (
        "net/http.(*connReader).backgroundRead",
        &[],
        "HTTP server connection: watching whether the client goes away",
    ),
    (
        "google.golang.org/grpc/internal/transport.(*http2Client).reader",
        &[],
        "gRPC client connection, reader (it has a writer beside it, and one fd)",
    ),
    (
        "google.golang.org/grpc/internal/transport.(*http2Client).keepalive",
        &[],
        "gRPC client connection: sending pings to keep it alive",
    ),
    (
        "google.golang.org/grpc/internal/transport.(*loopyWriter).run",
        &[],
        "gRPC connection, writer: waiting for something to send (one per open connection)",
    ),
    (
        "google.golang.org/grpc/internal/transport.(*http2Server).HandleStreams",
        &[],
        "gRPC server connection, reader (it has a writer beside it, and one fd)",
    ),
    (
        "google.golang.org/grpc/internal/transport.(*recvBufferReader).",
        &[],
        "waiting for a message on a gRPC stream",
    ),
    (
        "google.golang.org/grpc/internal/grpcsync.(*CallbackSerializer).run",
        &[],
        "gRPC client: its callbacks (a few per client; each client that is never closed keeps them)",
    ),
    (
        "database/sql.(*DB).connectionOpener",
        &[],
        "database handle: one per sql.Open; it lives until the handle is closed",
    ),
    (
        "database/sql.(*DB).connectionCleaner",
        &[],
        "database handle: closing connections that are too old",
    ),
    (
        "database/sql.(*DB).conn",
        &["select"],
        "waiting for a database connection: the pool has none free (rows or a transaction left open?)",
    ),
    (
        "database/sql.(*Rows).awaitDone",
        &[],
        "database rows that are open: until they are read to their end, closed or cancelled",
    ),
    (
        "database/sql.(*Tx).awaitDone",
        &[],
        "database transaction that is open: until it is committed, rolled back or cancelled",
    ),
    ("crypto/tls.(*Conn).Handshake", &[], "in a TLS handshake"),
    ("net.(*Dialer).Dial", &[], "opening a connection"),
    ("net.(*Resolver).", &[], "looking a name up"),
    (
        "internal/poll.(*FD).Accept",
        &[],
        "listening for connections",
    ),
    (
        "context.(*cancelCtx).propagateCancel",
        &[],
        "handing a context's end on to its child: until one of them ends",
    ),
    (
        "context.propagateCancel",
        &[],
        "handing a context's end on to its child: until one of them ends",
    ),
    (
        "golang.org/x/sync/errgroup.(*Group).Wait",
        &[],
        "waiting for an errgroup's goroutines",
    ),
    (
        "golang.org/x/sync/semaphore.(*Weighted).Acquire",
        &[],
        "waiting for room in a weighted semaphore",
    ),
    ("sync.(*WaitGroup).Wait", &[], "waiting for a WaitGroup"),
    (
        "sync.(*RWMutex).",
        &[],
        "waiting for a read-write lock that another goroutine holds",
    ),
    (
        "sync.(*Mutex).Lock",
        &[],
        "waiting for a mutex that another goroutine holds",
    ),
    ("sync.(*Cond).Wait", &[], "waiting for a condition variable"),
    (
        "sync.(*Once).",
        &[],
        "in, or waiting for, what is done once",
    ),
    (
        "io.(*PipeReader).Read",
        &[],
        "reading a pipe: until somebody writes into it or closes it",
    ),
    (
        "io.(*pipe).read",
        &[],
        "reading a pipe: until somebody writes into it or closes it",
    ),
    (
        "io.(*pipe).write",
        &[],
        "writing into a pipe: until somebody reads it or closes it",
    ),
    ("os/exec.(*Cmd).Wait", &[], "waiting for a child process"),
    (
        "os/exec.(*Cmd).",
        &[],
        "copying a child process's input or output",
    ),
    ("os/signal.loop", &[], "waiting for a signal"),
    (
        "os/signal.NotifyContext",
        &[],
        "a context that a signal ends",
    ),
    (
        "github.com/fsnotify/fsnotify.",
        &[],
        "watching files: one per watcher, with its fd, until it is closed",
    ),
    (
        "go.opencensus.io/stats/view.(*worker).start",
        &[],
        "OpenCensus' worker: one per process",
    ),
    (
        "k8s.io/klog/v2.(*flushDaemon).run",
        &[],
        "klog's flusher: one per process",
    ),
    (
        "k8s.io/client-go/tools/cache.(*Reflector).",
        &[],
        "a Kubernetes informer: listing and watching one kind of object",
    ),
    ("time.Sleep", &[], "sleeping"),
];

/// What the states themselves say. Which there are: `waitReasonStrings` and `gStatusStrings` of Go's
/// runtime, 1.19 to 1.27.
pub(super) const STATES: &[(&str, &str)] = &[
    (
        "chan send (nil chan)",
        "sending into a nil channel: it never returns",
    ),
    (
        "chan receive (nil chan)",
        "receiving from a nil channel: it never returns",
    ),
    (
        "select (no cases)",
        "a select without cases: it never returns",
    ),
    (
        "chan send",
        "blocked on sending into a channel that is full, or that nobody receives from",
    ),
    (
        "chan receive",
        "waiting for something to come through a channel",
    ),
    ("select", "waiting for one of several channels"),
    (
        "semacquire",
        "waiting for a semaphore, as of a WaitGroup or a mutex",
    ),
    ("sleep", "sleeping"),
    ("IO wait", "parked on reading or writing a file descriptor"),
    ("syscall", "in a system call"),
    ("running", "running: mostly the one that made the dump"),
    ("runnable", "ready to run"),
    (
        "coroutine",
        "an iterator that waits to be asked for its next value (iter.Pull)",
    ),
    ("finalizer wait", "the runtime's own: it runs finalizers"),
    ("cleanup wait", "the runtime's own: it runs cleanups"),
    ("force gc (idle)", "the runtime's own"),
    ("GC worker (idle)", "the runtime's own: it collects garbage"),
    ("GC sweep wait", "the runtime's own: it collects garbage"),
    (
        "GC scavenge wait",
        "the runtime's own: it gives memory back",
    ),
];

/// The runtime's functions that tell a state where none is told: a binary profile has them.
pub(super) const WAITING_CALLS: &[(&str, &str)] = &[
    ("runtime.chansend", "chan send"),
    ("runtime.chanrecv", "chan receive"),
    ("runtime.selectgo", "select"),
    ("runtime.block", "select (no cases)"),
    ("runtime.netpollblock", "IO wait"),
    ("internal/poll.runtime_pollWait", "IO wait"),
    ("runtime.semacquire1", "semacquire"),
];
