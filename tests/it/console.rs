//! `leakcheck run --console`: tokio-console sees each worker's tasks by their names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use console_api::field::Value;
use console_api::instrument::InstrumentRequest;
use console_api::instrument::instrument_client::InstrumentClient;

use crate::common::program::Program;
use crate::common::report::{poll_exported, samples, wiring};
use crate::common::{poll, skip};

/// How long a console is listened to before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The address that each wiring's console is printed with.
fn addresses(program: &Program) -> Option<BTreeMap<String, String>> {
    let said = program.said("stderr");
    let address = |line: &str| {
        let (command, wiring) = line.split_once('#')?;
        let address = command.trim().strip_prefix("tokio-console ")?;
        Some((wiring.trim().to_owned(), address.to_owned()))
    };
    let addresses: BTreeMap<_, _> = said.lines().filter_map(address).collect();
    (addresses.len() == 2).then_some(addresses)
}

/// Listens to a console until it has told of all of these tasks; what it has told of by then.
async fn listen(address: &str, wanted: &[&str]) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    // The worker listens a moment after its address is printed.
    let mut client = loop {
        match InstrumentClient::connect(address.to_owned()).await {
            Ok(client) => break client.max_decoding_message_size(usize::MAX),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let updates = client.watch_updates(InstrumentRequest {}).await;
    let mut updates = updates.expect("updates").into_inner();
    while !wanted.iter().all(|name| told.contains(*name)) {
        let update = updates.message().await.expect("an update");
        let update = update.expect("the run goes on for longer than this test");
        let tasks = update.task_update.into_iter().flat_map(|one| one.new_tasks);
        for field in tasks.flat_map(|task| task.fields) {
            if let Some(Value::StrVal(text) | Value::DebugVal(text)) = field.value {
                told.insert(text);
            }
        }
    }
    told
}

#[tokio::test]
async fn the_console_of_a_leaking_wiring_lists_the_forgotten_readers_by_name() {
    if !cfg!(tokio_unstable) {
        return skip("--console needs a build with --cfg tokio_unstable");
    }
    let folder = tempfile::tempdir().expect("a directory");
    let export = folder.path().join("report.json");
    let program = Program::start(&[
        "run",
        "--console",
        &format!("--export=json={}", export.display()),
        "--containers=30",
        "--rotations=200",
        "--rotation=500ms",
        "--format=json",
    ]);
    let addresses = poll("an address per wiring", || addresses(&program));
    let wirings: Vec<_> = addresses.keys().map(String::as_str).collect();
    assert_eq!(wirings, ["fixed", "old"]);
    for address in addresses.values() {
        assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    }
    assert_ne!(addresses["old"], addresses["fixed"]);

    for (name, reader) in [("fixed", "reader web-07 #3"), ("old", "reader web-07 #20")] {
        let wanted = ["supervisor web-07", "heartbeat web-07", reader];
        let listening = listen(&addresses[name], &wanted);
        tokio::time::timeout(PATIENCE, listening)
            .await
            .unwrap_or_else(|_| panic!("{wanted:?} not within {PATIENCE:?} of {name}"));
    }
    // Reader 20 is of rotation 19: a console that falls behind a leak shows it much later.
    let made = samples(wiring(&poll_exported(&export, 1), "old")).len() - 1;
    assert!(made < 2 * 19, "told of rotation 19 in rotation {made}");
}

#[test]
fn without_the_flag_no_console_is_served() {
    let ended = crate::common::program::run(&[
        "run",
        "--containers=1",
        "--rotations=1",
        "--time-scale=1000",
        "--wiring=fixed",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("tokio-console"), "{ended:?}");
}
