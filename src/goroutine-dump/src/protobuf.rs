//! pprof's binary form: a protocol buffer that names stacks by numbers. The fields' numbers are those
//! of pprof's `profile.proto`.

use std::collections::HashMap;

use anyhow::Context;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::errors::Errors;
use super::groups::Groups;
use super::key::GroupKey;
use super::profile::OF_LEAKED;

/// A profile holds a record per stack; none is this large.
pub(super) const LARGEST: usize = 256 << 20;
/// Each byte of a profile may stand for so many bytes of stacks in words, which is some ten times what
/// it does in one that Go writes. Without a limit a few KiB could name any amount of memory: a stack
/// may name a place again and again, and so may a place a function with a long name.
const LONGER: usize = 1024;
/// And all of the stacks may be this large: 1 GiB.
const LARGEST_IN_WORDS: usize = 1 << 30;

#[derive(Clone, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    r#type: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoSample {
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    label: Vec<Label>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(int64, tag = "1")]
    key: i64,
    #[prost(int64, tag = "2")]
    str: i64,
    #[prost(int64, tag = "3")]
    num: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "3")]
    address: u64,
    /// Several where calls were inlined, the innermost first.
    #[prost(message, repeated, tag = "4")]
    line: Vec<ProtoLine>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoLine {
    #[prost(uint64, tag = "1")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    line: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "4")]
    filename: i64,
}

/// A profile as far as goroutines need it.
#[derive(Default)]
struct ProtoProfile<'a> {
    sample_types: Vec<ValueType>,
    samples: Vec<ProtoSample>,
    locations: HashMap<u64, Location>,
    functions: HashMap<u64, Function>,
    strings: Vec<&'a [u8]>,
}

/// So many bytes tell whether a dump is binary.
pub(super) const START: usize = 16;

/// Whether a dump is binary: it begins with the tag of a field (Go writes the period's type first, others
/// the samples'), and small numbers follow, which are control characters in a text.
pub(super) fn is_binary(start: &[u8]) -> bool {
    let is_tag = |byte: u8| matches!(byte >> 3, 1..=14) && matches!(byte & 7, 0 | 2);
    let is_text = |byte: &u8| *byte >= b' ' || byte.is_ascii_whitespace();
    let start = &start[..start.len().min(START)];
    start.first().is_some_and(|first| is_tag(*first)) && !start.iter().all(is_text)
}

