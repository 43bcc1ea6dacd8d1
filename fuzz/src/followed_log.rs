//! A log that is followed, by the client that leakcheck follows logs with.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bollard::query_parameters::LogsOptionsBuilder;
use docker_engine::dial::MemoryConnection;
use futures_util::StreamExt;
use log_monitor::Reach;
use synthetic_engine::timestamps::split_timestamp;
use synthetic_engine::workload::containers;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Follows a log whose response is this, to its end; whether there were lines, and none after which it broke.
pub async fn follow(response: Vec<u8>) -> bool {
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
    while let Some(frame) = frames.next().await {
        let Ok(frame) = frame else {
            return false;
        };
        let line = frame.into_bytes();
        read += line.len();
        if let Some((_, text)) = split_timestamp(&line) {
            containers::line_sequence(text);
        }
        assert!(read <= length, "nothing is made up");
    }
    read > 0
}
