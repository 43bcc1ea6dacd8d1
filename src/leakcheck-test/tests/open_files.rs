//! A leak check that counts file descriptors, inside somebody's own test.
//!
//! A binary of one test: those of its process are counted, and other tests open and close them all the time.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use leakcheck_test::{LeakVerdict, NoLeak};

#[tokio::test]
async fn a_file_left_open_in_each_round_is_a_leak() {
    let check = NoLeak::rounds(3).count_fds();
    let leave_a_file = async || std::mem::forget(tempfile::tempfile().expect("a file"));
    let growth = check.check(leave_a_file).await;
    assert_eq!(growth.verdict(), LeakVerdict::Leaking, "{growth}");
    assert!(growth.fds() >= Some(3), "{growth}");
}
