//! The wiring: every choice about cancellation, close, wait, channel and client, as data.
//!
//! The monitor is written once and takes its wiring as a value, so that two wirings differ in
//! nothing but what their tables say.

use std::time::Duration;

use leakcheck_text::duration;
use serde::{Deserialize, Serialize};

use super::step::{self, RotationStep};

/// A named set of choices, with what it shows and what the same choices did in Go.
///
/// A choice that is left out is the incident's. As JSON, a key is the field's name; the catalogue's
/// TOML has hyphens in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wiring {
    /// The name that `--wiring` takes.
    pub name: String,
    /// The letter of its row in the Go reference table, where it has one; `--wiring` takes it too.
    pub letter: Option<String>,
    /// What it is, in one line.
    pub summary: String,
    /// What a reader of the figures must know about Rust here, where Rust differs from Go.
    #[serde(alias = "rust-note")]
    pub rust_note: Option<String>,
    /// What the same wiring did in Go.
    pub go: Option<InGo>,
    /// What the reader's cancellation descends from.
    #[serde(default, alias = "reader-parent")]
    pub reader_parent: Scope,
    /// Whether the reader is cancelled when its stream's function returns (Go: `defer cancel()`),
    /// before any of the rotation's steps.
    #[serde(default, alias = "cancel-reader-on-return")]
    pub cancel_reader_on_return: bool,
    /// What the log request is tied to: it is aborted when this scope is cancelled.
    #[serde(default)]
    pub request: Scope,
    /// What a rotation does with the old stream, in this order, once the stream's own scope has
    /// expired. An empty list forgets the stream.
    #[serde(default, alias = "at-rotation", deserialize_with = "step::list")]
    pub at_rotation: Vec<RotationStep>,
    /// What is done with a stream that the engine ended; `None` does what a rotation does.
    #[serde(
        default,
        alias = "at-engine-end",
        deserialize_with = "step::list_if_any"
    )]
    pub at_engine_end: Option<Vec<RotationStep>>,
    /// Whether the reader closes the stream itself once its loop has ended.
    #[serde(default, alias = "reader-closes")]
    pub reader_closes: bool,
    /// How the reader reads.
    #[serde(default)]
    pub read: ReadStyle,
    /// How the reader hands a chunk to the consumer.
    #[serde(default)]
    pub send: SendStyle,
    /// Chunks that the channel between reader and consumer holds; 0 makes every send wait until
    /// its chunk is taken (Go: an unbuffered channel).
    #[serde(default = "incident_channel_capacity", alias = "channel-capacity")]
    pub channel_capacity: usize,
    /// From where the next stream goes on.
    #[serde(default)]
    pub resume: Resume,
    /// Whether each stream leaves a hook on the whole monitor's end that would close it, and that
    /// nothing takes back (Go: `context.AfterFunc` without its `stop`).
    #[serde(default, alias = "hook-on-app")]
    pub hook_on_app: bool,
    /// Who owns the heartbeat.
    #[serde(default)]
    pub heartbeat: Heartbeat,
    /// Which client opens the streams.
    #[serde(default)]
    pub client: ClientUse,
    /// How many containers may be followed at once; one that finds no room retries.
    #[serde(alias = "stream-limit")]
    pub stream_limit: Option<usize>,
    /// The periodic inspection of each container, where there is one.
    #[serde(alias = "health-check")]
    pub health_check: Option<HealthCheck>,
}

/// A level of cancellation, outermost first.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The whole monitor; cancelled only at shutdown.
    #[default]
    App,
    /// One container; cancelled when the monitor stops following it.
    Container,
    /// One stream; expires at its rotation.
    Stream,
}

/// How a reader reads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadStyle {
    /// Checks its cancellation only between two reads, as a Go reader does: a read in progress
    /// ends by data, by the end of the stream, or by a close.
    #[default]
    CheckedBetweenReads,
    /// Gives up a read in progress when it is cancelled, or told to stop. Go has no such read.
    Cancellable,
    /// Starts a task for each read and waits for it no longer than this, on the monitor's clock;
    /// a read that takes longer is left behind with whatever it reads.
    Nested {
        /// How long a read is waited for.
        #[serde(deserialize_with = "duration::deserialize")]
        timeout: Duration,
    },
}

/// How a reader sends.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendStyle {
    /// Waits for room in the channel or for its cancellation (Go: `select` with `ctx.Done()`).
    #[default]
    OrCancelled,
    /// Waits for room, whatever happens.
    Blocking,
    /// Drops the chunk when the channel is full (Go: `select` with `default`).
    OrDrop,
}

