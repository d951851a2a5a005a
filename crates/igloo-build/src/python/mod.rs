//! A provider in Python, from its project to what its package has.
//!
//! For a component: [`resolve`] gets dependencies without native code, [`component`] makes the component of them. For a
//! process: [`process`] puts the same sources and their dependencies, native code and all, beside a program that starts
//! them. Tools and dependencies are kept in a [`cache`]: with it, a build asks no index and works offline.
//!
//! It promises that nothing of the machine's own Python packages gets into a component, and that an author's folder
//! stays as it is, except for `build/igloo`.

mod bundle;
mod cache;
mod component;
mod process;
mod project;
mod pure;
mod resolve;
mod sdk;
mod tools;
mod trace;

use std::{
    fs::{self, File},
    path::PathBuf,
};

pub(crate) use project::Project;
pub use resolve::Package;
use resolve::{For, Resolver};

use crate::{Error, error::at};

/// Is told what a build does. Both kinds of text are one line.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// What begins now, and may take a while.
    pub step: &'a dyn Fn(&str),
    /// Something that only a curious author wants to know.
    pub note: &'a dyn Fn(&str),
}

impl Told<'_> {
    /// For who wants to be told nothing.
    pub const NOTHING: Told<'static> = Told { step: &|_| (), note: &|_| () };

    fn step(&self, text: &str) {
        (self.step)(text);
    }

    fn note(&self, text: &str) {
        (self.note)(text);
    }
}

/// What a build for the process engine makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program that starts the provider.
    pub executable: PathBuf,
    /// An archive of what it imports.
    pub files: PathBuf,
}

impl Project {
    /// Makes the component. With `anew`, the index is asked for dependencies again.
    pub(crate) fn component(&self, told: &Told<'_>, anew: bool) -> Result<PathBuf, Error> {
        let made = self.make(told, anew, For::Component, |resolver, bundle| {
            let Resolver { tools, sdk, project, told, work, .. } = *resolver;
            component::Parts { tools, sdk, project, bundle, told, work }.make()
        })?;
        Ok(made)
    }

    /// Makes the program and its archive.
    pub(crate) fn program(&self, told: &Told<'_>, anew: bool) -> Result<Program, Error> {
        let python = process::python()?;
        self.make(told, anew, For::Process(&python), |resolver, bundle| process::make(resolver, bundle, &python))
    }

    fn make<T>(
        &self,
        told: &Told<'_>,
        anew: bool,
        purpose: For<'_>,
        make: impl FnOnce(&Resolver<'_>, &resolve::Bundle) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let work = self.build_folder().join(".work");
        fs::create_dir_all(&work).map_err(at(&work))?;
        // Two builds of one project wait for each other.
        let lock = work.join("lock");
        let held = File::create(&lock).map_err(at(&lock))?;
        held.lock().map_err(at(&lock))?;
        let tools = tools::Tools::get(told)?;
        let sdk = sdk::Sdk::unpack()?;
        let resolver = Resolver { tools: &tools, sdk: &sdk, project: self, told, anew, work: &work };
        let bundle = resolver.resolve(purpose)?;
        make(&resolver, &bundle)
    }
}
