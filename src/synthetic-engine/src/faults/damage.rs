//! What a strike does to the frame of a line, and to the stream after it.

use bytes::Bytes;
use rand::{Rng, RngExt};

use super::injector::Strike;
use crate::workload::faults::Fault;

/// The least that an oversized frame claims to have.
const OVERSIZED: u32 = 1 << 31;
/// How many random bytes there are at least, and at most.
const GARBAGE_BYTES: std::ops::RangeInclusive<usize> = 1..=200;
/// The first byte that names no stream: 0 to 2 are those that Docker has.
const NO_STREAM: u8 = 3;
/// Where a frame's header has its length.
const LENGTH: std::ops::Range<usize> = 4..8;

/// How a struck stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// With the next line.
    GoesOn,
    /// Byte by byte.
    Splits,
    /// It falls silent, and its connection stays open.
    FallsSilent,
    /// Its response ends.
    Ends,
    /// Its connection breaks.
    Breaks,
    /// Its connection is closed in order, and the response has no end.
    Closes,
}

/// What comes of a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged {
    /// What is sent in place of its frame; nothing where the line is left for later.
    pub bytes: Bytes,
    /// How the stream goes on.
    pub then: Then,
}

/// Damages the frame of a line.
pub fn damage(strike: &mut Strike, frame: &[u8]) -> Damaged {
    let draw = &mut strike.draw;
    let part = |draw: &mut _| {
        let cut = RngExt::random_range(draw, 1..frame.len().max(2));
        Bytes::copy_from_slice(frame.get(..cut).unwrap_or(frame))
    };
    let (bytes, then) = match strike.fault {
        Fault::ResetMidFrame => (part(draw), Then::Breaks),
        Fault::TruncatedFrame => (part(draw), Then::Ends),
        Fault::OversizedLength => (
            oversized(frame, draw.random_range(OVERSIZED..=u32::MAX)),
            Then::GoesOn,
        ),
        Fault::Garbage => (garbage(draw), Then::GoesOn),
        Fault::HalfOpen => (Bytes::new(), Then::FallsSilent),
        Fault::EofWithoutChunkEnd => (Bytes::new(), Then::Closes),
        Fault::SplitFrames => (Bytes::new(), Then::Splits),
        // These strike something else than a line.
        _ => (Bytes::new(), Then::GoesOn),
    };
    Damaged { bytes, then }
}

/// The frame with another length in its header.
fn oversized(frame: &[u8], length: u32) -> Bytes {
    let mut bytes = frame.to_vec();
    if let Some(claimed) = bytes.get_mut(LENGTH) {
        claimed.copy_from_slice(&length.to_be_bytes());
    }
    bytes.into()
}

fn garbage(draw: &mut impl Rng) -> Bytes {
    let mut bytes = vec![0; draw.random_range(GARBAGE_BYTES)];
    draw.fill_bytes(&mut bytes);
    if let Some(first) = bytes.first_mut() {
        *first = draw.random_range(NO_STREAM..=u8::MAX);
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::watch;

    use super::*;
    use crate::faults::injector::{Injected, Strikes};
    use crate::workload::faults::ContainerFaults;

    const FRAME: &[u8] = b"\x01\0\0\0\0\0\0\x18leakcheck web-00 line 7\n";

    /// What becomes of the frame in each of some streams.
    fn damaged(fault: Fault) -> Vec<Damaged> {
        let of = ContainerFaults {
            faults: vec![fault],
            seed: 5,
            number: 0,
            last_rotation: None,
        };
        let injected = Arc::new(Injected::none_of([&of]));
        let (container, engine) = (Arc::new(Strikes::new(of)), watch::Sender::default());
        let strikes = |_| Strike::of_next_stream(&container, &injected, &engine);
        let mut strikes: Vec<Strike> = (0..400).filter_map(strikes).collect();
        assert!(strikes.len() > 100);
        let damage = |strike| damage(strike, FRAME);
        strikes.iter_mut().map(damage).collect()
    }

    #[test]
    fn a_frame_is_cut_anywhere_but_at_its_ends() {
        for fault in [Fault::ResetMidFrame, Fault::TruncatedFrame] {
            let mut cuts: Vec<usize> = Vec::new();
            for Damaged { bytes, .. } in damaged(fault) {
                assert!(FRAME.starts_with(&bytes));
                cuts.push(bytes.len());
            }
            cuts.sort_unstable();
            cuts.dedup();
            let everywhere: Vec<usize> = (1..FRAME.len()).collect();
            assert_eq!(cuts, everywhere);
        }
    }

    #[test]
    fn an_oversized_frame_claims_gigabytes_and_has_its_line() {
        for Damaged { bytes, then } in damaged(Fault::OversizedLength) {
            assert_eq!((&bytes[..4], &bytes[8..]), (&FRAME[..4], &FRAME[8..]));
            assert!(bytes[4] >= 0x80);
            assert_eq!(then, Then::GoesOn);
        }
    }

    #[test]
    fn garbage_begins_with_no_stream_that_docker_has() {
        for Damaged { bytes, .. } in damaged(Fault::Garbage) {
            assert!(bytes[0] > 2 && GARBAGE_BYTES.contains(&bytes.len()));
        }
    }
}
