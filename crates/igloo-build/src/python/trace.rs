//! What went wrong while a component's modules were imported, as its author should see it.

use std::path::{Path, PathBuf};

use super::{project::Project, sdk::Sdk};
use crate::Error;

/// Modules of CPython's standard library that CPython leaves out on WASI (Lib/test/support, Doc/library/intro:
/// "WebAssembly platforms"), and that the runtime has nothing for.
const NOT_THERE: [&str; 10] = [
    "_ctypes",
    "_curses",
    "_dbm",
    "_multiprocessing",
    "_posixshmem",
    "_posixsubprocess",
    "_sqlite3",
    "_tkinter",
    "mmap",
    "tkinter",
];

/// An error from componentize-py's. `path` is what it was given as folders to import from, in order.
pub(super) fn explain(text: &str, path: &[PathBuf], project: &Project, sdk: &Sdk) -> Error {
    let Some(trace) = Trace::read(text) else {
        return Error::Program { program: "componentize-py".to_owned(), text: text.to_owned() };
    };
    let author = path.iter().rev().nth(1);
    let mut shown = String::new();
    let mut module = String::new();
    for frame in &trace.frames {
        let Some(file) = on_disk(&frame.file, path) else { continue };
        let own = author.and_then(|author| file.strip_prefix(author).ok().map(Path::to_owned));
        let is_bundle = path.last().is_some_and(|bundle| file.starts_with(bundle));
        // Between two of the author's, and up to the place where it failed; never the interpreter's or ours.
        if sdk.contains(&file) || !(own.is_some() || is_bundle) {
            continue;
        }
        let place = match &own {
            Some(inside) => project.sources().join(inside),
            None => path.last().and_then(|bundle| file.strip_prefix(bundle).ok()).unwrap_or(&file).to_owned(),
        };
        module = place.display().to_string();
        shown += &format!("  File \"{}\", line {}, in {}\n", place.display(), frame.line, frame.function);
        for line in &frame.text {
            shown += &format!("    {line}\n");
        }
    }
    Error::Import {
        module: project.module.clone(),
        traceback: format!("{shown}{}", trace.error),
        remedy: remedy(&trace.error, &module),
    }
}

/// What most likely helps.
fn remedy(error: &str, module: &str) -> String {
    let missing = error.split('\'').nth(1).filter(|_| error.starts_with("ModuleNotFoundError"));
    if let Some(name) = missing {
        let top = name.split('.').next().unwrap_or(name);
        return if NOT_THERE.contains(&top) {
            format!(
                "a component has no `{top}`: import it only where it is needed and do without it there, or build for \
                 the process engine (`engine = \"process\"`, `executable = \"…\"` in [provider])"
            )
        } else {
            format!("add what has `{top}` to `dependencies` in pyproject.toml")
        };
    }
    let kind = error.split(':').next().unwrap_or(error);
    match kind {
        "SyntaxError" | "IndentationError" => format!("mend {module}"),
        "OSError" | "PermissionError" | "ConnectionError" | "ConnectionRefusedError" | "TimeoutError" => {
            "modules are imported when the component is built, where there is no network, no device and no file: \
             do this in `run`"
                .to_owned()
        }
        "FileNotFoundError" => {
            "modules are imported when the component is built: a file is found beside the module, and only then; read \
             it while the module is imported, or get it from the configuration"
                .to_owned()
        }
        "AttributeError" => "a component's CPython lacks what WASI lacks (processes, threads, signals, users): see \
             docs/python-packages.md, or build for the process engine"
            .to_owned(),
        _ => "modules are imported when the component is built, each once: this must work without the hub".to_owned(),
    }
}

struct Trace {
    frames: Vec<Frame>,
    /// The exception: its type and text, and what a syntax error shows.
    error: String,
}

struct Frame {
    file: String,
    line: String,
    function: String,
    text: Vec<String>,
}

impl Trace {
    /// The last traceback in a text: CPython prints causes first.
    fn read(text: &str) -> Option<Self> {
        const BEGIN: &str = "Traceback (most recent call last):\n";
        // componentize-py's own Python frames come before, its own list of causes after.
        let inside = &text[text.find("AssertionError: ").unwrap_or_default()..];
        let inside = inside.split("\n\nCaused by:").next().unwrap_or(inside);
        let body = &inside[inside.rfind(BEGIN)? + BEGIN.len()..];
        let (mut frames, mut error): (Vec<Frame>, Vec<&str>) = (Vec::new(), Vec::new());
        for line in body.lines() {
            if let Some((file, line, function)) = frame(line) {
                frames.push(Frame { file, line, function, text: Vec::new() });
            } else if !error.is_empty() || !line.starts_with(' ') {
                error.push(line);
            } else if let Some(last) = frames.last_mut() {
                // The marks below a line say nothing that the line does not.
                if !line.trim().chars().all(|c| c == '^' || c == '~') {
                    last.text.push(line.trim().to_owned());
                }
            }
        }
        let error = error.join("\n").trim().to_owned();
        (!error.is_empty()).then_some(Self { frames, error })
    }
}

/// `  File "/0/a.py", line 3, in f`; a syntax error has no function.
fn frame(line: &str) -> Option<(String, String, String)> {
    let (file, rest) = line.strip_prefix("  File \"")?.split_once("\", line ")?;
    let (number, function) = rest.split_once(", in ").unwrap_or((rest, "<module>"));
    Some((file.to_owned(), number.to_owned(), function.to_owned()))
}

/// componentize-py shows the folders that it was given as `/0`, `/1`…
fn on_disk(file: &str, path: &[PathBuf]) -> Option<PathBuf> {
    let (number, inside) = file.strip_prefix('/')?.split_once('/')?;
    Some(path.get(number.parse::<usize>().ok()?)?.join(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"Traceback (most recent call last):
  File "/v/bin/componentize-py", line 8, in <module>
    sys.exit(script())
             ^^^^^^^^
AssertionError: Traceback (most recent call last):
  File "/0/igloo_entry.py", line 4, in <module>
    import lamp
  File "/1/lamp.py", line 4, in <module>
    f()
    ~^^
  File "/2/dep/__init__.py", line 3, in f
    import nosuch
ModuleNotFoundError: No module named 'nosuch'


Caused by:
    ModuleNotFoundError: No module named 'nosuch'"#;

    #[test]
    fn only_the_authors_frames_and_where_it_failed() {
        let trace = Trace::read(TEXT).unwrap();
        assert_eq!(trace.error, "ModuleNotFoundError: No module named 'nosuch'");
        let places: Vec<&str> = trace.frames.iter().map(|frame| frame.file.as_str()).collect();
        assert_eq!(places, ["/0/igloo_entry.py", "/1/lamp.py", "/2/dep/__init__.py"]);
        assert_eq!(trace.frames[1].text, ["f()"]);
        let path: Vec<PathBuf> = ["/e", "/a", "/b"].map(PathBuf::from).into();
        assert_eq!(on_disk("/1/lamp.py", &path), Some("/a/lamp.py".into()));
        assert_eq!(on_disk("/python/lib/x.py", &path), None);
    }

    #[test]
    fn remedies() {
        assert!(remedy("ModuleNotFoundError: No module named 'a.b'", "x").contains("what has `a`"));
        assert!(remedy("ModuleNotFoundError: No module named '_sqlite3'", "x").contains("process engine"));
        assert!(remedy("OSError: [Errno 8]", "x").contains("`run`"));
        assert!(Trace::read("error: no such world").is_none());
    }
}
