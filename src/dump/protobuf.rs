//! pprof's binary form: a protocol buffer that names stacks by numbers. The fields' numbers are those
//! of pprof's `profile.proto`.

use std::collections::HashMap;

use anyhow::Context;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::errors::Errors;
use super::groups::Groups;
use super::key::Key;

/// A profile holds a record per stack; none is this large.
pub(super) const LARGEST: usize = 256 << 20;

#[derive(Clone, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    r#type: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
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
    line: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
struct Line {
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
struct Profile<'a> {
    sample_types: Vec<ValueType>,
    samples: Vec<Sample>,
    locations: HashMap<u64, Location>,
    functions: HashMap<u64, Function>,
    strings: Vec<&'a [u8]>,
}

/// Whether a dump is binary: a profile begins with the field of its sample types, whose first field is
/// a number. No text has a control character there.
pub(super) fn is_binary(start: &[u8]) -> bool {
    matches!(start, [0x0a, length, 0x08, ..] if *length < 0x20)
}

/// Reads a profile and adds each stack. Of a damaged one it takes what stands before the damage.
pub(super) fn read(bytes: &[u8], groups: &mut Groups, errors: &mut Errors) {
    let mut profile = Profile::default();
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
    let mut key = Key::default();
    for sample in &profile.samples {
        let count = sample.value.first().copied().unwrap_or(0);
        let Ok(count) = u64::try_from(count) else {
            errors.add_of_binary(|| format!("a stack with {count} goroutines"));
            continue;
        };
        profile.name(sample, &mut key);
        groups.add(key.text(), count, None);
    }
}

impl<'a> Profile<'a> {
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
            2 => self.samples.push(Sample::decode(field)?),
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

    /// Writes a sample's labels and stack as a key.
    fn name(&self, sample: &Sample, key: &mut Key) {
        let labels: serde_json::Map<_, _> =
            sample.label.iter().map(|label| self.label(label)).collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => serde_json::Value::Object(labels).to_string(),
        };
        key.begin([], labels.as_bytes());
        for id in &sample.location_id {
            let Some(location) = self.locations.get(id) else {
                key.call(format!("location {id}").as_bytes());
                continue;
            };
            if location.line.is_empty() {
                key.call(format!("{:#x}", location.address).as_bytes());
            }
            for line in &location.line {
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
