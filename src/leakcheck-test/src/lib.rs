//! Leak checks inside your own tests, as goleak makes them in Go: run something a number of rounds,
//! let it settle after each, and fail with the table of spawn sites that grew.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! // In a `#[tokio::test]`:
//! leakcheck_test::assert_no_leak(5, || async {
//!     let worker = tokio::spawn(async { 1 + 1 });
//!     worker.await.expect("ends");
//! })
//! .await;
//! # }
//! ```
//!
//! `#[tokio::test]` builds its runtime by itself, so that only the number of its tasks is known. A
//! test that is run by [`run`] has a runtime that tells where each task was spawned, hidden ones of
//! libraries included; it needs a build with `--cfg tokio_unstable`.
//!
//! ```
//! use leakcheck_test::NoLeak;
//!
//! // In a `#[test]`:
//! leakcheck_test::run(async {
//!     NoLeak::rounds(3)
//!         .warm_up(1)
//!         .count_fds()
//!         .assert(|| async { drop(tokio::spawn(async {}).await) })
//!         .await;
//! });
//! ```
//!
//! What goleak has is here too:
//!
//! | goleak | here |
//! |---|---|
//! | `VerifyNone` | [`assert_no_leak`], [`NoLeak::assert`] |
//! | `IgnoreTopFunction` | [`NoLeak::ignore_site`] |
//! | `IgnoreCurrent` | always: what ran before the baseline is in it |
//! | retries and their deadline | [`NoLeak::settle_within`] |
//!
//! Not counted are what the runtime's hooks do not tell: tasks of a `LocalSet`, `spawn_blocking`,
//! other runtimes. Call a check from the test itself, not from a task that it spawned: spawn sites are
//! not known there.
//!
//! What the check is made of can be used by itself: the [`census`] of a runtime's tasks, the loop that
//! waits until counts [`settle`], the rule that tells [`growth`] from noise, and the count of open
//! file descriptors ([`fds`]).

pub mod census;
mod check;
pub mod fds;
pub mod growth;
pub mod settle;
pub mod spawn_site;

pub use check::{LeakVerdict, NoLeak, RoundGrowth, assert_no_leak, run};
