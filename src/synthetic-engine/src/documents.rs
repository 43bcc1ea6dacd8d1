//! The JSON documents of the API: version, info, the list of containers, one container.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::container::SyntheticContainer;
use crate::lifecycle::Lifecycle;
use crate::timestamps;
use crate::{host, human, identity};

/// The newest API version that the engine speaks: what current clients ask for, so that those
/// which do not negotiate work too.
pub const API_VERSION: (u32, u32) = (1, 53);
/// The oldest.
pub const MIN_API_VERSION: (u32, u32) = (1, 24);
/// What `docker version` shows.
pub const ENGINE_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "-leakcheck");
/// The image that the containers claim to run. There is none.
pub const IMAGE: &str = "leakcheck/synthetic";
/// The labels of every container.
pub const LABELS: &[(&str, &str)] = &[("leakcheck.synthetic", "true")];

const COMMAND: &str = "print-lines";

/// `1.53`.
pub fn api_version_text((major, minor): (u32, u32)) -> String {
    format!("{major}.{minor}")
}

/// `GET /version`.
pub fn version() -> Value {
    let api = api_version_text(API_VERSION);
    let min = api_version_text(MIN_API_VERSION);
    let kernel = host::kernel_release();
    let arch = host::go_architecture();
    let os = std::env::consts::OS;
    json!({
        "Platform": {"Name": "leakcheck synthetic engine"},
        "Components": [{
            "Name": "Engine", "Version": ENGINE_VERSION,
            "Details": {
                "ApiVersion": api, "MinAPIVersion": min, "Arch": arch, "Os": os,
                "KernelVersion": kernel, "Experimental": "false",
            },
        }],
        "Version": ENGINE_VERSION, "ApiVersion": api, "MinAPIVersion": min,
        "Os": os, "Arch": arch, "KernelVersion": kernel,
    })
}

/// `GET /info` of an engine with these containers.
pub fn info(existing: &[Arc<SyntheticContainer>], now_ns: i64) -> Value {
    let containers = existing.len();
    let running = existing
        .iter()
        .filter(|c| c.lifecycle() == Lifecycle::Running)
        .count();
    let mut info = json!({
        "ID": &identity::image_id()[7..19], "Name": host::hostname(),
        "Containers": containers, "ContainersRunning": running, "ContainersPaused": 0,
        "ContainersStopped": containers - running, "Images": 0,
        "Driver": "synthetic", "DriverStatus": null, "LoggingDriver": "json-file",
        "Plugins": {"Volume": [], "Network": [], "Authorization": null, "Log": ["json-file"]},
        // Docker's clients warn of limits that an engine does not offer; here nothing is limited.
        "MemoryLimit": true, "SwapLimit": true, "CpuCfsPeriod": true, "CpuCfsQuota": true,
        "CPUShares": true, "CPUSet": true, "PidsLimit": true, "IPv4Forwarding": true,
        "BridgeNfIptables": true, "BridgeNfIp6tables": true, "OomKillDisable": true,
        // Clients show the counts of goroutines and fds of a debugging engine only.
        "Debug": true, "NGoroutines": host::alive_tasks(),
        "SystemTime": timestamps::short(now_ns),
        "OSType": std::env::consts::OS, "OperatingSystem": "leakcheck synthetic engine",
        "Architecture": std::env::consts::ARCH, "KernelVersion": host::kernel_release(),
        "NCPU": std::thread::available_parallelism().map_or(1, usize::from),
        "ServerVersion": ENGINE_VERSION, "ExperimentalBuild": false, "LiveRestoreEnabled": false,
        "Swarm": {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": false,
                  "Error": "", "RemoteManagers": null},
        "Labels": [], "SecurityOptions": [], "Warnings": null,
    });
    let measured = [
        ("NFd", host::open_fds().map(|n| n as u64)),
        ("MemTotal", host::memory_bytes()),
    ];
    for (field, value) in measured {
        // Left out where it is unknown.
        if let (Some(value), Some(fields)) = (value, info.as_object_mut()) {
            fields.insert(field.into(), json!(value));
        }
    }
    info
}

/// One entry of `GET /containers/json`.
pub fn summary(container: &SyntheticContainer, now_ns: i64) -> Value {
    let lifecycle = container.lifecycle();
    let status = match lifecycle.exit() {
        None => format!(
            "Up {}",
            human::span(now_ns.saturating_sub(container.started_at_ns(now_ns)))
        ),
        Some(exit) => {
            format!(
                "Exited ({}) {} ago",
                exit.code,
                human::span(now_ns.saturating_sub(exit.finished_at_ns))
            )
        }
    };
    json!({
        "Id": container.id, "Names": [format!("/{}", container.name)],
        "Image": IMAGE, "ImageID": identity::image_id(), "Command": COMMAND,
        "Created": container.created_at_ns.div_euclid(1_000_000_000), "Ports": [],
        "Labels": labels(), "State": lifecycle.word(), "Status": status,
        "HostConfig": {"NetworkMode": "none"}, "NetworkSettings": {"Networks": {}}, "Mounts": [],
    })
}

/// `GET /containers/{id}/json`.
pub fn inspect(container: &SyntheticContainer, now_ns: i64) -> Value {
    let lifecycle = container.lifecycle();
    let exit = lifecycle.exit();
    let last_restart = container
        .restarts
        .and_then(|restarts| restarts.last_by(now_ns));
    let finished_at = exit.map(|exit| exit.finished_at_ns).or(last_restart);
    let restart_policy = match container.restarts {
        Some(_) => "always",
        None => "no",
    };
    json!({
        "Id": container.id, "Created": timestamps::short(container.created_at_ns), "Path": COMMAND, "Args": [],
        "State": {
            "Status": lifecycle.word(), "Running": exit.is_none(), "Paused": false,
            "Restarting": false, "OOMKilled": false, "Dead": false, "Pid": 0,
            "ExitCode": exit.map_or(0, |exit| exit.code), "Error": "",
            "StartedAt": timestamps::short(container.started_at_ns(now_ns)),
            "FinishedAt": finished_at.map_or_else(|| timestamps::NEVER.into(), timestamps::short),
        },
        "Image": identity::image_id(), "ResolvConfPath": "", "HostnamePath": "", "HostsPath": "",
        "LogPath": "", "Name": format!("/{}", container.name),
        "RestartCount": container.restart_count(now_ns),
        "Driver": "synthetic", "Platform": "linux", "MountLabel": "", "ProcessLabel": "",
        "AppArmorProfile": "", "ExecIDs": null,
        "HostConfig": {
            "Binds": null, "LogConfig": {"Type": "json-file", "Config": {}}, "NetworkMode": "none",
            "PortBindings": {}, "RestartPolicy": {"Name": restart_policy, "MaximumRetryCount": 0},
            "AutoRemove": false, "Privileged": false, "ReadonlyRootfs": false,
        },
        "GraphDriver": {"Data": null, "Name": "synthetic"}, "Mounts": [],
        "Config": {
            "Hostname": container.short_id(), "Domainname": "", "User": "", "AttachStdin": false,
            "AttachStdout": true, "AttachStderr": true, "Tty": container.tty, "OpenStdin": false,
            "StdinOnce": false, "Env": [], "Cmd": [COMMAND], "Image": IMAGE, "Volumes": null,
            "WorkingDir": "", "Entrypoint": null, "OnBuild": null, "Labels": labels(),
        },
        "NetworkSettings": {"Ports": {}, "Networks": {}},
    })
}

fn labels() -> Map<String, Value> {
    LABELS
        .iter()
        .map(|(key, value)| ((*key).into(), json!(value)))
        .collect()
}
