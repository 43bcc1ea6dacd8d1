//! What an engine answers to who follows a log: HTTP, its chunks, Docker's frames, and the lines in them.

#![no_main]
#![allow(
    clippy::expect_used,
    reason = "a target tells what it finds by panicking"
)]

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock};

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use leakcheck::fleet;
use leakcheck::monitor::{MemoryConnection, Reach};
use leakcheck::timestamps::split_timestamp;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
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

async fn follow(response: Vec<u8>) {
    let (open, length) = (Arc::new(AtomicU64::new(0)), response.len());
    let dial = move || {
        let (here, mut there) = duplex(1 << 20);
        let response = response.clone();
        tokio::spawn(async move {
            let mut request = [0; 1024];
            let _ = there.read(&mut request).await;
            let _ = there.write_all(&response).await;
        });
        MemoryConnection::new(here, &open)
    };
    let docker = Reach::in_memory(dial, (1, 41)).docker().expect("a client");
    let options = LogsOptionsBuilder::new().follow(true).stdout(true).build();
    let mut frames = docker.logs("web-0", Some(options));
    let mut read = 0;
    while let Some(Ok(frame)) = frames.next().await {
        let line = frame.into_bytes();
        read += line.len();
        if let Some((_, text)) = split_timestamp(&line) {
            fleet::line_sequence(text);
        }
    }
    assert!(read <= length, "nothing is made up");
}
