//! Following and unfollowing leaves nothing behind.

use leakcheck::no_leak::{self, NoLeak};

/// What your program does once: here, a task that is told to end and waited for.
async fn follow_and_unfollow() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let follower = tokio::spawn(stopped);
    drop(stop);
    let _ = follower.await;
}

#[tokio::test]
async fn following_leaves_no_task() {
    leakcheck::assert_no_leak(5, follow_and_unfollow).await;
}

/// Run so, a failure also names the line that spawned each task, in libraries too.
#[test]
fn following_leaves_no_task_whoever_spawned_it() {
    no_leak::run(async {
        let check = NoLeak::rounds(5).warm_up(2);
        check.assert(follow_and_unfollow).await;
    });
}
