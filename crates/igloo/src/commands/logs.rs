//! What providers log.

use igloo_api::wire::{LogLine, LogMessage};

use super::Context;
use crate::{
    output::{Output, Text, Tone},
    show,
};

/// `igloo logs`.
pub(super) async fn logs(context: &Context, name: Option<&str>, follow: bool, last: usize) -> anyhow::Result<()> {
    let last = last.to_string();
    let of: Vec<(&str, &str)> = name.map(|name| ("instance", name)).into_iter().collect();
    // Following begins before the old lines are asked for, so that none falls between; those that come twice are
    // recognised.
    let messages = if follow { Some(context.client.follow(&["logs", "follow"], &of).await?) } else { None };
    let mut query = of.clone();
    query.push(("last", &last));
    let lines: Vec<LogLine> = context.client.get(&["logs"], &query).await?;
    if context.output.json && !follow {
        return context.output.json(&lines);
    }
    for line in &lines {
        show_line(context, line)?;
    }
    if lines.is_empty() && !follow {
        context.output.note("Nothing was logged since the hub started.");
    }
    let Some(mut messages) = messages else { return Ok(()) };
    let newest = lines.last().cloned();
    let mut old = newest.is_some();
    while let Some(text) = messages.next().await {
        match serde_json::from_str(&text) {
            Ok(LogMessage::Line { line }) => {
                old = old && newest.as_ref().is_some_and(|newest| line.time <= newest.time);
                if !old {
                    show_line(context, &line)?;
                }
            }
            Ok(LogMessage::Lost { lines }) => {
                context.output.warn(format!("{lines} lines were lost: this reader was too slow"));
            }
            Err(_) => {}
        }
    }
    context.output.note("The hub is gone.");
    Ok(())
}

fn show_line(context: &Context, line: &LogLine) -> anyhow::Result<()> {
    if context.output.json {
        return context.output.json_line(line);
    }
    print(context.output, line);
    Ok(())
}

/// What stands before each further line of a text, such as a traceback's: under the time, and not to be mistaken for
/// what others logged.
const FURTHER: &str = "              │ ";

/// A log line, for people.
pub(super) fn print(output: Output, line: &LogLine) {
    for pieces in lines(line) {
        output.pieces(&pieces);
    }
}

/// One line on the screen for each of its text.
fn lines(line: &LogLine) -> impl Iterator<Item = Vec<Text>> {
    let tone = match line.level.as_str() {
        "error" => Tone::Bad,
        "warn" => Tone::Warning,
        "debug" | "trace" => Tone::Faint,
        _ => Tone::Plain,
    };
    let by = if line.source == "hub" { " hub:" } else { "" };
    let mut texts = line.text.lines();
    let first = vec![
        Text::new(format!("{}  ", show::clock(&line.time)), Tone::Faint),
        Text::new(format!("{:<5} ", line.level), tone),
        Text::new(&line.instance, Tone::Strong),
        Text::new(by, Tone::Faint),
        Text::from(format!("  {}", texts.next().unwrap_or_default())),
    ];
    std::iter::once(first).chain(texts.map(|text| vec![Text::new(FURTHER, Tone::Faint), Text::from(text)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_has_its_lines_and_cannot_pass_for_others() {
        let line = LogLine {
            time: "2026-11-25T08:00:00.123Z".to_owned(),
            instance: "lamp".to_owned(),
            level: "error".to_owned(),
            source: "provider".to_owned(),
            text: "it failed\n  File \"a.py\", line 1\n\n08:00:00.000  info  door  open\u{1b}[2K".to_owned(),
        };
        let shown: Vec<String> =
            lines(&line).map(|pieces| pieces.iter().map(ToString::to_string).collect::<String>()).collect();
        assert!(shown[0].ends_with("error lamp  it failed"), "{shown:?}");
        assert_eq!(
            shown[1..],
            [
                "              │   File \"a.py\", line 1",
                "              │ ",
                "              │ 08:00:00.000  info  door  open\\u{1b}[2K",
            ]
        );
    }
}