/// Reads a profile and adds each stack. Of a damaged one it takes what stands before the damage.
pub(super) fn read(bytes: &[u8], groups: &mut Groups, errors: &mut Errors) {
    let mut profile = ProtoProfile::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        if let Err(error) = profile.take_field(&mut rest) {
            errors.add_of_binary(|| format!("the profile is damaged at byte {at}: {error}"));
            break;
        }
    }
    let of = profile.sample_types.first();
    let of = of.map_or("", |of| profile.string(of.r#type));
    if !of.is_empty() && !of.starts_with("goroutine") {
        errors.add_of_binary(|| {
            let of: String = of.chars().take(60).collect();
            format!("a profile of {of:?}, not of goroutines")
        });
        return;
    }
    if of.as_bytes() == OF_LEAKED {
        groups.are_all_leaked();
    }
    let most = bytes.len().saturating_mul(LONGER).min(LARGEST_IN_WORDS);
    let mut room = most;
    let mut key = GroupKey::default();
    for sample in &profile.samples {
        let count = sample.value.first().copied().unwrap_or(0);
        let Ok(count) = u64::try_from(count) else {
            errors.add_of_binary(|| format!("a stack with {count} goroutines"));
            continue;
        };
        if !profile.name(sample, &mut key, room) {
            errors.add_of_binary(|| {
                format!("its stacks take more than {most} bytes, too many for its size")
            });
            break;
        }
        room -= key.size();
        groups.add(key.text(), count, None);
    }
}

impl<'a> ProtoProfile<'a> {
    /// Takes one field off the start of `rest`.
    fn take_field(&mut self, rest: &mut &'a [u8]) -> anyhow::Result<()> {
        let (tag, wire_type) = decode_key(rest)?;
        if wire_type != WireType::LengthDelimited {
            return Ok(skip_field(wire_type, tag, rest, DecodeContext::default())?);
        }
        let length = usize::try_from(decode_varint(rest)?).unwrap_or(usize::MAX);
        let (field, behind) = rest
            .split_at_checked(length)
            .context("it ends within a record")?;
        match tag {
            1 => self.sample_types.push(ValueType::decode(field)?),
            2 => self.samples.push(ProtoSample::decode(field)?),
            4 => {
                let location = Location::decode(field)?;
                self.locations.insert(location.id, location);
            }
            5 => {
                let function = Function::decode(field)?;
                self.functions.insert(function.id, function);
            }
            6 => self.strings.push(field),
            _ => {}
        }
        *rest = behind;
        Ok(())
    }

    fn bytes(&self, index: i64) -> &'a [u8] {
        let index = usize::try_from(index).ok();
        let string = index.and_then(|index| self.strings.get(index));
        string.copied().unwrap_or_default()
    }

    fn string(&self, index: i64) -> &'a str {
        std::str::from_utf8(self.bytes(index)).unwrap_or_default()
    }

    /// Writes a sample's labels and stack as a key; false where that needs more room.
    fn name(&self, sample: &ProtoSample, key: &mut GroupKey, room: usize) -> bool {
        let lengths = sample
            .label
            .iter()
            .map(|label| self.bytes(label.key).len() + self.bytes(label.str).len());
        if lengths.sum::<usize>() > room {
            return false;
        }
        let labels: serde_json::Map<_, _> =
            sample.label.iter().map(|label| self.label(label)).collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => serde_json::Value::Object(labels).to_string(),
        };
        key.begin([], labels.as_bytes());
        for id in &sample.location_id {
            if key.size() > room {
                return false;
            }
            let Some(location) = self.locations.get(id) else {
                key.call(format!("location {id}").as_bytes());
                continue;
            };
            if location.line.is_empty() {
                key.call(format!("{:#x}", location.address).as_bytes());
            }
            for line in &location.line {
                if key.size() > room {
                    return false;
                }
                match self.functions.get(&line.function_id) {
                    Some(function) if !self.bytes(function.name).is_empty() => {
                        key.call(&without_line_ends(self.bytes(function.name)));
                        let mut place = without_line_ends(self.bytes(function.filename));
                        place.extend_from_slice(format!(":{}", line.line).as_bytes());
                        key.place(&place);
                    }
                    _ => key.call(format!("{:#x}", location.address).as_bytes()),
                }
            }
        }
        key.size() <= room
    }

    fn label(&self, label: &Label) -> (String, serde_json::Value) {
        let value = match label.str {
            0 => label.num.to_string(),
            str => self.string(str).to_owned(),
        };
        (self.string(label.key).to_owned(), value.into())
    }
}

