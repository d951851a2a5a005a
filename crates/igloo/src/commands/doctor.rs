//! `igloo doctor`: what works on this machine, and what does not.
//!
//! It looks and changes nothing. What it cannot find out it says, and what the kernel does not offer it tells as it is.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use igloo_api::wire::{Diagnosis, Health, Instance, Protection, ProviderDiagnosis, State};
use serde::Serialize;

use super::install;
use crate::{
    client::{Client, Where},
    failure::Failure,
    output::{Output, Text, Tone},
    place, show,
};

/// What was found of one thing.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    name: &'static str,
    verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    way_out: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Good,
    Information,
    Warning,
    Bad,
}

fn finding(name: &'static str, verdict: Verdict, detail: impl Into<String>) -> Finding {
    Finding { name, verdict, detail: detail.into(), way_out: None }
}

impl Finding {
    fn or_else(mut self, way_out: impl Into<String>) -> Self {
        self.way_out = Some(way_out.into());
        self
    }
}

/// `igloo doctor`. Fails if something is bad.
pub(super) async fn doctor(which: &Where, output: Output) -> anyhow::Result<()> {
    let mut findings = hub(which).await;
    match place::data(which.data.clone()) {
        Ok(data) => {
            findings.extend(data_directory(&data));
            findings.push(disk(&data));
            findings.push(cache(&data));
        }
        Err(error) => findings.push(finding("data directory", Verdict::Bad, format!("{error:#}"))),
    }
    findings.push(serial());
    findings.push(clock());
    findings.extend(kernel());
    if output.json {
        output.json(&findings)?;
    } else {
        print(output, &findings);
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count() {
        0 => Ok(()),
        1 => anyhow::bail!("one thing is wrong"),
        count => anyhow::bail!("{count} things are wrong"),
    }
}

fn print(output: Output, findings: &[Finding]) {
    for finding in findings {
        let (sign, tone) = match finding.verdict {
            Verdict::Good => ("✓", Tone::Good),
            Verdict::Information => ("·", Tone::Faint),
            Verdict::Warning => ("!", Tone::Warning),
            Verdict::Bad => ("✗", Tone::Bad),
        };
        output.pieces(&[
            Text::new(format!("{sign} "), tone),
            Text::from(format!("{:<18} ", finding.name)),
            Text::new(&finding.detail, if finding.verdict == Verdict::Information { Tone::Faint } else { Tone::Plain }),
        ]);
        if let Some(way_out) = &finding.way_out {
            output.pieces(&[Text::new(format!("{:21}→ {way_out}", ""), Tone::Strong)]);
        }
    }
}

async fn hub(which: &Where) -> Vec<Finding> {
    let client = match Client::new(which) {
        Ok(client) => client,
        Err(error) => return vec![finding("hub", Verdict::Bad, format!("{error:#}"))],
    };
    let health: Health = match client.get(&["health"], &[]).await {
        Ok(health) => health,
        Err(error) if matches!(error.downcast_ref(), Some(Failure::Unreachable { .. })) => {
            return vec![finding("hub", Verdict::Warning, format!("{error:#}")).or_else("igloo up")];
        }
        Err(error) => return vec![finding("hub", Verdict::Bad, format!("{error:#}"))],
    };
    let detail = format!("version {} answers at {} (contract {})", health.version, client.base(), health.contract);
    let own = env!("CARGO_PKG_VERSION");
    let mut findings = vec![if health.version == own {
        finding("hub", Verdict::Good, detail)
    } else {
        finding("hub", Verdict::Warning, format!("{detail}; this command is {own}")).or_else("restart the hub")
    }];
    match client.get::<Vec<Instance>>(&["instances"], &[]).await {
        Ok(instances) => {
            let unwell: Vec<String> = instances
                .iter()
                .filter(|instance| matches!(instance.state, State::BackingOff | State::Quarantined))
                .map(|instance| format!("{} is {}", instance.name, instance.state))
                .collect();
            findings.push(if unwell.is_empty() {
                finding("providers", Verdict::Good, format!("{} installed, none failing", instances.len()))
            } else {
                finding("providers", Verdict::Warning, unwell.join(", ")).or_else("igloo providers; igloo logs NAME")
            });
        }
        Err(error) => findings.push(finding("token", Verdict::Bad, format!("{error:#}"))),
    }
    // A hub that is older has none.
    if let Ok(diagnosis) = client.get::<Diagnosis>(&["doctor"], &[]).await {
        findings.extend(protections(&diagnosis));
    }
    findings
}

/// What the machine lacks, and what each provider has.
fn protections(diagnosis: &Diagnosis) -> Vec<Finding> {
    let lacking = |protections: &[Protection]| -> Vec<Protection> {
        protections.iter().filter(|protection| !protection.in_force).cloned().collect()
    };
    let mut findings = Vec::new();
    let missing = lacking(&diagnosis.machine);
    // One reason for all of them is told once.
    let common = missing.first().and_then(|first| first.reason.clone()).filter(|reason| {
        missing.len() > 1 && missing.iter().all(|protection| protection.reason.as_ref() == Some(reason))
    });
    if missing.is_empty() {
        findings.push(finding("protections", Verdict::Good, "this machine offers all of them to processes"));
    } else if let Some(reason) = common {
        let names: Vec<&str> = missing.iter().map(|protection| protection.name.as_str()).collect();
        findings.push(finding("protections", Verdict::Information, format!("{reason}: {}", names.join(", "))));
    } else {
        for protection in &missing {
            let reason = protection.reason.as_deref().unwrap_or("no reason is known");
            let detail = format!("lacks {}: {reason}. With it: {}", protection.name, protection.means);
            let found = finding("protections", Verdict::Information, detail);
            findings.push(match way_out(&protection.name) {
                Some(way_out) => found.or_else(way_out),
                None => found,
            });
        }
    }
    for provider in &diagnosis.providers {
        findings.push(provider_finding(provider, &lacking(&provider.protections)));
    }
    findings
}

fn provider_finding(provider: &ProviderDiagnosis, missing: &[Protection]) -> Finding {
    let how = format!("{}: {}", provider.instance, provider.run_as);
    if provider.protections.is_empty() {
        return finding("provider", Verdict::Good, format!("{how}, in WebAssembly's sandbox in the hub"));
    }
    if missing.is_empty() {
        return finding("provider", Verdict::Good, format!("{how}, all protections are in force"));
    }
    let names: Vec<&str> = missing.iter().map(|protection| protection.name.as_str()).collect();
    let detail = format!("{how}, without {}", names.join(", "));
    let required: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| provider.requires.iter().any(|required| required == name))
        .filter(|name| !provider.without.iter().any(|accepted| accepted == name))
        .collect();
    if required.is_empty() {
        let verdict = if provider.state == State::Running { Verdict::Information } else { Verdict::Warning };
        return finding("provider", verdict, detail);
    }
    let grants: Vec<String> = required.iter().map(|name| format!("without={name}")).collect();
    finding("provider", Verdict::Warning, format!("{detail}; it requires {}", required.join(", "))).or_else(format!(
        "igloo grants add {} {}    accepts that",
        provider.instance,
        grants.join(" ")
    ))
}

