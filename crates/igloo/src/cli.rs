//! The tree of commands.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use igloo_api::{
    Scope,
    wire::{self, RunAsChoice},
};
use igloo_protocol::Grant;

/// Runs the device drivers of a home, each in a sandbox of its own.
#[derive(Debug, Parser)]
#[command(name = "igloo", version, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// The hub's data directory [default: `igloo` in $XDG_DATA_HOME or ~/.local/share].
    #[arg(long, global = true, value_name = "DIR", env = "IGLOO_DATA", hide_env = true)]
    pub(crate) data: Option<PathBuf>,

    /// The hub to talk to [default: the one of the data directory].
    #[arg(long, global = true, value_name = "URL", env = "IGLOO_URL", hide_env = true)]
    pub(crate) url: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  igloo up                                run a hub, until Ctrl-C
  igloo install ./p1-meter                add a provider; asks before it grants anything
  igloo devices                           what there is
  igloo set demo/lamp-1 switch=on         change something
  igloo watch 'demo/*/*/power'            follow values
  igloo doctor                            what works on this machine, and what does not

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no hub answers, 4 no such thing, 5 not allowed,
6 the device or provider refused, 7 no answer in time: whether it took effect is not known.

IGLOO_DATA and IGLOO_URL stand for --data and --url. IGLOO_TOKEN holds a token for a hub elsewhere;
here, the hub's own file is read. IGLOO_LOG sets what `igloo up` logs (such as debug). NO_COLOR turns
colours off.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a hub here.
    Up(Up),
    /// Build a provider in Rust or Python from its source: a package that `igloo install` takes.
    #[command(after_help = BUILD_EXAMPLES)]
    Build(Build),
    /// Add a provider from a package: a folder with igloo.toml and the files it names.
    #[command(visible_alias = "add")]
    Install(Install),
    /// Give an instance another version of its package.
    Update(Update),
    /// Remove an instance, with its devices and everything it stored.
    Remove(Remove),
    /// List the instances, or show one.
    #[command(visible_alias = "ps")]
    Providers {
        /// Only this one, with everything about it.
        name: Option<String>,
        /// What they use and have done since the hub started.
        #[arg(long, conflicts_with = "name")]
        stats: bool,
    },
    /// Start an instance, now and whenever the hub starts.
    Start(Name),
    /// Stop an instance until it is started again.
    Stop(Name),
    /// Stop an instance and start it again.
    Restart(Name),
    /// Change how an instance runs: in the hub, isolated, or as a native process.
    RunAs(RunAs),
    /// Give an instance another name.
    Rename {
        /// Its name or id.
        name: String,
        /// The new name: a-z, 0-9 and '-'.
        new: String,
    },
    /// Show or change an instance's configuration.
    #[command(subcommand)]
    Config(Config),
    /// Show or change what an instance may do.
    #[command(subcommand)]
    Grants(Grants),
    /// List devices with their values.
    #[command(after_help = "Examples:\n  igloo devices\n  igloo devices 'demo/lamp-*'\n  igloo devices '*/*/*/power'")]
    Devices {
        /// `instance/device/entity/kind`, with `*` for anything.
        #[arg(default_value = "")]
        query: String,
    },
    /// Show a device, an entity, or one value.
    #[command(
        after_help = "Examples:\n  igloo get demo/lamp-1\n  igloo get demo/lamp-1/bulb/switch    prints the value alone"
    )]
    Get {
        /// `instance/device[/entity[/kind]]`; or a device's id or name, if only one has it.
        path: String,
    },
    /// Ask a device to change, and wait for its answer.
    #[command(after_help = SET_EXAMPLES)]
    Set(Set),
    /// Follow devices and values as they change.
    Watch {
        /// `instance/device/entity/kind`, with `*` for anything.
        #[arg(default_value = "")]
        query: String,
    },
    /// Show what providers log.
    Logs {
        /// Only this instance.
        name: Option<String>,
        /// Go on with new lines.
        #[arg(short, long)]
        follow: bool,
        /// So many of the newest lines.
        #[arg(short = 'n', long, default_value_t = 200, value_name = "LINES")]
        last: usize,
    },
    /// Show what providers asked for and are not granted.
    Denials {
        /// Only this instance.
        name: Option<String>,
    },
    /// Run one of an instance's actions, such as pairing a device. Without an action: list them.
    Action(Action),
    /// Forget a device that is gone.
    Forget {
        /// `instance/device`, or a device's id.
        device: String,
    },
    /// Show or change groups of devices.
    #[command(subcommand)]
    Groups(Groups),
    /// Show or change the root certificates that providers trust beside the system's.
    Roots {
        #[command(subcommand)]
        command: Option<Roots>,
    },
    /// List, make or revoke tokens for the API.
    #[command(subcommand)]
    Tokens(Tokens),
    /// List the packages, or delete those that no instance uses.
    Packages {
        /// Delete those that no instance uses.
        #[arg(long)]
        prune: bool,
    },
    /// Check this machine and the hub, and say what is missing.
    Doctor,
    /// Print a completion script.
    #[command(after_help = "Example:\n  igloo completions bash > ~/.local/share/bash-completion/completions/igloo")]
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Compile a component: the hub's own child.
    #[command(hide = true)]
    CompileComponent {
        /// The component.
        input: PathBuf,
        /// Where its code goes.
        output: PathBuf,
    },
}

