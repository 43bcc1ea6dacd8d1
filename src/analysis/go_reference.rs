//! Single figures of the Go reference table, by the wiring that has them.

use anyhow::Context;

use crate::wirings;

/// Goroutines that a wiring left in Go per rotation of a container, half of the containers silent.
///
/// # Errors
/// Says which wiring is missing from the catalogue, or has no such figure.
pub fn goroutines(wiring: &str) -> anyhow::Result<f64> {
    let found = wirings::find(wiring).map_err(anyhow::Error::msg)?;
    found
        .go
        .and_then(|go| go.goroutines)
        .with_context(|| format!("the wiring {wiring} has no figure for Go"))
}