/// Line ends separate the parts of a key.
fn without_line_ends(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| *byte != b'\n').collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::document::Dump;
    use super::super::groups::Keep;
    use super::super::read;
    use super::*;

    /// A profile as it is written.
    #[derive(Clone, PartialEq, Message)]
    struct ProtoGroup {
        #[prost(message, repeated, tag = "1")]
        sample_type: Vec<ValueType>,
        #[prost(message, repeated, tag = "2")]
        sample: Vec<ProtoSample>,
        #[prost(message, repeated, tag = "4")]
        location: Vec<Location>,
        #[prost(message, repeated, tag = "5")]
        function: Vec<Function>,
        #[prost(string, repeated, tag = "6")]
        string_table: Vec<String>,
    }

    /// A profile of one stack, `main.inlined` within `main.f`, with a label, for each of these counts.
    fn profile(of: &str, counts: &[i64]) -> Vec<u8> {
        let strings = [
            "",
            of,
            "count",
            "main.f",
            "main.inlined",
            "/src/main.go",
            "tenant",
            "a",
        ];
        let line = |function_id, line| ProtoLine { function_id, line };
        let function = |id, name| Function {
            id,
            name,
            filename: 5,
        };
        let sample = |count: &i64| ProtoSample {
            location_id: vec![1],
            value: vec![*count],
            label: vec![Label {
                key: 6,
                str: 7,
                num: 0,
            }],
        };
        let written = ProtoGroup {
            sample_type: vec![ValueType { r#type: 1 }],
            sample: counts.iter().map(sample).collect(),
            location: vec![Location {
                id: 1,
                address: 0x46,
                line: vec![line(2, 7), line(1, 9)],
            }],
            function: vec![function(1, 3), function(2, 4)],
            string_table: strings.map(String::from).to_vec(),
        };
        written.encode_to_vec()
    }

    fn dump(bytes: &[u8]) -> Dump {
        read(bytes, Keep::Counts).expect("memory can be read")
    }

    #[test]
    fn a_profile_tells_counts_labels_and_inlined_calls() {
        for of in ["goroutine", "goroutineleak"] {
            let dump = dump(&profile(of, &[5, 7]));
            assert_eq!((dump.goroutines, dump.groups.len()), (12, 1));
            let group = &dump.groups[0];
            let calls = group
                .stack
                .iter()
                .map(|call| (call.func.as_str(), call.line));
            let calls: Vec<_> = calls.collect();
            assert_eq!(calls, [("main.inlined", Some(7)), ("main.f", Some(9))]);
            assert_eq!(group.labels["tenant"], "a");
            assert_eq!(dump.errors, []);
        }
    }

    #[test]
    fn a_profile_of_something_else_is_refused_by_its_name() {
        let dump = dump(&profile("alloc_space", &[5]));
        assert_eq!(dump.goroutines, 0);
        assert!(dump.errors[0].message.contains("alloc_space"));
    }

    #[test]
    fn a_small_profile_cannot_ask_for_much_memory() {
        let calls = 1300;
        let strings = ["", "goroutine", &"m".repeat(1300)];
        let written = ProtoGroup {
            sample_type: vec![ValueType { r#type: 1 }],
            sample: vec![ProtoSample {
                location_id: vec![1; calls],
                value: vec![1],
                label: Vec::new(),
            }],
            location: vec![Location {
                id: 1,
                address: 1,
                line: vec![ProtoLine::default(); 300],
            }],
            function: vec![Function {
                id: 0,
                name: 2,
                filename: 2,
            }],
            string_table: strings.map(String::from).to_vec(),
        };
        let dump = dump(&written.encode_to_vec());
        assert_eq!((dump.goroutines, dump.groups.len()), (0, 0));
        assert!(dump.errors[0].message.contains("too many for its size"));
    }

    #[test]
    fn no_name_of_a_function_makes_it_the_creator() {
        let written = profile("goroutine", &[5]);
        let start = b"main.inlined".len();
        let at = memchr::memmem::find(&written, b"main.inlined").expect("a name");
        let named = [
            &written[..at],
            &b"\x01\x01main.inlin"[..start],
            &written[at + start..],
        ];
        let dump = dump(&named.concat());
        assert_eq!(dump.groups[0].created_by, None);
        assert_eq!(dump.groups[0].stack[0].func, "main.inlin");
    }

    #[test]
    fn a_negative_count_is_told_and_the_rest_is_taken() {
        let dump = dump(&profile("goroutine", &[-5, 7]));
        assert_eq!((dump.goroutines, dump.errors.len()), (7, 1));
    }

    proptest! {
        #[test]
        fn a_profile_that_is_cut_off_makes_no_panic_and_says_where(cut in 3..150_usize) {
            let whole = profile("goroutine", &[5]);
            let end = cut.min(whole.len());
            let read = dump(&whole[..end]);
            prop_assert!(read.goroutines <= 5);
        }

        #[test]
        fn no_bytes_after_a_profiles_start_make_the_reader_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let start = [0x0a, 0x04, 0x08, 0x01, 0x10, 0x02];
            dump(&[&start[..], &bytes].concat());
        }
    }
}
