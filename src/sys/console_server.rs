//! tokio-console's server in a process of leakcheck's own, which shows its tasks.

use leakcheck_report::exit_code::Failure;

/// The variable that asks any command for one, on this port of the loopback interface. What the command
/// starts does not inherit it: the port is taken.
pub const PORT_VARIABLE: &str = "LEAKCHECK_CONSOLE_PORT";

/// How often consoles are told what is new. The subscriber takes in some hundred events each time
/// and no more: at its default of a second it falls behind a monitor that leaks, ever further, and at 20 ms
/// behind one that opens 50 streams a second.
#[cfg(feature = "console")]
const PUBLISH_INTERVAL: std::time::Duration = std::time::Duration::from_millis(4);

/// For how long what has ended is kept to be told. Each time all of it is gone through; at the default of
/// an hour, that takes ever longer.
#[cfg(feature = "console")]
const RETENTION: std::time::Duration = std::time::Duration::from_secs(5);

/// Lets tokio-console connect to this process, where the environment asks for it.
///
/// # Errors
/// A usage failure where what it asks for is no port; else as [`serve`].
pub fn serve_where_asked() -> Result<(), Failure> {
    let Ok(port) = std::env::var(PORT_VARIABLE) else {
        return Ok(());
    };
    let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        Failure::usage(format!(
            "{PORT_VARIABLE} is {port:?}, and no port (1 to 65535)"
        ))
    })?;
    // Its own server would fail in a thread of its own, where nobody hears of it.
    std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|error| {
        Failure::environment(format!(
            "{PORT_VARIABLE}: port {port} cannot be had: {error}"
        ))
    })?;
    Ok(serve(port)?)
}

/// Lets tokio-console connect to this process.
///
/// # Errors
/// Fails where this build has no console, or has one already.
#[cfg(feature = "console")]
pub fn serve(port: u16) -> anyhow::Result<()> {
    use anyhow::Context;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let layer = console_subscriber::ConsoleLayer::builder()
        .server_addr(([127, 0, 0, 1], port))
        .publish_interval(PUBLISH_INTERVAL)
        .retention(RETENTION)
        .spawn();
    tracing_subscriber::registry()
        .with(layer)
        .try_init()
        .context("cannot watch the tasks for tokio-console")
}

/// Says that this build has no console.
///
/// # Errors
/// Always.
#[cfg(not(feature = "console"))]
pub fn serve(_port: u16) -> anyhow::Result<()> {
    anyhow::bail!("this build has no console: build it with `--features console`")
}
