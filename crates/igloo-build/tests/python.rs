//! Projects in Python, built with the real pip and componentize-py.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::{
    cell::RefCell,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use igloo_build::{
    Error,
    package::{Engine, Source},
    python::Told,
};

const PROVIDER: &str = "
from igloo import Provider

class Lamp(Provider[None]):
    async def setup(self) -> None:
        pass
";

struct Project {
    folder: tempfile::TempDir,
    told: RefCell<Vec<String>>,
}

impl Project {
    fn new(dependencies: &[&str], module: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), told: RefCell::default() };
        let pyproject = format!(
            "[project]\nname = \"a-lamp\"\nversion = \"0.1.0\"\ndependencies = {dependencies:?}\n[tool.igloo]\nprovider \
             = \"lamp:Lamp\"\n"
        );
        project.write("pyproject.toml", &pyproject);
        project.write(
            "igloo.toml",
            "[package]\nname = \"lamp\"\n[provider]\nengine = \"component\"\ncomponent = \"lamp.wasm\"\nexecutable = \
             \"lamp\"\nfiles = \"lamp.tar\"\n",
        );
        project.write("src/lamp.py", &format!("{module}\n{PROVIDER}"));
        project
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The package's folder.
    fn build(&self, engine: Engine) -> Result<PathBuf, Error> {
        self.told.borrow_mut().clear();
        let began = Instant::now();
        let tell = |text: &str| {
            println!("{:6.2} {text}", began.elapsed().as_secs_f64());
            self.told.borrow_mut().push(text.to_owned());
        };
        let source = Source::read(self.folder.path()).unwrap();
        assert!(source.is_python());
        let built = source.build(engine, &Told { step: &tell, note: &tell }, false)?;
        println!("{:6.2} done, {} bytes", began.elapsed().as_secs_f64(), fs::metadata(&built.file).unwrap().len());
        let packages = source.packages().unwrap();
        source.assemble(engine, &built, &packages)?;
        Ok(source.place(&packages))
    }

    fn refused(&self, engine: Engine) -> String {
        let error = self.build(engine).unwrap_err().to_string();
        println!("{error}");
        error
    }

    fn was_told(&self, text: &str) -> bool {
        self.told.borrow().iter().any(|told| told.contains(text))
    }
}

#[test]
fn pure_forms_late_imports_and_the_cache() {
    // Native code on an ordinary machine; none of it here. What `late` imports, nothing else does.
    let late = "
import aiohttp, multidict, yaml, google.protobuf
from importlib import metadata
assert metadata.version('cryptography')
import os
assert 'IGLOO_TEST_SECRET' not in os.environ
def late():
    import colorsys
    import wave_of_mine
";
    let project = Project::new(&["aiohttp", "pyyaml", "protobuf", "cryptography", "dsmr-parser", "zeroconf"], late);
    project.write("src/wave_of_mine.py", "import sys\nassert 'colorsys' in sys.modules\n");
    let package = project.build(Engine::Component).unwrap();
    let component = fs::read(package.join("lamp.wasm")).unwrap();
    assert!(component.starts_with(b"\0asm\x0d\0\x01\0"));
    // Again: from the cache, no index.
    project.write("src/wave_of_mine.py", "import sys\n");
    project.build(Engine::Component).unwrap();
    assert!(!project.was_told("Resolving") && project.was_told("Making"));
    // A late import of the author's own must succeed.
    project.write("src/wave_of_mine.py", "import no_such_module\n");
    let error = project.refused(Engine::Component);
    assert!(error.contains("no_such_module") && error.contains("pyproject.toml"), "{error}");
    assert!(error.contains("src/wave_of_mine.py\", line 1"), "{error}");
}

#[test]
fn native_code_is_refused_by_name() {
    let error = Project::new(&["pydantic", "numpy"], "").refused(Engine::Component);
    for text in ["pydantic_core", "which pydantic requires", "numpy", ".whl", "engine = \"process\""] {
        assert!(error.contains(text), "{text}: {error}");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let error = Project::new(&["no-such-package-of-anybodys"], "").refused(Engine::Component);
    assert!(error.contains("no-such-package-of-anybodys"), "{error}");
    let error = Project::new(&["cryptography<3"], "").refused(Engine::Component);
    assert!(error.contains("Igloo itself brings"), "{error}");
    let error = Project::new(&[], "def f():\n    raise OSError('no network')\nf()").refused(Engine::Component);
    assert!(error.contains("in f") && error.contains("`run`") && !error.contains("igloo_entry"), "{error}");
    let error = Project::new(&[], "def f(:").refused(Engine::Component);
    assert!(error.contains("SyntaxError") && error.contains("src/lamp.py"), "{error}");
}

#[test]
fn a_process_has_native_code_and_its_own_packages() {
    let module = "import numpy, google.protobuf\nassert numpy.arange(3).sum() == 3\nprint('imported', numpy.__file__)";
    let project = Project::new(&["numpy", "protobuf"], module);
    let package = project.build(Engine::Process).unwrap();
    let executable = package.join("lamp");
    assert_eq!(fs::metadata(&executable).unwrap().permissions().mode() & 0o777, 0o755);
    unpack(&package.join("lamp.tar"), &package.join("files"));
    // Without a hub it says what it is; its module is imported all the same by the interpreter of the program.
    let files = package.join("files");
    let run = format!(
        "import sys; sys.path[:0] = [{:?}, {:?}, {:?}]; import lamp",
        files.join("provider"),
        files.join("sdk"),
        files.join("lib")
    );
    let output = Command::new("/usr/bin/python3").args(["-ISB", "-c", &run]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("imported") && text.contains("files/lib/numpy"), "{text}");
    let output = Command::new(&executable).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("This is an Igloo provider"), "{text}");
}

fn unpack(archive: &Path, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    assert!(Command::new("tar").arg("xf").arg(archive).arg("-C").arg(folder).status().unwrap().success());
}
