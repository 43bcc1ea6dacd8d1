//! The closed form: what a wiring must leave per rotation, read off its choices.
//!
//! A stream that a rotation forgets leaves its reader, unless something ends it, and its
//! connection, unless something closes it: in Rust one driver task and one file descriptor (in Go
//! two goroutines and one descriptor). A client that pools its connections adds a task per open
//! response, which waits to put the connection back. What ends a reader depends on what it waits in
//! when the rotation comes: the reader of a silent container waits in a read, that of a chatty one
//! passes its check with the next line. What is left at a container's end is spread over the
//! rotations, as health checks are.

use std::time::Duration;

use leakcheck_report::model::report::Predicted;
use log_monitor::step::RotationStep;
use log_monitor::wiring::{ClientFate, ClientUse, Heartbeat, ReadStyle, SendStyle, Wiring};

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
    /// The interval at which each container ends and starts again, on the monitor's clock.
    pub restart: Option<Duration>,
    /// Whether the engine injects faults.
    pub faults: bool,
}

impl Load {
    /// How often one container starts again within a rotation.
    fn restarts_per_rotation(self) -> f64 {
        self.restart.map_or(0.0, |restart| {
            self.rotation.as_secs_f64() / restart.as_secs_f64()
        })
    }
}

/// What one container's rotation leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Left {
    tasks: f64,
    fds: f64,
    hangs: bool,
    /// Whether a reader or a connection stays that the end of the container's stream would end.
    forgets: bool,
}

/// What a wiring is expected to leave, without measuring anything.
pub fn predict(wiring: &Wiring, load: Load) -> Predicted {
    let Some(silent_containers) = load.silent else {
        return Predicted::default();
    };
    // What a fault ends, no rotation forgets, and when one strikes is drawn. Under back-pressure it is a
    // matter of timing whether a reader is caught in a send, and what it had read and not handed over.
    if load.back_pressure || load.faults {
        return Predicted::default();
    }
    let silent = of_one_container(wiring, true, load);
    let chatty = of_one_container(wiring, false, load);
    // What a rotation forgot ends with its container after all: there is no steady rate.
    if load.restart.is_some() && (silent.forgets || chatty.forgets) {
        return Predicted::default();
    }
    let hung_if = |left: &Left, containers| if left.hangs { containers } else { 0 };
    let hung = hung_if(&silent, silent_containers)
        + hung_if(&chatty, load.containers - silent_containers)
        + without_room(wiring, load.containers);
    let share = silent_containers as f64 / load.containers as f64;
    let mean = |of: fn(&Left) -> f64| share * of(&silent) + (1.0 - share) * of(&chatty);
    // Where containers stop rotating there is no rate of what each rotation leaves.
    let rotates = hung == 0;
    Predicted {
        tasks_per_rotation_per_container: rotates.then(|| mean(|left| left.tasks)),
        fds_per_rotation_per_container: rotates.then(|| mean(|left| left.fds)),
        containers_hung: Some(hung.min(load.containers)),
    }
}

/// Containers that a wiring's limit keeps out.
fn without_room(wiring: &Wiring, containers: u64) -> u64 {
    wiring
        .stream_limit
        .map_or(0, |limit| containers.saturating_sub(limit as u64))
}

fn of_one_container(wiring: &Wiring, silent: bool, load: Load) -> Left {
    if hangs(wiring, silent, load) {
        return Left {
            hangs: true,
            ..Left::default()
        };
    }
    let one_if = |left: bool| if left { 1.0 } else { 0.0 };
    let reader_ends = reader_ends(wiring, silent, wiring.ends_connection());
    let reader = one_if(!reader_ends);
    let connection_ends = wiring.ends_connection() || (wiring.reader_closes && reader_ends);
    let connection = one_if(!connection_ends);
    let drain = match wiring.at_rotation.contains(&RotationStep::Drain) {
        true => reader,
        false => 0.0,
    };
    let reads = match wiring.read {
        // Those that were given up, and the one that is waited for.
        ReadStyle::Nested { timeout } if silent && !connection_ends => {
            (load.rotation.as_secs_f64() / timeout.as_secs_f64()).floor() + 1.0
        }
        _ => 0.0,
    };
    let restarts = load.restarts_per_rotation();
    let heartbeat = match wiring.heartbeat {
        Heartbeat::Tracked => 0.0,
        Heartbeat::UntrackedPerRotation => 1.0 + restarts,
        // Spread over all containers.
        Heartbeat::UntrackedInOneContainer => (1.0 + restarts) / load.containers as f64,
        Heartbeat::LeftOnEngineEnd => restarts,
    };
    let hook = one_if(wiring.hook_on_app) * (1.0 + restarts);
    let idle = idle_connections(wiring, load);
    let put_back = match wiring.client {
        ClientUse::Shared => 0.0,
        ClientUse::ThrowawayPerRotation(_) | ClientUse::PerContainerStart(_) => connection,
    };
    Left {
        tasks: reader + connection + put_back + drain + reads + heartbeat + hook + idle,
        fds: connection + idle,
        hangs: false,
        forgets: reader + connection > 0.0,
    }
}

