//! Reads what was typed in a step, field by field: every fault with its sentence, and reading goes on.

use super::Typed;

/// A field that is to be corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub field: String,
    pub sentence: String,
}

/// Reads the fields of one step; every bad one leaves its sentence and reading goes on.
pub(super) struct Reader<'a> {
    typed: Option<&'a Typed>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) const fn of(typed: Option<&'a Typed>) -> Self {
        Reader { typed, faults: Vec::new() }
    }

    pub(super) fn get(&self, field: &str) -> &'a str {
        self.typed.and_then(|typed| typed.get(field)).and_then(|values| values.first()).map_or("", |text| text.trim())
    }

    pub(super) fn all(&self, field: &str) -> Vec<&'a str> {
        self.typed
            .and_then(|typed| typed.get(field))
            .map(|values| values.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect())
            .unwrap_or_default()
    }

    pub(super) fn refuse(&mut self, field: &str, sentence: impl Into<String>) {
        self.faults.push(Fault { field: field.to_owned(), sentence: sentence.into() });
    }

    pub(super) fn required<T, E: ToString>(
        &mut self,
        field: &str,
        missing: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.get(field);
        if text.is_empty() {
            self.refuse(field, missing);
            return None;
        }
        self.keep(field, parse(text))
    }

    /// Blank is `Some(None)`; only a wrong text is `None`.
    #[allow(clippy::option_option)]
    pub(super) fn optional<T, E: ToString>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let text = self.get(field);
        if text.is_empty() { Some(None) } else { self.keep(field, parse(text)).map(Some) }
    }

    pub(super) fn text(&mut self, field: &str, missing: &str, limit: usize) -> Option<String> {
        self.required(field, missing, |text| one_line(text, limit))
    }

    pub(super) fn choice<'c>(&mut self, field: &str, missing: &str, choices: &[&'c str]) -> Option<&'c str> {
        let text = self.get(field);
        let found = choices.iter().find(|choice| **choice == text).copied();
        if found.is_none() {
            self.refuse(field, missing);
        }
        found
    }

    pub(super) fn keep<T, E: ToString>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(sentence) => {
                self.refuse(field, sentence.to_string());
                None
            }
        }
    }
}

/// Blanks and line ends become one space.
pub(super) fn one_line(text: &str, limit: usize) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = text.chars().count();
    if length > limit {
        return Err(format!("Ce texte compte {length}\u{a0}caractères\u{a0}: raccourcissez-le à {limit} au plus."));
    }
    if let Some(strange) = text.chars().find(|c| c.is_control()) {
        return Err(format!("Ce texte contient un caractère interdit (U+{:04X})\u{a0}: retapez-le.", strange as u32));
    }
    Ok(text)
}