/// What gives a machine a protection, where that is in its owner's hands.
fn way_out(protection: &str) -> Option<&'static str> {
    Some(match protection {
        "user-namespace" | "mount-namespace" | "pid-namespace" | "ipc-namespace" | "uts-namespace"
        | "network-namespace" => {
            "allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, \
             kernel.apparmor_restrict_unprivileged_userns"
        }
        "landlock" => "Linux 5.13 or newer, started with lsm=landlock,…",
        "seccomp" | "socket-broker" => {
            "a kernel with CONFIG_SECCOMP_FILTER; in a container, its runtime must allow seccomp"
        }
        "memory-limit" | "process-limit" | "cpu-limit" => {
            "give the hub a control group of its own: Delegate=yes in its systemd unit"
        }
        _ => return None,
    })
}

fn data_directory(data: &Path) -> Vec<Finding> {
    let shown = data.display();
    let Ok(about) = fs::metadata(data) else {
        return vec![finding("data directory", Verdict::Information, format!("{shown} is not there yet"))];
    };
    let mut findings = Vec::new();
    for (name, path, wanted) in [
        ("data directory", data.to_owned(), 0o700),
        ("token file", data.join(igloo_api::tokens::LOCAL_TOKEN_FILE), 0o600),
    ] {
        let Ok(about_it) = fs::metadata(&path) else { continue };
        let mode = about_it.permissions().mode() & 0o777;
        let shown = path.display();
        findings.push(if mode & !wanted == 0 {
            finding(name, Verdict::Good, format!("{shown} (mode {mode:03o})"))
        } else {
            finding(name, Verdict::Bad, format!("{shown} is open to others (mode {mode:03o})"))
                .or_else(format!("chmod {wanted:o} {shown}"))
        });
    }
    let me = rustix::process::geteuid().as_raw();
    if about.uid() != me {
        findings.push(
            finding("owner", Verdict::Warning, format!("{shown} belongs to user {}, you are {me}", about.uid()))
                .or_else("run igloo as the user who runs the hub"),
        );
    }
    findings
}

