//! A tokio program that is none of leakcheck's: it embeds console-subscriber, and per rotation of a
//! container it leaves one task behind and replaces another.
//!
//! `tokio_tasks ADDRESS CONTAINERS ROTATION_MS`; it ends when its standard input closes.

use std::error::Error;
use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, containers, rotation_ms] = words.as_slice() else {
        return Err("usage: tokio_tasks ADDRESS CONTAINERS ROTATION_MS".into());
    };
    let (containers, rotation_ms) = (containers.parse::<u32>()?, rotation_ms.parse()?);
    let console = console_subscriber::ConsoleLayer::builder()
        .server_addr(address.parse::<SocketAddr>()?)
        .publish_interval(Duration::from_millis(50))
        .spawn();
    tracing_subscriber::registry().with(console).try_init()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let rotation = Duration::from_millis(rotation_ms);
    for _ in 0..containers {
        runtime.spawn(rotate(rotation));
    }
    // Whoever started it is gone.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    runtime.shutdown_background();
    Ok(())
}

/// Follows one container.
async fn rotate(rotation: Duration) {
    let mut ticks = tokio::time::interval(rotation);
    // What a forgotten task waits for never comes, and is never dropped.
    let mut never_sent = Vec::new();
    loop {
        ticks.tick().await;
        let (keep, never) = oneshot::channel::<()>();
        never_sent.push(keep);
        tokio::spawn(forgotten(never));
        tokio::spawn(replaced(rotation));
    }
}

async fn forgotten(never: oneshot::Receiver<()>) {
    let _ = never.await;
}

async fn replaced(rotation: Duration) {
    tokio::time::sleep(rotation).await;
}
