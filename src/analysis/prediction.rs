//! The closed form: what a wiring must leave per rotation, read off its choices.
//!
//! A stream that a rotation forgets leaves its reader, unless something ends it, and its
//! connection, unless something closes it: in Rust one driver task and one file descriptor (in Go
//! two goroutines and one descriptor). A client that pools its connections adds a task per open
//! response, which waits to put the connection back. What ends a reader depends on what it waits in when the
//! rotation comes: the reader of a silent container waits in a read, that of a chatty one passes
//! its check with the next line.

use std::time::Duration;

use crate::monitor::wiring::{ClientFate, ClientUse, Heartbeat, ReadStyle, Step, Wiring};
use crate::report::model::Predicted;

/// What the closed form takes of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Containers.
    pub containers: u64,
    /// Of these, containers that print nothing; `None` where nobody knows.
    pub silent: Option<u64>,
    /// Whether the consumer is slower than the lines may come.
    pub back_pressure: bool,
    /// The rotation interval on the monitor's clock.
    pub rotation: Duration,
}

/// What one container's rotation leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Left {
    tasks: f64,
    fds: f64,
    hangs: bool,
}

/// What a wiring is expected to leave, without measuring anything.
pub fn predict(wiring: &Wiring, load: Load) -> Predicted {
    let Some(silent_containers) = load.silent else {
        return Predicted::default();
    };
    // Whether a reader is caught in a send is a matter of timing under back-pressure.
    if load.back_pressure {
        return Predicted::default();
    }
    let silent = of_one_container(wiring, true, load.rotation);
    let chatty = of_one_container(wiring, false, load.rotation);
    let hung = if silent.hangs { silent_containers } else { 0 }
        + if chatty.hangs {
            load.containers - silent_containers
        } else {
            0
        };
    let share = silent_containers as f64 / load.containers as f64;
    let mean = |of: fn(&Left) -> f64| share * of(&silent) + (1.0 - share) * of(&chatty);
    // Where containers stop rotating there is no rate of what each rotation leaves.
    let rotates = hung == 0;
    Predicted {
        tasks_per_rotation_per_container: rotates.then(|| mean(|left| left.tasks)),
        fds_per_rotation_per_container: rotates.then(|| mean(|left| left.fds)),
        containers_hung: Some(hung),
    }
}

fn of_one_container(wiring: &Wiring, silent: bool, rotation: Duration) -> Left {
    if hangs(wiring, silent) {
        return Left {
            hangs: true,
            ..Left::default()
        };
    }
    let connection = if wiring.ends_connection() { 0.0 } else { 1.0 };
    let reader = if reader_ends(wiring, silent, wiring.ends_connection()) {
        0.0
    } else {
        1.0
    };
    let drain = if wiring.at_rotation.contains(&Step::Drain) {
        reader
    } else {
        0.0
    };
    let heartbeat = match wiring.heartbeat {
        Heartbeat::Tracked => 0.0,
        Heartbeat::UntrackedPerRotation => 1.0,
    };
    let idle = idle_connections(wiring, rotation);
    let put_back = match wiring.client {
        ClientUse::Shared => 0.0,
        ClientUse::ThrowawayPerRotation(_) => connection,
    };
    Left {
        tasks: reader + connection + put_back + drain + heartbeat + idle,
        fds: connection + idle,
        hangs: false,
    }
}

/// Whether a reader ends by itself once its rotation has come.
fn reader_ends(wiring: &Wiring, silent: bool, connection_ended: bool) -> bool {
    let cancelled_in_read = wiring.read == ReadStyle::Cancellable;
    // The end of the connection ends a read; so does the next line, after which the check comes.
    connection_ended || (wiring.cancels_reader() && (cancelled_in_read || !silent))
}

/// Whether a wait of the rotation never returns.
fn hangs(wiring: &Wiring, silent: bool) -> bool {
    let Some(wait) = wiring.waits_at() else {
        return false;
    };
    match wiring.at_rotation[wait] {
        // The heartbeat ends with its container, which ends with this wait.
        Step::WaitReaderAndHeartbeat => true,
        Step::WaitReader { limit: None } => {
            !reader_ends(wiring, silent, wiring.ends_connection_before_waiting())
        }
        Step::WaitReader { limit: Some(_) } | Step::Close | Step::Drain => false,
    }
}

/// Idle connections left per rotation by throwaway clients that nobody closes.
fn idle_connections(wiring: &Wiring, rotation: Duration) -> f64 {
    let by_client = match wiring.client {
        ClientUse::ThrowawayPerRotation(ClientFate::NeverClosed) => 1.0,
        ClientUse::ThrowawayPerRotation(_) | ClientUse::Shared => 0.0,
    };
    let by_check = match wiring.health_check {
        Some(check) if check.throwaway == Some(ClientFate::NeverClosed) => {
            rotation.as_secs_f64() / check.every.as_secs_f64()
        }
        _ => 0.0,
    };
    by_client + by_check
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::catalogue;

    fn half_silent(name: &str) -> (Option<f64>, Option<f64>, Option<u64>) {
        let load = Load {
            containers: 50,
            silent: Some(25),
            back_pressure: false,
            rotation: Duration::from_secs(300),
        };
        let wiring = catalogue::find(name).expect("a wiring of the catalogue");
        let predicted = predict(&wiring, load);
        (
            predicted.tasks_per_rotation_per_container,
            predicted.fds_per_rotation_per_container,
            predicted.containers_hung,
        )
    }

    #[test]
    fn the_form_gives_gos_figures_with_one_task_per_connection_in_place_of_two_goroutines() {
        for wiring in catalogue::all() {
            let Some(go) = &wiring.go else { continue };
            let (tasks, fds, hung) = half_silent(&wiring.name);
            if hung != Some(0) {
                continue;
            }
            // Beside the idle connection, this wiring forgets an open response of a pooling client.
            let put_back = match wiring.name.as_str() {
                "old-throwaway-client" => 1.0,
                _ => 0.0,
            };
            let expected = go
                .goroutines
                .zip(go.fds)
                .map(|(goroutines, fds)| goroutines - fds + put_back);
            assert_eq!((tasks, fds), (expected, go.fds), "{}", wiring.name);
        }
    }

    #[test]
    fn the_form_knows_which_waits_never_return() {
        assert_eq!(half_silent("wait-close").2, Some(50));
        assert_eq!(half_silent("wait-only").2, Some(25));
        assert_eq!(half_silent("shared-wait").2, Some(50));
        assert_eq!(half_silent("fixed-drain").2, Some(25));
        assert_eq!(half_silent("fixed").2, Some(0));
    }

    #[test]
    fn a_health_check_leaks_by_its_own_clock() {
        assert_eq!(half_silent("health-check-throwaway").0, Some(10.0));
        assert_eq!(half_silent("health-check-shared").0, Some(0.0));
    }
}