/// The part of a path that is there.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"))
}

fn disk(data: &Path) -> Finding {
    const LITTLE: u64 = 100 << 20;
    match rustix::fs::statvfs(existing(data)) {
        Ok(about) => {
            let free = about.f_bavail.saturating_mul(about.f_frsize);
            let detail = format!("{} free", show::bytes(free));
            if free < LITTLE {
                finding("disk", Verdict::Bad, detail).or_else("free some space: the hub cannot store much more")
            } else {
                finding("disk", Verdict::Good, detail)
            }
        }
        Err(error) => finding("disk", Verdict::Warning, format!("the free space is unknown: {error}")),
    }
}

fn cache(data: &Path) -> Finding {
    let path = data.join("cache");
    let Ok(entries) = fs::read_dir(&path) else {
        return finding("compiled code", Verdict::Information, "nothing is compiled yet");
    };
    let sizes: Vec<u64> = entries
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|about| about.len())
        .collect();
    let mode = fs::metadata(&path).map_or(0, |about| about.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        // It is native code that the hub runs.
        return finding(
            "compiled code",
            Verdict::Bad,
            format!("{} is open to others (mode {mode:03o})", path.display()),
        )
        .or_else(format!("chmod 700 {}", path.display()));
    }
    finding("compiled code", Verdict::Good, format!("{} files, {}", sizes.len(), show::bytes(sizes.iter().sum())))
}

fn serial() -> Finding {
    let ports = install::serial_ports();
    if ports.is_empty() {
        return finding("serial ports", Verdict::Information, "none is plugged in");
    }
    let closed: Vec<&str> = ports
        .iter()
        .map(String::as_str)
        .filter(|port| rustix::fs::access(*port, rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK).is_err())
        .collect();
    if closed.is_empty() {
        return finding("serial ports", Verdict::Good, ports.join(", "));
    }
    finding("serial ports", Verdict::Warning, format!("you may not open {}", closed.join(", ")))
        .or_else("sudo usermod -aG dialout $USER, then log in again")
}

fn clock() -> Finding {
    // 2026-01-01: before it, the clock was not set since the machine started.
    const PLAUSIBLE: i64 = 1_767_225_600;
    let now = jiff::Timestamp::now();
    let shown = show::local(&now.to_string());
    if now.as_second() < PLAUSIBLE {
        return finding("clock", Verdict::Bad, format!("{shown} cannot be right"))
            .or_else("sudo timedatectl set-ntp true");
    }
    let synchronized = Path::new("/run/systemd/timesync/synchronized").exists();
    finding("clock", Verdict::Good, if synchronized { format!("{shown}, synchronized") } else { shown })
}

/// What native providers' sandboxes would be made of. Components need none of it.
fn kernel() -> Vec<Finding> {
    let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_else(|| String::from("unknown"));
    let namespaces = match (
        read("/proc/sys/user/max_user_namespaces").as_deref(),
        read("/proc/sys/kernel/unprivileged_userns_clone").as_deref(),
        read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref(),
    ) {
        (None | Some("0"), ..) | (_, Some("0"), _) => "none",
        (_, _, Some("1")) => "restricted by AppArmor",
        _ => "available",
    };
    let landlock = match read("/sys/kernel/security/lsm") {
        Some(list) if list.split(',').any(|module| module == "landlock") => "available",
        Some(_) => "none",
        None => "unknown (/sys/kernel/security cannot be read)",
    };
    let seccomp = if Path::new("/proc/sys/kernel/seccomp/actions_avail").exists() { "available" } else { "none" };
    let cgroups = match read("/sys/fs/cgroup/cgroup.controllers") {
        Some(controllers) if controllers.is_empty() => String::from("v2 without controllers"),
        Some(controllers) => format!("v2 ({controllers})"),
        None if Path::new("/sys/fs/cgroup/memory").exists() => String::from("v1"),
        None => String::from("none"),
    };
    let fact = |name, detail: &str| finding(name, Verdict::Information, detail);
    vec![
        fact("kernel", &format!("Linux {release}; what follows matters to native processes only, not to components")),
        fact("user namespaces", namespaces),
        fact("landlock", landlock),
        fact("seccomp", seccomp),
        fact("cgroups", &cgroups),
    ]
}
