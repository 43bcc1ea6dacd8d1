//! Reads a dump in whichever of its forms it is.

use std::io::{self, Read};

use super::document::Dump;
use super::errors::Errors;
use super::goroutines::Goroutines;
use super::groups::{Groups, Keep};
use super::lines::Lines;
use super::profile::{self, OF_LEAKED, Profile};
use super::protobuf;

/// Reads a dump and groups it. What cannot be read is listed, and the rest is taken.
///
/// # Errors
/// As the reader's; a text without a single goroutine is no error here.
pub fn read(mut reader: impl Read, keep: Keep) -> io::Result<Dump> {
    read_from(&mut reader, keep)
}

/// By a pointer, so that it is compiled once, here, and not for each kind of reader in whoever calls.
fn read_from(reader: &mut dyn Read, keep: Keep) -> io::Result<Dump> {
    let mut lines = Lines::new(reader);
    let (mut groups, mut errors) = (Groups::new(keep), Errors::default());
    if protobuf::is_binary(lines.peek(protobuf::START)?) {
        match lines.rest(protobuf::LARGEST)? {
            Some(bytes) => protobuf::read(&bytes, &mut groups, &mut errors),
            None => errors.add_of_binary(|| {
                format!("a profile of more than {} MiB", protobuf::LARGEST >> 20)
            }),
        }
        return Ok(groups.into_dump(errors));
    }
    let mut goroutines = Goroutines::default();
    let mut profile: Option<Profile> = None;
    while let Some((number, line)) = lines.next()? {
        match &mut profile {
            Some(profile) => profile.take(line, number, &mut groups, &mut errors),
            None => match groups.is_empty().then(|| profile::head(line)).flatten() {
                Some(of) => {
                    if of == OF_LEAKED {
                        groups.are_all_leaked();
                    }
                    profile = Some(Profile::default());
                }
                None => goroutines.take(line, number, &mut groups, &mut errors),
            },
        }
    }
    goroutines.end(lines.number(), &mut groups, &mut errors);
    if let Some(mut profile) = profile {
        profile.end(&mut groups);
    }
    Ok(groups.into_dump(errors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dump;
    use proptest::prelude::*;

    fn dump(text: &str) -> Dump {
        read(text.as_bytes(), Keep::Each).expect("memory can be read")
    }

    /// A goroutine as Go prints it, with so many calls.
    fn goroutine(id: usize, calls: usize) -> String {
        let call = |n: usize| format!("main.f{n}(0x1, {{0x2, 0x3}})\n\t/src/main.go:{n} +0x1d\n");
        let calls: String = (1..=calls).map(call).collect();
        format!("goroutine {id} [select]:\n{calls}created by main.g\n\t/src/main.go:7 +0x2\n\n")
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in any::<Vec<u8>>()) {
            read(&text[..], Keep::Each).expect("memory can be read");
        }

        #[test]
        fn no_lines_of_a_dump_in_whatever_order_make_the_reader_panic(
            lines in prop::collection::vec(prop::sample::select(vec![
                "goroutine 1 [running]:", "goroutine 99999999999999999999 [x]:", "goroutine 2 [",
                "main.f(...)", "\t/x.go:12 +0x1", "\tnowhere", "created by main.g in goroutine x",
                "[originating from goroutine 3]:", "...additional frames elided...", "",
                "goroutine profile: total 3", "3 @ 0x1", "#\t0x1\tmain.f+0x2\t/x.go:1", "#\t", "non-Go function",
            ]), 0..40),
        ) {
            read(lines.join("\n").as_bytes(), Keep::Each).expect("memory can be read");
        }

        #[test]
        fn every_goroutine_is_read_and_those_with_one_stack_are_one_group(
            stacks in prop::collection::vec(1..6_usize, 1..60),
        ) {
            let text: String = (stacks.iter().enumerate())
                .map(|(id, calls)| goroutine(id, *calls))
                .collect();
            let dump = dump(&text);
            let mut distinct = stacks.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(dump.goroutines, stacks.len() as u64);
            prop_assert_eq!(dump.groups.len(), distinct.len());
            prop_assert_eq!(dump.errors, Vec::new());
        }

        #[test]
        fn a_dump_that_is_cut_off_gives_what_was_whole(calls in 1..5_usize, cut in 0.0..1.0_f64) {
            let whole: String = (0..5).map(|id| goroutine(id, calls)).collect();
            let end = (whole.len() as f64 * cut) as usize;
            let read = dump(&whole[..end]);
            let complete = whole[..end].matches("\n\n").count() as u64;
            prop_assert!((complete..=complete + 1).contains(&read.goroutines));
        }
    }

    #[test]
    fn counts_that_no_process_has_make_no_comparison_panic() {
        let most = u64::MAX;
        let profile = |func: &str| {
            format!(
                "{most} @ 0x1\n#\t0x1\t{func}+0x2\t/x.go:1\n\n{most} @ 0x2\n#\t0x2\tmain.g+0x2\t/x.go:2\n"
            )
        };
        let read = |text: String| dump(&format!("goroutine profile: total 1\n{text}{text}"));
        let diff = crate::compare(
            read(profile("net/http.(*persistConn).readLoop")),
            read(profile("main.f")),
            None,
        );
        assert_eq!((diff.before, diff.after), (most, most));
    }

    #[test]
    fn damaged_stacks_of_which_the_same_is_left_stand_in_one_order() {
        let text = "goroutine 1 [select, locked to thread]:\nmain.f()\n\t/x.go:1x\n\n\
            goroutine 2 [select]:\nmain.f()\n\t/x.go:1y\n";
        let first = dump(text);
        assert_eq!(first.groups[0].stack, first.groups[1].stack);
        for _ in 0..32 {
            assert_eq!(dump(text), first);
        }
    }

    #[test]
    fn the_header_tells_state_wait_and_thread() {
        let text = "goroutine 7 gp=0xc000002380 m=nil [chan receive, 17 minutes, locked to thread]:\n\
            main.f()\n\tC:/src/main.go:3 +0x1d\n\
            created by main.main in goroutine 1\n\tC:/src/main.go:9 +0x5\n";
        let each = dump(text).each.expect("asked for");
        let one = &each[0];
        assert_eq!((one.id, one.state.as_str()), (7, "chan receive"));
        assert_eq!((one.wait_minutes, one.locked_to_thread), (Some(17), true));
        assert_eq!(one.stack[0].file.as_deref(), Some("C:/src/main.go"));
        let creator = one.created_by.as_ref().expect("told");
        assert_eq!(
            (creator.func.as_str(), creator.line),
            ("main.main", Some(9))
        );
        assert_eq!(one.ancestor, Some(1));
    }

    #[test]
    fn what_go_found_leaked_is_counted_and_is_no_state_of_its_own() {
        let goroutine = |id, state: &str| {
            format!("goroutine {id} [{state}]:\nmain.f()\n\t/src/main.go:3 +0x1d\n\n")
        };
        let text = [
            goroutine(1, "chan send"),
            goroutine(2, "chan send (leaked)"),
            goroutine(3, "chan send (leaked) (scan), locked to thread"),
        ];
        let dump = dump(&text.concat());
        assert_eq!(dump.groups.len(), 1, "{:?}", dump.groups);
        let group = &dump.groups[0];
        assert_eq!(group.state.as_deref(), Some("chan send"));
        assert_eq!((group.count, group.leaked), (3, 2));
        assert!(crate::waits_for_another(group).is_some());
    }

    #[test]
    fn a_profile_of_leaked_goroutines_says_so_of_each() {
        let text = "goroutineleak profile: total 2\n2 @ 0x1\n#\t0x1\tmain.f+0x2\t/x.go:1\n";
        assert_eq!(dump(text).groups[0].leaked, 2);
        assert_eq!(
            dump(&text.replace("goroutineleak", "goroutine")).groups[0].leaked,
            0
        );
    }

    #[test]
    fn a_header_tells_labels_quoted_or_not() {
        let text = "goroutine 7 [select] {tenant: a/b, \"a \\\"key\\\"\": \"\\u00e9, \\x01}\"}:\n\
            main.f()\n\t/src/main.go:3 +0x1d\n";
        let dump = dump(text);
        let labels = &dump.groups[0].labels;
        assert_eq!(labels["tenant"], "a/b");
        assert_eq!(labels["a \"key\""], "\u{e9}, \u{1}}", "{labels:?}");
    }

    #[test]
    fn elided_frames_cgo_and_ancestors_are_no_errors() {
        let text = "panic: boom\n\ngoroutine 1 [running]:\n\
            main.(*T[...]).f(...)\n\t/src/main.go:3\n\
            non-Go function\n\tpc=0x46c7a1\n\
            ...12 frames elided...\n\
            main.main()\n\t/src/main.go:9 +0x5 fp=0xc000 sp=0xc001 pc=0x46\n\
            [originating from goroutine 3]:\n\
            main.h(...)\n\t/src/main.go:5\n\
            created by main.i\n\t/src/main.go:1 +0x1\n\
            exit status 2\n";
        let read = dump(text);
        let one = &read.each.as_ref().expect("asked for")[0];
        let called: Vec<&str> = one.stack.iter().map(|frame| frame.func.as_str()).collect();
        assert_eq!(called, ["main.(*T[...]).f", "non-Go function", "main.main"]);
        assert!(one.frames_elided);
        assert_eq!(one.created_by, None, "the ancestor's");
        // The shell's last word stands within the paragraph.
        let said: Vec<_> = read.errors.iter().map(|error| error.line).collect();
        assert_eq!(said, [Some(16)]);
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_line() {
        let read = dump("goroutine 1 [select]:\nmain.f()\n\t/x.go:1 +0x1\n???\nmain.g(0x1");
        assert_eq!(read.goroutines, 1);
        assert_eq!(read.errors[0].line, Some(4));
        assert!(read.errors[0].message.contains("???"), "{:?}", read.errors);
    }
}
