//! What this build of leakcheck can do.

use super::check::Check;

/// Whether tasks can be told apart by the source location that spawned them.
pub fn spawn_sites() -> Check {
    const NAME: &str = "spawn sites";
    if cfg!(tokio_unstable) {
        return Check::ok(NAME, "built with tokio_unstable: every task is attributed");
    }
    Check::warn(
        NAME,
        "built without tokio_unstable: tasks are counted, hidden ones are not attributed",
        "rebuild: RUSTFLAGS='--cfg tokio_unstable' cargo install …, or build in a checkout, whose \
         .cargo/config.toml sets it",
    )
}

/// Whether `--console` is there.
pub fn console() -> Check {
    const NAME: &str = "tokio-console";
    if !cfg!(feature = "console") {
        return Check::warn(
            NAME,
            "built without the feature console: run --console is refused",
            "rebuild without --no-default-features",
        );
    }
    if cfg!(tokio_unstable) {
        Check::ok(NAME, "built in: run --console serves each worker")
    } else {
        Check::warn(
            NAME,
            "built in, but without tokio_unstable it would see no tasks",
            "rebuild with RUSTFLAGS='--cfg tokio_unstable'",
        )
    }
}
