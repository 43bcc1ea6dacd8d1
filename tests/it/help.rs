//! `--help`: every command's, as it reads.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::program::run;

/// A command's help, and those of the commands under it, each with the words that ask for it.
fn helps(command: &[String]) -> Vec<(Vec<String>, String)> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let asked = run(&[&words[..], &["--help"]].concat());
    assert_eq!((asked.code, &*asked.stderr), (Some(0), ""), "{command:?}");
    let inner: Vec<_> = commands(&asked.stdout)
        .map(|name| [command, &[name.to_owned()]].concat())
        .collect();
    let mut all = vec![(command.to_owned(), asked.stdout)];
    all.extend(inner.iter().flat_map(|command| helps(command)));
    all
}

/// The commands that a help lists.
fn commands(help: &str) -> impl Iterator<Item = &str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    listed.filter_map(|line| {
        // What goes on from the line above stands further in.
        let name = line.strip_prefix("  ")?.split(' ').next()?;
        (!name.is_empty() && name != "help").then_some(name)
    })
}

#[test]
fn every_command_says_what_it_does_and_what_it_takes() {
    let mut kept = BTreeSet::new();
    for (command, help) in helps(&[]) {
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{command:?}: {line}");
        }
        let name = match &command[..] {
            [] => "leakcheck".to_owned(),
            words => format!("leakcheck-{}", words.join("-")),
        };
        let help = help.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(&*name, help);
        kept.insert(format!("it__help__{name}.snap"));
    }
    assert!(kept.len() > 10, "{kept:?}");
    // A command that went takes its snapshot along.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let there = names.filter(|name| name.starts_with("it__help__") && name.ends_with(".snap"));
    assert_eq!(there.collect::<BTreeSet<_>>(), kept);
}
