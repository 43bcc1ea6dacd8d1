//! Rotations that the engine makes: what becomes of the streams that are open.

use serde::{Deserialize, Serialize};

/// How the engine rotates the streams of its containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum RotateBy {
    /// Streams end while their containers run on, as when a log file is rotated away
    Eof,
    /// Connections break in the middle of an answer
    Reset,
    /// Containers end and start again, and with them their streams
    Restart,
    /// Containers are removed, and new ones of the same names take their place
    Replace,
    /// The engine ends and starts again; its containers run on
    EngineRestart,
    /// The engine makes no rotation: the follower rotates by itself
    None,
}

impl RotateBy {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Eof,
        Self::Reset,
        Self::Restart,
        Self::Replace,
        Self::EngineRestart,
        Self::None,
    ];

    /// The one of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == name)
    }

    /// Its name, as on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Eof => "eof",
            Self::Reset => "reset",
            Self::Restart => "restart",
            Self::Replace => "replace",
            Self::EngineRestart => "engine-restart",
            Self::None => "none",
        }
    }
}

/// One rotation of all containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// What happens.
    pub by: RotateBy,
    /// Whether streams stay open whose container has ended, with nothing more to come.
    pub keeps_streams: bool,
}

/// What becomes of a stream that was open at a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFate {
    /// It ends, after the lines that were due by then.
    Ends,
    /// Its connection breaks at once.
    Breaks,
    /// It stays open with nothing more to come.
    FallsSilent,
}
