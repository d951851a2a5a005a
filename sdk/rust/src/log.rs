//! Lines for the provider's log, which its owner reads in the hub. `println!` and `eprintln!` end up there too.

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are conventional")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

#[doc(hidden)]
pub fn log(level: Level, message: std::fmt::Arguments<'_>) {
    match message.as_str() {
        Some(text) => crate::host::log(level, text),
        None => crate::host::log(level, &message.to_string()),
    }
}

macro_rules! level_macros {
    ($d:tt $($name:ident $level:ident $doc:literal;)*) => {$(
        #[doc = $doc]
        #[macro_export]
        macro_rules! $name {
            ($d($d arg:tt)+) => { $d crate::__private::log($d crate::Level::$level, ::core::format_args!($d($d arg)+)) };
        }
    )*};
}

level_macros! { $
    trace Trace "Logs a line for whoever debugs the provider step by step.";
    debug Debug "Logs a line for whoever debugs the provider.";
    info Info "Logs a line for the owner.";
    warn Warn "Logs a line about something that is not right.";
    error Error "Logs a line about something that failed.";
}