/// Who owns the heartbeat.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heartbeat {
    /// One per container, waited for when the container is no longer followed.
    #[default]
    Tracked,
    /// One more per rotation, which nothing ends before shutdown.
    UntrackedPerRotation,
    /// One more per rotation of the first container, and of no other, which nothing ends.
    UntrackedInOneContainer,
    /// One more per stream, which its rotation ends; where the stream ends by itself, the way out
    /// skips that.
    LeftOnEngineEnd,
}

/// From where the next stream goes on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resume {
    /// From the last line that reached the consumer: none is lost.
    #[default]
    LastDelivered,
    /// From the last line that a reader read: what it had read and not handed over is lost.
    LastRead,
}

/// Which client opens the streams.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientUse {
    /// One for all streams.
    #[default]
    Shared,
    /// A new one per rotation, which opens the stream and then inspects the container over a
    /// second connection; what becomes of it is the given fate.
    ThrowawayPerRotation(ClientFate),
    /// A new one each time that a container starts, which inspects it and opens its streams over
    /// pooled connections; what becomes of it when the container ends is the given fate.
    PerContainerStart(ClientFate),
}

/// What becomes of a throwaway client, whose idle connection waits in its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientFate {
    /// Never closed, and its idle connections never time out.
    NeverClosed,
    /// Closed when it is parted with: at the rotation, at the end of a check, at the end of the
    /// container.
    Closed,
    /// Never closed, but its idle connections end after this long on the monitor's clock.
    IdleTimeout(#[serde(deserialize_with = "duration::deserialize")] Duration),
}

/// A periodic inspection of every container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// The pause between two checks of one container, on the monitor's clock.
    #[serde(deserialize_with = "duration::deserialize")]
    pub every: Duration,
    /// What becomes of the throwaway client of each check; `None` checks through the shared client.
    pub throwaway: Option<ClientFate>,
    /// How many clients are pooled: a check throws one away only while so many followed containers
    /// or more keep them all busy. `None` has no pool.
    pub pool: Option<usize>,
}

/// What a wiring did in Go: goroutines and file descriptors left per rotation per container.
///
/// Measured once with Go 1.19.8 and the Docker SDK 20.10.24 against dockerd 20.10.24: 50 containers,
/// rotation 2 s, 12 rotations, half of the containers silent unless `load` says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InGo {
    /// Goroutines per rotation per container; `None` where the run hung.
    pub goroutines: Option<f64>,
    /// File descriptors per rotation per container; `None` where the run hung.
    pub fds: Option<f64>,
    /// Containers that stopped rotating, and under which load, where any did.
    pub hung: Option<String>,
}

/// The incident's channel between reader and consumer held ten chunks.
fn incident_channel_capacity() -> usize {
    10
}

impl Wiring {
    /// Whether it counts what one process follows, so that its containers cannot be shared out among
    /// several.
    pub fn is_bound_to_one_process(&self) -> bool {
        self.stream_limit.is_some() || self.health_check.is_some_and(|check| check.pool.is_some())
    }

    /// Whether the rotation waits for the reader, and where in the order of steps.
    pub fn waits_at(&self) -> Option<usize> {
        self.at_rotation.iter().position(|step| {
            matches!(
                step,
                RotationStep::WaitReader { .. } | RotationStep::WaitReaderAndHeartbeat
            )
        })
    }

    /// The steps that end a stream which the engine ended itself.
    pub fn steps_at_engine_end(&self) -> &[RotationStep] {
        self.at_engine_end.as_deref().unwrap_or(&self.at_rotation)
    }

    /// Whether a rotation ends the old stream's connection before it waits for anything.
    pub fn ends_connection_before_waiting(&self) -> bool {
        let closes_at = self.at_rotation.iter().position(|step| step.closes());
        let closed_first = match (closes_at, self.waits_at()) {
            (Some(close), Some(wait)) => close < wait,
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.request == Scope::Stream || closed_first
    }

    /// Whether a rotation ends the old stream's connection at all, provided that it gets that far.
    pub fn ends_connection(&self) -> bool {
        self.request == Scope::Stream || self.at_rotation.iter().any(|step| step.closes())
    }

    /// Whether a rotation cancels the old stream's reader.
    pub fn cancels_reader(&self) -> bool {
        self.reader_parent == Scope::Stream || self.cancel_reader_on_return
    }
}

impl RotationStep {
    /// Whether the step closes the response body.
    fn closes(&self) -> bool {
        matches!(self, Self::Close | Self::CloseBetweenReads)
    }
}