const SET_EXAMPLES: &str = "\
Examples:
  igloo set demo/lamp-1/bulb switch=on dimmer=50% --transition 2s
  igloo set 'Floor lamp' color=#ff8800
  igloo set lamp-1 switch=off --timeout 1s";

const BUILD_EXAMPLES: &str = "\
Examples:
  igloo build                          the provider in this folder
  igloo build ./lamp --out packages
  igloo build --engine process         a native program instead of a component
  igloo build ./lifx --verbose         Python: what was resolved, and imported late
  igloo build ./lifx --upgrade         Python: the newest versions that pyproject.toml allows

In Rust (Cargo.toml), a build needs cargo and, for a component, its target: rustup target add wasm32-wasip2
In Python (pyproject.toml), it needs python3 with venv, and pip's index unless everything is in the cache. The class
is named there: [tool.igloo], provider = \"module:Class\".";

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The provider's folder, with igloo.toml, and Cargo.toml or pyproject.toml.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Where to put the package, in a folder of its name [default: `igloo` in cargo's target folder, or in `build`].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// What to build [default: each that igloo.toml names a file for].
    #[arg(long, value_enum)]
    pub(crate) engine: Option<BuildEngine>,
    /// Resolve the dependencies of a provider in Python anew.
    #[arg(long)]
    pub(crate) upgrade: bool,
    /// Tell everything about the build of a provider in Python.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// What a provider is compiled to.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum BuildEngine {
    /// A WebAssembly component.
    Component,
    /// A native executable, for this machine.
    Process,
    /// One of each.
    Both,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The address to listen on; port 0 takes any free one. May be given several times.
    #[arg(long, value_name = "ADDRESS", default_value = crate::place::LISTEN)]
    pub(crate) listen: Vec<SocketAddr>,
    /// A name that the hub answers to, other than its addresses. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// A package's folder: an instance of it is made if there is none. May be given several times.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) package: Vec<PathBuf>,
    /// A grant for an instance of --package: `NAME=GRANT`. May be given several times.
    #[arg(long, value_name = "NAME=GRANT", value_parser = named_grant)]
    pub(crate) grant: Vec<(String, Grant)>,
    /// Do not show what providers log.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = INSTALL_EXAMPLES)]
pub(crate) struct Install {
    /// The package's folder.
    pub(crate) path: PathBuf,
    /// The instance's name [default: the package's].
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) grants: GivenGrants,
    #[command(flatten)]
    pub(crate) run_as: GivenRunAs,
    /// A part of the configuration: `key=value`; `key=@FILE` reads it from a file. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) config: Vec<String>,
    /// The configuration, in a JSON or TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,
    /// Do not start it.
    #[arg(long)]
    pub(crate) stopped: bool,
}

