//! What each command does, one file for each group.

mod build;
mod devices;
mod doctor;
mod grants;
mod groups;
mod install;
mod logs;
mod providers;
mod roots;
mod tokens;
mod up;
mod watch;

use anyhow::Context as _;

use crate::{
    cli::{Arguments, Command},
    client::{Client, Where},
    output::Output,
};

/// What every command that talks to a hub has at hand.
struct Context {
    client: Client,
    output: Output,
}

/// Does what the arguments say.
pub(crate) fn run(arguments: Arguments, output: Output) -> anyhow::Result<()> {
    let which = Where { url: arguments.url, data: arguments.data };
    match arguments.command {
        Command::CompileComponent { input, output } => {
            igloo_engine::component::compile_child(&input, &output).context("cannot compile")
        }
        Command::Build(arguments) => build::build(&arguments, output),
        Command::Completions { shell } => {
            completions(shell, output);
            Ok(())
        }
        Command::Up(up) => {
            // Guests run on the engine's own threads: these serve the API and route commands.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("igloo")
                .enable_all()
                .build()?;
            runtime.block_on(up::up(up, which.data, output))
        }
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(talk(command, &which, output))
        }
    }
}

async fn talk(command: Command, which: &Where, output: Output) -> anyhow::Result<()> {
    if matches!(command, Command::Doctor) {
        return doctor::doctor(which, output).await;
    }
    let context = Context { client: Client::new(which)?, output };
    match command {
        Command::Install(install) => install::install(&context, install).await,
        Command::Update(update) => install::update(&context, update).await,
        Command::Remove(remove) => providers::remove(&context, remove).await,
        Command::Providers { name: None, stats: false } => providers::list(&context).await,
        Command::Providers { name: None, stats: true } => providers::stats(&context).await,
        Command::Providers { name: Some(name), .. } => providers::show(&context, &name).await,
        Command::Start(name) => providers::change_state(&context, &name.name, "start").await,
        Command::Stop(name) => providers::change_state(&context, &name.name, "stop").await,
        Command::Restart(name) => providers::change_state(&context, &name.name, "restart").await,
        Command::RunAs(run_as) => providers::run_as(&context, &run_as).await,
        Command::Rename { name, new } => providers::rename(&context, &name, &new).await,
        Command::Config(config) => providers::config(&context, config).await,
        Command::Packages { prune } => providers::packages(&context, prune).await,
        Command::Action(action) => providers::action(&context, action).await,
        Command::Grants(grants) => grants::grants(&context, grants).await,
        Command::Denials { name } => grants::denials(&context, name.as_deref()).await,
        Command::Devices { query } => devices::list(&context, &query).await,
        Command::Get { path } => devices::get(&context, &path).await,
        Command::Set(set) => devices::set(&context, set).await,
        Command::Forget { device } => devices::forget(&context, &device).await,
        Command::Watch { query } => watch::watch(&context, &query).await,
        Command::Logs { name, follow, last } => logs::logs(&context, name.as_deref(), follow, last).await,
        Command::Groups(groups) => groups::groups(&context, groups).await,
        Command::Roots { command } => roots::roots(&context, command).await,
        Command::Tokens(tokens) => tokens::tokens(&context, tokens).await,
        Command::Doctor
        | Command::Build(_)
        | Command::CompileComponent { .. }
        | Command::Completions { .. }
        | Command::Up(_) => Ok(()),
    }
}

fn completions(shell: clap_complete::Shell, output: Output) {
    use clap::CommandFactory;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "igloo", &mut script);
    output.raw(&script);
}
