//! What an engine answers to who follows a log: HTTP, its chunks, Docker's frames, and the lines in them.

#![no_main]
#![allow(
    clippy::expect_used,
    reason = "a target tells what it finds by panicking"
)]

use std::sync::LazyLock;

use leakcheck_fuzz::follow;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
});

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\
    Connection: close\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    // As the whole response, and as the body of one whose head is right.
    RUNTIME.block_on(follow(data.to_vec()));
    RUNTIME.block_on(follow([HEAD, data].concat()));
});
