//! The documents of `leakcheck dump`. Field names are a contract, as in the report's model: what is
//! unknown is null.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The documents' type and version.
pub const SCHEMA: &str = "leakcheck.dump/v1";

/// One dump, grouped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dump {
    /// [`SCHEMA`].
    pub schema: String,
    /// Goroutines read.
    pub goroutines: u64,
    /// Goroutines by state, stack and creator, the largest group first.
    pub groups: Vec<Group>,
    /// What could not be read, and where.
    pub errors: Vec<ReadError>,
    /// Each goroutine, in the order of the dump; left out unless it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Vec<EachGoroutine>>,
}

/// Goroutines that are in one state, at one stack, and of one creator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Group {
    /// How many.
    pub count: u64,
    /// What they wait in, as in `select`; null in a profile, which does not tell.
    pub state: Option<String>,
    /// For how long they have waited; null where the dump does not tell, as below a minute.
    pub wait_minutes: Option<WaitMinutes>,
    /// What started them; null where the dump does not tell.
    pub created_by: Option<Frame>,
    /// Where they are, the innermost call first.
    pub stack: Vec<Frame>,
    /// How many of them are locked to a thread.
    pub locked_to_thread: u64,
    /// How many of them Go's own leak detection found: nothing can wake them any more. It runs when
    /// the process's `goroutineleak` profile is asked for (Go 1.26 and later).
    #[serde(default)]
    pub leaked: u64,
    /// What it is in words, where its stack is well known.
    pub meaning: Option<String>,
    /// The labels that the program gave them (`pprof.Do`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Their numbers, where they were to be kept.
    #[serde(skip)]
    pub ids: Vec<u64>,
}

/// The shortest and the longest wait of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaitMinutes {
    /// The shortest.
    pub min: u64,
    /// The longest.
    pub max: u64,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Frame {
    /// The function, without its arguments.
    pub func: String,
    /// Its source file; null where the dump does not tell.
    pub file: Option<String>,
    /// The line; null where the dump does not tell.
    pub line: Option<u64>,
}

/// What could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadError {
    /// The line of the dump, from 1; null in a binary one, which has none.
    pub line: Option<u64>,
    /// What is wrong with it.
    pub message: String,
}

/// One goroutine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EachGoroutine {
    /// Its number.
    pub id: u64,
    /// What it waits in.
    pub state: String,
    /// For how long; null below a minute.
    pub wait_minutes: Option<u64>,
    /// Whether it is locked to a thread.
    pub locked_to_thread: bool,
    /// Whether Go's own leak detection found it.
    #[serde(default)]
    pub leaked: bool,
    /// Where it is, the innermost call first.
    pub stack: Vec<Frame>,
    /// Whether the dump leaves calls out.
    pub frames_elided: bool,
    /// What started it.
    pub created_by: Option<Frame>,
    /// The goroutine that started it, where the dump tells.
    pub ancestor: Option<u64>,
}

/// What grew from one dump to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diff {
    /// [`SCHEMA`].
    pub schema: String,
    /// Goroutines in the first dump.
    pub before: u64,
    /// Goroutines in the second.
    pub after: u64,
    /// Groups by stack and creator, the one that grew most first. The state is no part of what makes
    /// a group the same: it may change.
    pub groups: Vec<GrownGroup>,
    /// Growth by what started the goroutines, wherever they are now, the largest first; empty where
    /// the dumps do not tell, as profiles.
    pub creators: Vec<GrownCreator>,
    /// HTTP connections that the growth holds, by its read loops.
    pub connections: u64,
    /// Which known mechanism the growth fits, in words; null where it fits none.
    pub mechanism: Option<String>,
    /// What could not be read, of both dumps.
    pub errors: Vec<ReadError>,
}

/// What started goroutines, in two dumps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrownCreator {
    /// The call that started them.
    pub created_by: Frame,
    /// How many there were.
    pub before: u64,
    /// How many there are.
    pub after: u64,
    /// The difference.
    pub growth: i64,
    /// The growth per rotation of one container; null where rotations and containers are not told.
    pub per_rotation_per_container: Option<f64>,
}

/// A group in two dumps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrownGroup {
    /// How many there were.
    pub before: u64,
    /// How many there are.
    pub after: u64,
    /// The difference.
    pub growth: i64,
    /// The growth per rotation of one container; null where rotations and containers are not told.
    pub per_rotation_per_container: Option<f64>,
    /// The states that they are in now, or were in where none is left.
    pub states: Vec<String>,
    /// How many of those that there are Go's own leak detection found.
    #[serde(default)]
    pub leaked: u64,
    /// What started them.
    pub created_by: Option<Frame>,
    /// Where they are, the innermost call first.
    pub stack: Vec<Frame>,
    /// What it is in words, where its stack is well known.
    pub meaning: Option<String>,
}
