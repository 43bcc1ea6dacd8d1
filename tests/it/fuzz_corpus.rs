//! The fuzz targets' corpus, read without a fuzzer: what once was found stays found.

use std::path::{Path, PathBuf};

use goroutine_dump::read_either;
use goroutine_dump::{Keep, compare};
use leakcheck::internals::probe::prometheus_text;

/// All inputs of all targets: each reader is given those of the others too.
fn inputs() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let within = |folder: PathBuf| std::fs::read_dir(folder).expect("a folder").flatten();
    let targets = within(corpus).map(|target| target.path());
    let inputs = targets.flat_map(within).map(|input| input.path());
    inputs.collect()
}

#[test]
fn every_input_of_the_fuzz_corpus_is_read_by_every_reader() {
    let inputs = inputs();
    assert!(inputs.len() > 100, "{}", inputs.len());
    for path in inputs {
        let input = std::fs::read(&path).expect("readable");
        // As they are, as a profile's text, and as a binary profile.
        let heads: [&[u8]; 3] = [
            b"",
            b"goroutine profile: total 7\n",
            b"\x5a\x04\x08\x01\x10\x02",
        ];
        for head in heads {
            let whole = [head, &input].concat();
            // gzip that is damaged is an error, and no panic.
            let Ok(dump) = read_either(&whole[..], Keep::Each) else {
                continue;
            };
            let counts = dump.groups.iter().map(|group| u128::from(group.count));
            let counts: u128 = counts.sum();
            assert_eq!(
                u128::from(dump.goroutines),
                counts.min(u64::MAX.into()),
                "{}",
                path.display()
            );
            let diff = compare(dump.clone(), dump, None);
            assert!(
                diff.groups.iter().all(|group| group.growth == 0),
                "{}",
                path.display()
            );
        }
        prometheus_text::read(&String::from_utf8_lossy(&input));
    }
}
