//! Everything that is printed goes through here.
//!
//! Text that comes from a provider is escaped, so that it cannot move the cursor, hide or recolour anything. Colours are
//! for terminals only (and not where `NO_COLOR` is set). A reader that goes away (`igloo devices | head`) ends the
//! command quietly.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, Width, presets};
use owo_colors::{OwoColorize, Style};
use serde::Serialize;

/// How something is meant, for colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// A heading, a name.
    Strong,
    /// Of less interest.
    Faint,
    /// All is well.
    Good,
    /// Look at this.
    Warning,
    /// Something is wrong.
    Bad,
}

/// A piece of a line or of a table, with its tone.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    text: String,
    tone: Tone,
}

impl Text {
    /// Text, escaped, in a tone.
    pub(crate) fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: escape(text.as_ref()), tone }
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T: AsRef<str>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// For programs.
    pub(crate) json: bool,
    color: bool,
    color_errors: bool,
    terminal: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let terminal = io::stdout().is_terminal();
        Self { json, color: wanted && terminal, color_errors: wanted && io::stderr().is_terminal(), terminal }
    }

    /// A line of text.
    pub(crate) fn line(self, text: impl Into<Text>) {
        self.pieces(&[text.into()]);
    }

    /// A line of pieces, each in its tone, with nothing between them.
    pub(crate) fn pieces(self, pieces: &[Text]) {
        let line: String = pieces.iter().map(|piece| paint(&piece.text, piece.tone, self.color)).collect();
        write(io::stdout(), line.trim_end());
    }

    /// A JSON document, indented.
    pub(crate) fn json(self, value: &impl Serialize) -> anyhow::Result<()> {
        write(io::stdout(), &serde_json::to_string_pretty(value)?);
        Ok(())
    }

    /// A JSON document on one line.
    pub(crate) fn json_line(self, value: &impl Serialize) -> anyhow::Result<()> {
        write(io::stdout(), &serde_json::to_string(value)?);
        Ok(())
    }

    /// Bytes as they are: a completion script, not a provider's words.
    pub(crate) fn raw(self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        end_quietly(&stdout.write_all(bytes).and_then(|()| stdout.flush()));
    }

    /// A table; without a header if all of it is empty. Columns are as wide as they need to be; on a terminal, the last one wraps.
    pub(crate) fn table<const COLUMNS: usize>(
        self,
        header: [&str; COLUMNS],
        rows: impl IntoIterator<Item = [Text; COLUMNS]>,
    ) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.force_no_tty().set_content_arrangement(ContentArrangement::Disabled);
        }
        if self.color {
            table.enforce_styling();
        }
        if header.iter().any(|name| !name.is_empty()) {
            table.set_header(header.map(|name| cell(&Text::new(name, Tone::Faint), self.color)));
        }
        for row in rows {
            table.add_row(row.iter().map(|text| cell(text, self.color)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        // Only the last column gives way.
        let widths = table.column_max_content_widths();
        for (column, width) in table.column_iter_mut().zip(widths).take(COLUMNS.saturating_sub(1)) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed((width + 2).min(48))));
        }
        for line in table.to_string().lines() {
            write(io::stdout(), line.trim_end());
        }
    }

    /// Something on the side: progress, hints. To the error stream, so that it does not mix with results.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        write(io::stderr(), paint(&escape(text.as_ref()), Tone::Faint, self.color_errors));
    }

    /// Something the owner should look at.
    pub(crate) fn warn(self, text: impl AsRef<str>) {
        let text = format!("{} {}", paint("warning:", Tone::Warning, self.color_errors), escape(text.as_ref()));
        write(io::stderr(), &text);
    }

    /// What went wrong, and the way out.
    pub(crate) fn error(self, text: impl AsRef<str>, way_out: Option<&str>) {
        let mut lines = escape_lines(text.as_ref());
        if let Some(way_out) = way_out {
            lines = format!("{lines}\n  {} {}", paint("try:", Tone::Strong, self.color_errors), escape_lines(way_out));
        }
        write(io::stderr(), format!("{} {lines}", paint("error:", Tone::Bad, self.color_errors)));
    }

    /// Whether there is somebody to ask.
    pub(crate) fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal() && !self.json
    }

    /// Asks a question on the terminal; answers what was typed, without spaces around it.
    pub(crate) fn ask(self, question: &str) -> anyhow::Result<String> {
        let mut stderr = io::stderr().lock();
        write!(stderr, "{} ", paint(&escape_lines(question), Tone::Strong, self.color_errors))?;
        stderr.flush()?;
        let mut answer = String::new();
        anyhow::ensure!(io::stdin().read_line(&mut answer)? > 0, "there was no answer");
        Ok(answer.trim().to_owned())
    }
}

fn cell(text: &Text, color: bool) -> Cell {
    let cell = Cell::new(&text.text);
    if !color {
        return cell;
    }
    match text.tone {
        Tone::Plain => cell,
        Tone::Strong => cell.add_attribute(comfy_table::Attribute::Bold),
        Tone::Faint => cell.add_attribute(comfy_table::Attribute::Dim),
        Tone::Good => cell.fg(comfy_table::Color::Green),
        Tone::Warning => cell.fg(comfy_table::Color::Yellow),
        Tone::Bad => cell.fg(comfy_table::Color::Red),
    }
}

fn paint(text: &str, tone: Tone, color: bool) -> String {
    let style = Style::new();
    let style = match tone {
        _ if !color => return text.to_owned(),
        Tone::Plain => return text.to_owned(),
        Tone::Strong => style.bold(),
        Tone::Faint => style.dimmed(),
        Tone::Good => style.green(),
        Tone::Warning => style.yellow(),
        Tone::Bad => style.red().bold(),
    };
    text.style(style).to_string()
}

/// Makes text from elsewhere harmless: control characters, and those that hide or reorder text, become visible.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_deceptive(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// The same for text whose lines are meant.
fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Characters without width and those that change the direction of text.
fn is_deceptive(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn write(mut stream: impl Write, line: impl Display) {
    end_quietly(&writeln!(stream, "{line}"));
}

/// Ends the command where nobody reads any more.
fn end_quietly(written: &io::Result<()>) {
    if written.is_err() {
        std::process::exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_shown_as_text() {
        assert_eq!(
            escape("\u{1b}[2J\u{7}\r\nhi\u{202e}\u{200b}\u{9b}1m"),
            "\\u{1b}[2J\\u{7}\\r\\nhi\\u{202e}\\u{200b}\\u{9b}1m"
        );
        assert_eq!(escape("Käse – 5 °C ✓"), "Käse – 5 °C ✓");
    }
}
