//! Inputs made wrong in a seeded way: what a damaged file, a broken connection or somebody's ill will makes
//! of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// How many inputs each format is given.
pub const INPUTS: u64 = 10_000;

/// No input takes so long to be read; one that does hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);
/// Mutated inputs are not longer than this: what is slow is to be slow by what it holds, not by its length.
const LONGEST: usize = 64 * 1024;

/// What parsers have stumbled over elsewhere.
const PIECES: &[&str] = &[
    "",
    "\0",
    "\n",
    "\r\n",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{feff}",
    "0",
    "-1",
    "1e999",
    "-1e-999",
    "NaN",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "null",
    "true",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
    "\"\"\"",
    "'''",
    "\\u0000",
    "%s%n",
    "<script>",
    "]]>",
    "=1+1",
];

/// Makes an input wrong in one to four places; some of it may come from another.
fn mutate(random: &mut ChaCha8Rng, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..=4) {
        let (from, to) = span(random, bytes.len());
        match random.random_range(0..9) {
            // Bits.
            0 => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            // A byte.
            1 => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte = random.random();
                }
            }
            // A part left out, or said twice.
            2 => drop(bytes.drain(from..to)),
            3 => {
                let part = bytes[from..to].to_vec();
                bytes.splice(to..to, part);
            }
            // The end.
            4 => bytes.truncate(from),
            // A part of the other.
            5 => {
                let (other_from, other_to) = span(random, other.len());
                bytes.splice(from..to, other[other_from..other_to].iter().copied());
            }
            // A number, or a word.
            6 => {
                let is_part = |byte: &u8| byte.is_ascii_digit();
                let start = bytes[from..].iter().position(is_part).map(|at| from + at);
                if let Some(start) = start {
                    let digits = bytes[start..]
                        .iter()
                        .take_while(|byte| is_part(byte))
                        .count();
                    let piece = PIECES.choose(random).expect("some");
                    bytes.splice(start..start + digits, piece.bytes());
                }
            }
            7 => {
                let piece = PIECES.choose(random).expect("some");
                bytes.splice(from..from, piece.bytes());
            }
            // Four bytes that are a length, in any order.
            _ => {
                let length = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 1 << 24];
                let length: u32 = *length.choose(random).expect("some");
                let at = from..(from + 4).min(bytes.len());
                bytes.splice(at, length.to_be_bytes());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Makes a JSON document wrong that stays one: in one to three places it says something else.
pub fn mutate_json(random: &mut ChaCha8Rng, seed: &Value) -> Value {
    let mut document = seed.clone();
    for _ in 0..random.random_range(1..=3) {
        let place = somewhere(random, &mut document);
        *place = match random.random_range(0..14) {
            0 => Value::Null,
            1 => json!(0),
            2 => json!(-1),
            3 => json!(u64::MAX),
            4 => json!(i64::MIN),
            5 => json!(f64::MAX),
            6 => json!(f64::MIN_POSITIVE),
            7 => json!(1.5),
            8 => json!([]),
            9 => json!({}),
            10 => json!(true),
            11 => vec!["x"; 200].into(),
            _ => json!(PIECES.choose(random).expect("some")),
        };
    }
    document
}

/// A value of a document: a leaf, as a rule.
fn somewhere<'a>(random: &mut ChaCha8Rng, place: &'a mut Value) -> &'a mut Value {
    let inner = match place {
        Value::Array(values) => values.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if inner == 0 || random.random_range(0..20) == 0 {
        return place;
    }
    let number = random.random_range(0..inner);
    let inner = match place {
        Value::Array(values) => values.get_mut(number),
        Value::Object(fields) => fields.values_mut().nth(number),
        _ => None,
    };
    somewhere(random, inner.expect("so many"))
}

/// A short part of so many bytes, in most cases.
fn span(random: &mut ChaCha8Rng, length: usize) -> (usize, usize) {
    let from = random.random_range(0..=length);
    let most = match random.random_range(0..8) {
        0 => length - from,
        _ => (length - from).min(40),
    };
    (from, from + random.random_range(0..=most))
}

/// Gives `read` so many inputs made out of the seeds; as [`each_one_made_is_read_or_refused`].
pub fn each_is_read_or_refused(
    format: &'static str,
    seeds: Vec<Vec<u8>>,
    read: impl FnMut(&[u8]) -> bool + Send + 'static,
) {
    assert!(!seeds.is_empty(), "{format}: no seeds");
    let make = move |random: &mut ChaCha8Rng| {
        let (seed, other) = (seeds.choose(random), seeds.choose(random));
        mutate(random, seed.expect("some"), other.expect("some"))
    };
    each_one_made_is_read_or_refused(format, make, read);
}

/// Gives `read` so many inputs; fails where one panics or hangs, and names it.
///
/// `read` says whether the input was taken. Both must happen: where all are refused, nothing behind the
/// first check has been tried.
pub fn each_one_made_is_read_or_refused(
    format: &'static str,
    make: impl Fn(&mut ChaCha8Rng) -> Vec<u8> + Send + 'static,
    mut read: impl FnMut(&[u8]) -> bool + Send + 'static,
) {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut taken = 0;
        for number in 0..INPUTS {
            let input = make(&mut ChaCha8Rng::seed_from_u64(number));
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&input)));
            let shown = outcome
                .is_err()
                .then(|| String::from_utf8_lossy(&input).into_owned());
            taken += u64::from(*outcome.as_ref().unwrap_or(&false));
            if sender.send((number, shown)).is_err() {
                return;
            }
        }
        assert!(taken > 0 && taken < INPUTS, "{format}: {taken} were taken");
    });
    let mut next = 0;
    loop {
        match receiver.recv_timeout(HANGS_AFTER) {
            Ok((number, None)) => next = number + 1,
            Ok((number, Some(input))) => panic!("{format}: input {number} panics: {input:?}"),
            Err(RecvTimeoutError::Timeout) => panic!("{format}: input {next} hangs"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    assert_eq!(next, INPUTS, "{format}: all were read");
}
