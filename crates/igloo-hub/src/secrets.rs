//! Which parts of a configuration are secret: properties whose schema says `writeOnly: true` or `format: "password"`.
//!
//! They are shown as `•••`, replaced wherever a provider says them, and kept where an owner sends `•••` back.

use std::borrow::Cow;

use serde_json::Value as Json;

/// What stands for a secret.
pub(crate) const HIDDEN: &str = "•••";

/// Texts of up to so many bytes are not replaced in lines: they would stand everywhere.
const SHORT: usize = 3;

/// The secret texts of one configuration, longest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// The secrets in a configuration.
    pub(crate) fn find(schema: Option<&Json>, config: &Json) -> Self {
        let mut found = Vec::new();
        if let Some(schema) = schema {
            collect(schema, config, &mut found);
        }
        found.retain(|text| text.len() > SHORT);
        found.sort_by_key(|text| std::cmp::Reverse(text.len()));
        found.dedup();
        Self(found)
    }

    /// Replaces every secret in a text.
    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), HIDDEN));
            }
        }
        text
    }

    /// Bytes in the longest one.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }
}

fn is_secret(schema: &Json) -> bool {
    schema.get("writeOnly") == Some(&Json::Bool(true))
        || schema.get("format").is_some_and(|format| format == "password")
}

/// Calls `visit` for each part of a configuration that its schema describes, with that schema.
fn parts<'a>(schema: &'a Json, config: &'a Json, visit: &mut impl FnMut(&'a Json, &'a Json)) {
    visit(schema, config);
    if let (Some(properties), Some(object)) = (schema.get("properties").and_then(Json::as_object), config.as_object()) {
        for (name, property) in properties {
            if let Some(value) = object.get(name) {
                parts(property, value, visit);
            }
        }
    }
    if let (Some(item), Some(list)) = (schema.get("items"), config.as_array()) {
        for value in list {
            parts(item, value, visit);
        }
    }
}

fn collect(schema: &Json, config: &Json, found: &mut Vec<String>) {
    parts(schema, config, &mut |schema, config| {
        if is_secret(schema) {
            texts(config, found);
        }
    });
}

/// Every text in a secret, whatever it is made of.
fn texts(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::String(text) => found.push(text.clone()),
        Json::Number(number) => found.push(number.to_string()),
        Json::Array(list) => list.iter().for_each(|item| texts(item, found)),
        Json::Object(object) => object.values().for_each(|item| texts(item, found)),
        Json::Null | Json::Bool(_) => {}
    }
}

/// The configuration with its secrets hidden.
pub(crate) fn hide(schema: Option<&Json>, config: &Json) -> Json {
    let Some(schema) = schema else { return config.clone() };
    if is_secret(schema) && !config.is_null() {
        return Json::from(HIDDEN);
    }
    let mut shown = config.clone();
    if let (Some(properties), Some(object)) =
        (schema.get("properties").and_then(Json::as_object), shown.as_object_mut())
    {
        for (name, property) in properties {
            if let Some(value) = object.get_mut(name) {
                *value = hide(Some(property), value);
            }
        }
    }
    if let (Some(item), Some(list)) = (schema.get("items"), shown.as_array_mut()) {
        for value in list {
            *value = hide(Some(item), value);
        }
    }
    shown
}

/// Puts the known secrets where a new configuration says `•••`, so that an owner can send back what was shown.
pub(crate) fn keep_hidden(schema: Option<&Json>, new: &mut Json, known: &Json) {
    let Some(schema) = schema else { return };
    if is_secret(schema) {
        if new == HIDDEN {
            *new = known.clone();
        }
        return;
    }
    if let (Some(properties), Some(object)) = (schema.get("properties").and_then(Json::as_object), new.as_object_mut())
    {
        for (name, property) in properties {
            if let (Some(value), Some(known)) = (object.get_mut(name), known.get(name)) {
                keep_hidden(Some(property), value, known);
            }
        }
    }
    if let (Some(item), Some(list)) = (schema.get("items"), new.as_array_mut()) {
        for (index, value) in list.iter_mut().enumerate() {
            if let Some(known) = known.get(index) {
                keep_hidden(Some(item), value, known);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_replaced_and_kept() {
        let schema = json!({"type": "object", "properties": {
            "host": {"type": "string"},
            "password": {"type": "string", "format": "password"},
            "accounts": {"type": "array", "items": {"properties": {"pin": {"writeOnly": true}}}},
        }});
        let config = json!({"host": "lamp", "password": "s3cret", "accounts": [{"pin": 12345, "name": "ann"}]});
        let shown = hide(Some(&schema), &config);
        assert_eq!(shown, json!({"host": "lamp", "password": "•••", "accounts": [{"pin": "•••", "name": "ann"}]}));

        let secrets = Secrets::find(Some(&schema), &config);
        assert_eq!(secrets.redact("s3cret and 12345 on lamp"), "••• and ••• on lamp");

        let mut sent_back = shown;
        sent_back["host"] = json!("lamp2");
        keep_hidden(Some(&schema), &mut sent_back, &config);
        assert_eq!(
            sent_back,
            json!({"host": "lamp2", "password": "s3cret", "accounts": [{"pin": 12345, "name": "ann"}]})
        );
    }

    #[test]
    fn short_secrets_do_not_blot_out_lines() {
        let schema = json!({"properties": {"pin": {"writeOnly": true}}});
        let secrets = Secrets::find(Some(&schema), &json!({"pin": "1"}));
        assert_eq!(secrets.redact("11:01"), "11:01");
    }
}