const INSTALL_EXAMPLES: &str = "\
Examples:
  igloo install target/packages/demo-home
  igloo install target/packages/p1-meter --grant serial:meter=/dev/serial/by-id/usb-FTDI…
  igloo install ./weather --yes --config-file weather.toml";

#[derive(Debug, Args)]
pub(crate) struct GivenGrants {
    /// What it may do, such as tcp://192.168.1.20:502. May be given several times.
    #[arg(long = "grant", value_name = "GRANT")]
    pub(crate) grants: Vec<Grant>,
    /// Grant all that it wants without asking, as far as nothing has to be filled in.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// An engine, a placement, or both.
#[derive(Debug, Args)]
pub(crate) struct GivenRunAs {
    /// What is to run it [default: as the package says].
    #[arg(long, value_enum)]
    pub(crate) engine: Option<Engine>,
    /// Where it is to run [default: as the package says].
    #[arg(long, value_enum)]
    pub(crate) placement: Option<Placement>,
}

impl GivenRunAs {
    pub(crate) fn choice(&self) -> RunAsChoice {
        RunAsChoice { engine: self.engine.map(Engine::into), placement: self.placement.map(Placement::into) }
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Engine {
    /// WebAssembly's runtime runs its component.
    Component,
    /// The system runs its executable, in a sandbox.
    Process,
}

impl From<Engine> for wire::Engine {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Component => Self::Component,
            Engine::Process => Self::Process,
        }
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Placement {
    /// In the hub.
    InHub,
    /// In a sandboxed process of its own.
    Isolated,
}

impl From<Placement> for wire::Placement {
    fn from(placement: Placement) -> Self {
        match placement {
            Placement::InHub => Self::InHub,
            Placement::Isolated => Self::Isolated,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = RUN_AS_EXAMPLES)]
pub(crate) struct RunAs {
    /// The instance's name or id.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) how: GivenRunAs,
    /// As its package says.
    #[arg(long, conflicts_with_all = ["engine", "placement"])]
    pub(crate) default: bool,
}

const RUN_AS_EXAMPLES: &str = "\
Examples:
  igloo run-as meter --placement isolated    its component, in a sandboxed process of its own
  igloo run-as meter --engine process        its native executable
  igloo run-as meter --default               as its package says";

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The instance's name or id.
    pub(crate) name: String,
    /// The new package's folder.
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) grants: GivenGrants,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Its name or id.
    pub(crate) name: String,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// Its name or id.
    pub(crate) name: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Show the configuration; secrets are masked.
    Show(Name),
    /// Change parts of the configuration. The instance is restarted with it.
    #[command(
        after_help = "Examples:\n  igloo config set meter silence_seconds=60\n  igloo config set cloud password=@secret.txt    not seen by others on this machine"
    )]
    Set {
        /// The instance's name or id.
        name: String,
        /// `key=value`, `key.key=value`, `key=@FILE`; `key=` takes it away.
        #[arg(value_name = "KEY=VALUE")]
        parts: Vec<String>,
        /// The whole change, in a JSON or TOML file.
        #[arg(short, long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Grants {
    /// Show what an instance may do, what it wants, and what bounds it.
    Show(Name),
    /// Allow something more, at once.
    Add {
        /// The instance's name or id.
        name: String,
        /// Such as tcp://192.168.1.20:502 or memory=32MiB.
        #[arg(required = true)]
        grants: Vec<Grant>,
    },
    /// Take something back, at once: the instance starts again without it.
    Revoke {
        /// The instance's name or id.
        name: String,
        /// As `igloo grants show` lists it.
        #[arg(required = true)]
        grants: Vec<Grant>,
    },
    /// Allow everything and record what is not granted, to find out what a provider needs.
    Audit(Name),
    /// Refuse what is not granted: the usual mode.
    Enforce(Name),
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// `instance/device[/entity]`; or a device's id or name, if only one has it.
    pub(crate) path: String,
    /// `kind=value`: on, off, 21.5, 50%, #ff8800, text. Applied as one.
    #[arg(required = true, value_name = "KIND=VALUE")]
    pub(crate) changes: Vec<String>,
    /// How long the change may take, such as 2s or 500ms; a number alone is milliseconds.
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    pub(crate) transition: Option<Duration>,
    /// How long to wait for the answer, such as 1s; a number alone is seconds [default: 5].
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Action {
    /// The instance's name or id.
    pub(crate) name: String,
    /// The action.
    pub(crate) action: Option<String>,
    /// Its parameters: JSON, or `key=value`.
    pub(crate) parameters: Vec<String>,
    /// How long to wait, such as 60s; a number alone is seconds [default: 30].
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Groups {
    /// List the groups.
    List,
    /// Make a group.
    Create {
        /// Its name.
        group: String,
    },
    /// Give a group another name.
    Rename {
        /// Its name or id.
        group: String,
        /// The new name.
        new: String,
    },
    /// Delete a group. Its devices stay.
    Delete {
        /// Its name or id.
        group: String,
    },
    /// Put devices into a group.
    Add {
        /// Its name or id.
        group: String,
        /// `instance/device`, or a device's id or name.
        #[arg(required = true)]
        devices: Vec<String>,
    },
    /// Take devices out of a group.
    Remove {
        /// Its name or id.
        group: String,
        /// `instance/device`, or a device's id or name.
        #[arg(required = true)]
        devices: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Roots {
    /// List them. The system's own are not listed.
    List,
    /// Trust an authority, such as that of a broker at home.
    Add {
        /// Its certificate, in PEM or DER.
        file: PathBuf,
        /// How it is called here [default: as its subject is called].
        #[arg(long)]
        name: Option<String>,
    },
    /// Trust an authority no more.
    Remove {
        /// Its name, or its fingerprint.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// List the tokens.
    List,
    /// Make a token. It is shown once.
    Create {
        /// What to call it, such as the device that uses it.
        name: String,
        /// What it allows: read, control or admin.
        #[arg(long, default_value = "read")]
        scope: Scope,
    },
    /// Revoke a token, at once.
    Revoke {
        /// Its id, such as t2.
        id: String,
    },
}

fn named_grant(text: &str) -> Result<(String, Grant), String> {
    let (name, grant) = text.split_once('=').ok_or("write NAME=GRANT, such as meter=serial:meter=/dev/ttyUSB0")?;
    Ok((name.to_owned(), grant.parse().map_err(|error: igloo_protocol::grants::InvalidGrant| error.to_string())?))
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    time(text, 0.001)
}

fn seconds(text: &str) -> Result<Duration, String> {
    time(text, 1.0)
}

/// A length of time; a number alone is in `unit` seconds.
fn time(text: &str, unit: f64) -> Result<Duration, String> {
    let (number, factor) = [("ms", 0.001), ("s", 1.0), ("min", 60.0), ("m", 60.0), ("h", 3600.0)]
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, unit));
    number
        .trim()
        .parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number * factor).ok())
        .ok_or_else(|| String::from("write it like 500ms, 2s or 1.5min"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(milliseconds("250"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("250"), Ok(Duration::from_secs(250)));
        assert_eq!(seconds("1.5min"), Ok(Duration::from_secs(90)));
        assert_eq!(milliseconds("2s"), Ok(Duration::from_secs(2)));
        assert!(seconds("-1").is_err() && seconds("soon").is_err());
    }

    #[test]
    fn grants_with_names() {
        let (name, grant) = named_grant("meter=serial:meter=/dev/ttyUSB0").unwrap();
        assert_eq!((name.as_str(), grant.to_string().as_str()), ("meter", "serial:meter=/dev/ttyUSB0"));
        assert!(named_grant("meter").is_err());
    }
}