/// Whether a reader ends by itself once its rotation has come.
fn reader_ends(wiring: &Wiring, silent: bool, connection_ended: bool) -> bool {
    // Without a buffer the last word of a reader needs somebody who takes it.
    let last_word_waits = wiring.channel_capacity == 0
        && !(wiring.cancels_reader() && wiring.send == SendStyle::OrCancelled);
    let cancelled_in_read = match wiring.read {
        ReadStyle::CheckedBetweenReads => false,
        ReadStyle::Cancellable | ReadStyle::Nested { .. } => true,
    };
    let told = wiring.at_rotation.contains(&RotationStep::TellReader);
    // The end of the connection ends a read; so does the next line, after which the check comes.
    (connection_ended && !last_word_waits)
        || (wiring.cancels_reader() && (cancelled_in_read || !silent))
        || told
}

/// Whether a wait of the rotation never returns.
fn hangs(wiring: &Wiring, silent: bool, load: Load) -> bool {
    let never_returns = |step: &RotationStep| match step {
        // The read of a silent container holds the lock.
        RotationStep::CloseBetweenReads => silent,
        // The heartbeat ends with its container, which ends with this wait.
        RotationStep::WaitReaderAndHeartbeat => true,
        RotationStep::WaitReader { limit: None } => {
            !reader_ends(wiring, silent, wiring.ends_connection_before_waiting())
        }
        RotationStep::WaitReader { limit: Some(_) }
        | RotationStep::Close
        | RotationStep::Drain
        | RotationStep::TellReader => false,
    };
    // The reader of a stream that the engine ended is gone, and takes no message.
    let at_end = wiring.steps_at_engine_end();
    let tells_nobody = load.restart.is_some() && at_end.contains(&RotationStep::TellReader);
    tells_nobody || wiring.at_rotation.iter().any(never_returns)
}

/// Idle connections left per rotation by throwaway clients that nobody closes.
fn idle_connections(wiring: &Wiring, load: Load) -> f64 {
    let by_client = match wiring.client {
        ClientUse::ThrowawayPerRotation(ClientFate::NeverClosed) => {
            1.0 + load.restarts_per_rotation()
        }
        ClientUse::PerContainerStart(ClientFate::NeverClosed) => load.restarts_per_rotation(),
        ClientUse::ThrowawayPerRotation(_)
        | ClientUse::PerContainerStart(_)
        | ClientUse::Shared => 0.0,
    };
    let by_check = match wiring.health_check {
        Some(check)
            if check.throwaway == Some(ClientFate::NeverClosed)
                && check.pool.is_none_or(|pool| load.containers >= pool as u64) =>
        {
            load.rotation.as_secs_f64() / check.every.as_secs_f64()
        }
        _ => 0.0,
    };
    by_client + by_check
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wirings;

    fn half_silent(name: &str) -> (Option<f64>, Option<f64>, Option<u64>) {
        let load = Load {
            containers: 50,
            silent: Some(25),
            back_pressure: false,
            rotation: Duration::from_secs(300),
            restart: None,
            faults: false,
        };
        let wiring = wirings::find(name).expect("a wiring of the catalogue");
        let predicted = predict(&wiring, load);
        (
            predicted.tasks_per_rotation_per_container,
            predicted.fds_per_rotation_per_container,
            predicted.containers_hung,
        )
    }

    #[test]
    fn the_form_gives_gos_figures_with_one_task_per_connection_in_place_of_two_goroutines() {
        for wiring in wirings::all() {
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
    fn what_a_container_leaves_at_its_end_is_spread_over_the_rotations() {
        let load = Load {
            containers: 10,
            silent: Some(5),
            back_pressure: false,
            rotation: Duration::from_secs(300),
            restart: Some(Duration::from_secs(150)),
            faults: false,
        };
        for (name, tasks, fds) in [
            ("client-per-start", 2.0, 2.0),
            ("client-per-start-closed", 0.0, 0.0),
            ("heartbeat-left", 2.0, 0.0),
            ("hook-on-app", 3.0, 0.0),
        ] {
            let wiring = wirings::find(name).expect("a wiring of the catalogue");
            let predicted = predict(&wiring, load);
            let left = (
                predicted.tasks_per_rotation_per_container,
                predicted.fds_per_rotation_per_container,
            );
            assert_eq!(left, (Some(tasks), Some(fds)), "{name}");
        }
        let tell_reader = wirings::find("tell-reader").expect("a wiring of the catalogue");
        assert_eq!(predict(&tell_reader, load).containers_hung, Some(10));
        let old = wirings::find("old").expect("a wiring of the catalogue");
        assert_eq!(predict(&old, load), Predicted::default());
    }

    #[test]
    fn a_health_check_leaks_by_its_own_clock() {
        assert_eq!(half_silent("health-check-throwaway").0, Some(10.0));
        assert_eq!(half_silent("health-check-shared").0, Some(0.0));
    }
}
