//! Which of a container's streams are struck, and by what.
//!
//! In a rotation a container is struck once at most, and then left alone until the next: whatever a strike
//! breaks can be opened again. The stream before the first rotation is never struck, for there would be no
//! baseline, nor one of the last rotation, where that is known: what has fallen silent comes back with the
//! rotation after it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use tokio::sync::watch;

use crate::workload::faults::{ALL, ContainerFaults, Fault, Known, Target};

/// How likely it is that a container is struck in a rotation.
const LIKELIHOOD: f64 = 0.5;
/// How many lines a struck stream has before, at most.
const MOST_LINES_BEFORE: u64 = 2;

/// How often each fault has been injected. Those that are asked for have a count from the beginning.
#[derive(Debug, Default)]
pub struct Injected([Option<AtomicU64>; ALL.len()]);

impl Injected {
    /// None so far, of these.
    pub fn none_of<'a>(faults: impl IntoIterator<Item = &'a ContainerFaults>) -> Self {
        let mut injected = Self::default();
        for fault in faults.into_iter().flat_map(|faults| &faults.faults) {
            injected.0[*fault as usize].get_or_insert_default();
        }
        injected
    }

    /// Counts one.
    pub fn count(&self, fault: Fault) {
        if let Some(count) = &self.0[fault as usize] {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts by name.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        let count = |(known, count): (&Known, &Option<AtomicU64>)| {
            let count = count.as_ref()?.load(Ordering::Relaxed);
            Some((known.name.to_owned(), count))
        };
        ALL.iter().zip(&self.0).filter_map(count).collect()
    }
}

/// What becomes of a container's streams.
#[derive(Debug)]
pub struct Strikes {
    of: ContainerFaults,
    state: Mutex<StrikeState>,
}

#[derive(Debug, Default)]
struct StrikeState {
    /// Streams that were asked for.
    streams: u64,
    /// Of these, such as took the place of one that a strike had ended.
    reopened: u64,
    /// The last rotation in which it was struck.
    struck_in: u64,
    /// Whether no request is answered any more.
    silent_for_good: bool,
}

impl Strikes {
    /// Of a container with these faults.
    pub fn new(of: ContainerFaults) -> Self {
        Self {
            of,
            state: Mutex::default(),
        }
    }

    /// Whether the stream that is asked for now is struck, and by what.
    fn next(&self) -> Option<(Fault, ChaCha8Rng)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rotation = state.streams.saturating_sub(state.reopened);
        state.streams += 1;
        if state.silent_for_good {
            return Some((Fault::NeverAccepts, self.of.draw(rotation)));
        }
        let over = self.of.last_rotation.is_some_and(|last| rotation > last);
        if rotation == 0 || rotation == state.struck_in || over {
            return None;
        }
        let mut draw = self.of.draw(rotation);
        let strikes = |fault: &&Fault| fault.known().target != Target::Timestamps;
        let faults: Vec<Fault> = self.of.faults.iter().filter(strikes).copied().collect();
        let fault = *faults.get(draw.random_range(0..faults.len().max(1)))?;
        // The whole engine is struck by way of one container.
        let certain = fault.known().target == Target::Engine;
        if !certain && !draw.random_bool(LIKELIHOOD) {
            return None;
        }
        state.struck_in = rotation;
        state.silent_for_good = fault == Fault::NeverAccepts;
        Some((fault, draw))
    }

    fn reopens(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reopened += 1;
    }
}

/// A stream that is to be struck.
#[derive(Debug)]
pub struct Strike {
    /// By what.
    pub fault: Fault,
    /// How many lines come before.
    pub after_lines: u64,
    /// What else is drawn.
    pub draw: ChaCha8Rng,
    container: Arc<Strikes>,
    injected: Arc<Injected>,
    engine: watch::Sender<u64>,
}

impl Strike {
    /// That of the stream which is asked for now, where it is struck; `engine` is told to start anew.
    pub fn of_next_stream(
        container: &Arc<Strikes>,
        injected: &Arc<Injected>,
        engine: &watch::Sender<u64>,
    ) -> Option<Self> {
        let (fault, mut draw) = container.next()?;
        Some(Self {
            fault,
            after_lines: draw.random_range(0..=MOST_LINES_BEFORE),
            draw,
            container: Arc::clone(container),
            injected: Arc::clone(injected),
            engine: engine.clone(),
        })
    }

    /// Takes note that it has struck, and of the stream that will take the place of this one.
    pub fn has_struck(&self) {
        self.injected.count(self.fault);
        match self.fault {
            Fault::SlowHeaders
            | Fault::HalfOpen
            | Fault::OversizedLength
            | Fault::SplitFrames
            | Fault::NeverAccepts => {}
            _ => self.container.reopens(),
        }
        if self.fault == Fault::EngineRestart {
            self.engine.send_modify(|count| *count += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What struck the streams that were asked for one after the other, each strike having ended its stream.
    fn struck(faults: &[Fault], streams: u64, last_rotation: Option<u64>) -> Vec<Option<Fault>> {
        let of = ContainerFaults {
            faults: faults.to_vec(),
            seed: 7,
            number: 3,
            last_rotation,
        };
        let injected = Arc::new(Injected::none_of([&of]));
        let (container, engine) = (Arc::new(Strikes::new(of)), watch::Sender::default());
        let next = |_| {
            let strike = Strike::of_next_stream(&container, &injected, &engine)?;
            strike.has_struck();
            Some(strike.fault)
        };
        let struck: Vec<Option<Fault>> = (0..streams).map(next).collect();
        let counted: u64 = injected.by_name().values().sum();
        assert_eq!(counted, struck.iter().flatten().count() as u64);
        struck
    }

    #[test]
    fn the_same_seed_strikes_the_same_streams_and_about_half_of_the_rotations() {
        let faults = [Fault::Error500, Fault::ResetMidFrame];
        let once = struck(&faults, 2000, None);
        assert_eq!(once, struck(&faults, 2000, None));
        let strikes = once.iter().flatten().count();
        // Each adds a stream: of three streams two are rotations, and half of these are struck.
        assert!((550..780).contains(&strikes), "{strikes}");
        assert!(faults.iter().all(|fault| once.contains(&Some(*fault))));
    }

    #[test]
    fn neither_the_first_stream_nor_one_that_took_the_place_of_a_struck_one_is_struck() {
        let streams = struck(&[Fault::Error500], 2000, None);
        assert_eq!(streams[0], None);
        assert!(streams.windows(2).all(|pair| pair.contains(&None)));
    }

    #[test]
    fn after_the_last_rotation_nothing_is_struck_and_an_engine_restarts_in_each_before() {
        let streams = struck(&[Fault::EngineRestart], 20, Some(4));
        assert_eq!(streams.iter().flatten().count(), 4);
        assert!(streams[9..].iter().all(Option::is_none), "{streams:?}");
    }

    #[test]
    fn an_engine_that_accepts_nobody_any_more_does_not_change_its_mind() {
        let streams = struck(&[Fault::NeverAccepts], 30, Some(3));
        let first = streams.iter().position(Option::is_some);
        let Some(first) = first else {
            assert!(streams.iter().all(Option::is_none));
            return;
        };
        assert!(first > 0);
        assert!(streams[first..].iter().all(Option::is_some));
    }
}
