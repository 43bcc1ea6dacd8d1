//! Leak checks inside somebody's own tests.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use leakcheck_test::{LeakVerdict, NoLeak};

async fn leave_a_task() {
    tokio::spawn(pending::<()>());
}

async fn end_a_task() {
    tokio::spawn(async {}).await.expect("ends");
}

/// What an assertion says when it fails.
async fn failure(check: NoLeak, round: impl AsyncFn()) -> String {
    let failing = AssertUnwindSafe(check.assert(|| round()))
        .catch_unwind()
        .await;
    let panic = failing.expect_err("must fail");
    let text = panic.downcast_ref::<String>().cloned();
    let literal = || panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(literal).expect("a message")
}

#[tokio::test]
async fn rounds_that_end_their_tasks_leave_nothing() {
    leakcheck_test::assert_no_leak(5, end_a_task).await;
}

#[tokio::test]
async fn a_task_left_in_each_round_fails_under_an_ordinary_test_runtime() {
    let message = failure(NoLeak::rounds(3), leave_a_task).await;
    assert!(message.contains("leaking: +3 tasks"), "{message}");
    assert!(message.contains("leakcheck_test::run"), "{message}");
}

#[test]
fn a_task_left_in_each_round_is_told_by_where_it_was_spawned() {
    let message = leakcheck_test::run(failure(NoLeak::rounds(4), leave_a_task));
    assert!(message.contains("leaking: +4 tasks"), "{message}");
    if cfg!(tokio_unstable) {
        assert!(message.contains("tests/no_leak.rs:"), "{message}");
    }
}

#[test]
fn what_ran_before_the_baseline_is_no_leak() {
    leakcheck_test::run(async {
        leave_a_task().await;
        NoLeak::rounds(2).warm_up(0).assert(end_a_task).await;
    });
}

#[cfg(tokio_unstable)]
#[test]
fn a_site_that_is_ignored_is_no_leak() {
    leakcheck_test::run(async {
        let check = NoLeak::rounds(2).ignore_site("tests/no_leak.rs");
        check.assert(leave_a_task).await;
    });
}

#[tokio::test]
async fn ignoring_a_site_that_nobody_knows_is_refused() {
    let message = failure(NoLeak::rounds(1).ignore_site("x"), end_a_task).await;
    assert!(
        message.contains("ignore_site needs spawn sites"),
        "{message}"
    );
}

#[tokio::test]
async fn growth_in_some_rounds_only_is_inconclusive_and_fails() {
    let round = AtomicU32::new(0);
    let check = NoLeak::rounds(4).warm_up(0);
    let growth = check
        .check(|| async {
            if round.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                leave_a_task().await;
            }
        })
        .await;
    assert_eq!(growth.verdict(), LeakVerdict::Inconclusive);
    assert_eq!((growth.tasks(), growth.fds()), (2, None));
    assert!(growth.to_string().contains("not more in each"), "{growth}");
}

#[tokio::test]
async fn a_round_that_does_not_end_is_hung_and_never_clean() {
    let check = NoLeak::rounds(2)
        .warm_up(0)
        .round_within(Duration::from_millis(20));
    let message = failure(check, pending::<()>).await;
    assert!(message.contains("hung: round 1"), "{message}");
}

#[tokio::test]
async fn a_task_that_ends_a_little_later_is_waited_for() {
    let check = NoLeak::rounds(3).settle_within(Duration::from_secs(10));
    check
        .assert(|| async {
            tokio::spawn(tokio::time::sleep(Duration::from_millis(300)));
        })
        .await;
}

#[cfg(tokio_unstable)]
#[test]
fn a_task_that_ended_does_not_hide_one_that_is_left() {
    let growth = leakcheck_test::run(async {
        let old = tokio::spawn(pending::<()>());
        let check = NoLeak::rounds(1).warm_up(0);
        check
            .check(|| async {
                old.abort();
                leave_a_task().await;
            })
            .await
    });
    assert_eq!(growth.tasks(), 0);
    assert_eq!(growth.verdict(), LeakVerdict::Inconclusive, "{growth}");
}

#[test]
#[should_panic(expected = "would leave out every site")]
fn ignoring_every_site_is_refused() {
    drop(NoLeak::rounds(1).ignore_site(""));
}
