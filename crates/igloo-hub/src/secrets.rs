//! Which parts of a configuration are secret: properties whose schema says `writeOnly: true` or `format: "password"`.
//!
//! They are shown as `•••`, replaced wherever a provider says them, and kept where an owner sends `•••` back.

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::Value as Json;

/// What stands for a secret.
pub(crate) const HIDDEN: &str = "•••";

/// Texts of up to so many bytes are not replaced in lines: they would stand everywhere.
const SHORT: usize = 3;

/// How deep a schema is followed; deeper parts are taken to be secret.
const DEPTH: usize = 32;
/// How many parts of schemas are looked at; where a schema has more, all of the configuration is taken to be secret.
const VISITS: usize = 10_000;

/// The secret texts of one configuration, longest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// The secrets in a configuration.
    pub(crate) fn find(schema: Option<&Json>, config: &Json) -> Self {
        let mut found = Vec::new();
        for place in places(schema, config) {
            if let Some(secret) = config.pointer(&place) {
                texts(secret, &mut found);
            }
        }
        found.retain(|text| text.len() > SHORT);
        found.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
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

/// The configuration with its secrets hidden.
pub(crate) fn hide(schema: Option<&Json>, config: &Json) -> Json {
    let mut shown = config.clone();
    for place in places(schema, config) {
        if let Some(secret) = shown.pointer_mut(&place).filter(|secret| !secret.is_null()) {
            *secret = Json::from(HIDDEN);
        }
    }
    shown
}

/// Puts the known secrets where a new configuration says `•••`, so that an owner can send back what was shown.
pub(crate) fn keep_hidden(schema: Option<&Json>, new: &mut Json, known: &Json) {
    for place in places(schema, new) {
        if let Some(secret) = new.pointer_mut(&place).filter(|secret| **secret == HIDDEN)
            && let Some(known) = known.pointer(&place)
        {
            *secret = known.clone();
        }
    }
}

/// Where the secrets are in a configuration, as JSON pointers.
fn places(schema: Option<&Json>, config: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(schema) = schema {
        let mut search = Search { root: schema, found: &mut found, left: VISITS };
        search.visit(schema, config, "", 0);
        if search.left == 0 {
            return BTreeSet::from([String::new()]);
        }
    }
    found
}

struct Search<'a> {
    root: &'a Json,
    found: &'a mut BTreeSet<String>,
    left: usize,
}

impl Search<'_> {
    /// Looks at a part of a configuration as a part of the schema describes it.
    fn visit(&mut self, schema: &Json, config: &Json, place: &str, depth: usize) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let is_secret = schema.get("writeOnly") == Some(&Json::Bool(true))
            || schema.get("format").is_some_and(|format| format == "password");
        if is_secret || depth > DEPTH {
            self.found.insert(place.to_owned());
            return;
        }
        // Other schemas of the same part. Those that do not hold for it only hide too much.
        let reference = schema.get("$ref").and_then(Json::as_str).and_then(|to| to.strip_prefix('#'));
        let referred = reference.and_then(|pointer| self.root.pointer(pointer));
        let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
        let branches = ["then", "else"].into_iter().filter_map(|key| schema.get(key));
        for other in referred.into_iter().chain(lists).chain(branches) {
            self.visit(other, config, place, depth + 1);
        }
        for (name, value) in config.as_object().into_iter().flatten() {
            let property = schema.get("properties").and_then(|properties| properties.get(name));
            if let Some(property) = property.or_else(|| schema.get("additionalProperties")) {
                let name = name.replace('~', "~0").replace('/', "~1");
                self.visit(property, value, &format!("{place}/{name}"), depth + 1);
            }
        }
        for (index, value) in config.as_array().into_iter().flatten().enumerate() {
            let prefix = schema.get("prefixItems").and_then(|items| items.get(index));
            if let Some(item) = prefix.or_else(|| schema.get("items")) {
                self.visit(item, value, &format!("{place}/{index}"), depth + 1);
            }
        }
    }
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

    #[test]
    fn secrets_are_found_through_every_kind_of_schema() {
        let schema = json!({
            "$defs": {"secret": {"type": "string", "writeOnly": true}, "loop": {"$ref": "#/$defs/loop"}},
            "properties": {
                "a/b": {"$ref": "#/$defs/secret"},
                "either": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/secret"}]},
                "pair": {"prefixItems": [{"type": "string"}, {"format": "password"}]},
                "endless": {"$ref": "#/$defs/loop"},
            },
            "additionalProperties": {"properties": {"key": {"writeOnly": true}}},
        });
        let config = json!({
            "a/b": "one", "either": "two", "pair": ["user", "three"], "endless": "four", "other": {"key": "five"}
        });
        assert_eq!(
            hide(Some(&schema), &config),
            json!({"a/b": "•••", "either": "•••", "pair": ["user", "•••"], "endless": "•••", "other": {"key": "•••"}})
        );
        assert_eq!(hide(None, &config), config);
        // A hostile one costs little, and tells nothing.
        let itself = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]});
        assert_eq!(hide(Some(&itself), &config), HIDDEN);
    }
}
