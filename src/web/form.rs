//! Forms that never lose what was typed. `RawForm` is what came in, as text, in order; `Reading` turns it
//! into values and collects one sentence per bad field; `Form` shows it all again, with status 422.
//! It reads `application/x-www-form-urlencoded` and `multipart/form-data`, in UTF-8 only.

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use unicode_normalization::UnicodeNormalization;

use super::error::AppError;

/// A file received with a form, held in memory: the limit of the route bounds it.
#[derive(Debug, Clone)]
pub struct UploadedFile {
    pub field: String,
    /// As the browser said it: never a path to write to.
    pub name: String,
    pub bytes: Bytes,
}

/// What a form sent: every field as text, in order, repeated names kept.
#[derive(Debug, Clone, Default)]
pub struct RawForm {
    fields: Vec<(String, String)>,
    files: Vec<UploadedFile>,
}

impl RawForm {
    /// First value of a field, `""` when absent: an absent field and an empty one are the same to an office.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or("")
    }

    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a repeated field, in order: ticked boxes, selected rows.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// First value without the blanks around it.
    #[must_use]
    pub fn trimmed(&self, name: &str) -> &str {
        self.get(name).trim()
    }

    /// The file of a field, unless none was chosen.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&UploadedFile> {
        self.files.iter().find(|file| file.field == name)
    }

    #[must_use]
    pub fn files(&self, name: &str) -> Vec<&UploadedFile> {
        self.files.iter().filter(|file| file.field == name).collect()
    }

    /// The names of all the files, as the browser said them.
    pub fn file_names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Starting values of a form shown for the first time.
    #[must_use]
    pub fn of<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        let fields = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        RawForm { fields, files: Vec::new() }
    }

    /// Adds a value, as if it had been typed.
    pub fn push(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    /// The same reading for the filters of a list, from the address.
    pub fn from_query(query: Option<&str>) -> Result<Self, AppError> {
        Self::from_urlencoded(query.unwrap_or("").as_bytes())
    }

    fn from_urlencoded(body: &[u8]) -> Result<Self, AppError> {
        let mut fields = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let cut = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let value = pair.get(cut + 1..).unwrap_or(b"");
            fields.push((decoded(&pair[..cut])?, decoded(value)?));
        }
        Ok(RawForm { fields, files: Vec::new() })
    }

    async fn from_multipart(mut parts: Multipart) -> Result<Self, AppError> {
        let mut form = RawForm::default();
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            let field = part.name().unwrap_or("").to_owned();
            let file_name = part.file_name().map(str::to_owned);
            let bytes = part.bytes().await.map_err(broken)?;
            match file_name {
                // A file field left empty arrives as an empty file without a name.
                Some(name) if name.is_empty() && bytes.is_empty() => {}
                Some(name) => form.files.push(UploadedFile { field, name: clean(name)?, bytes }),
                None => {
                    let text = String::from_utf8(bytes.to_vec()).map_err(|_| wrong_alphabet())?;
                    form.fields.push((field, clean(text)?));
                }
            }
        }
        Ok(form)
    }
}

impl<S: Send + Sync> FromRequest<S> for RawForm {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        match BodyKind::of(request.headers())? {
            BodyKind::UrlEncoded => {
                let bytes = Bytes::from_request(request, state)
                    .await
                    .map_err(|cause| AppError::bad_request("L’envoi a été interrompu.").because(cause))?;
                Self::from_urlencoded(&bytes)
            }
            BodyKind::Multipart => {
                let parts = Multipart::from_request(request, state).await.map_err(broken)?;
                Self::from_multipart(parts).await
            }
        }
    }
}

/// The two ways a browser sends a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    UrlEncoded,
    Multipart,
}

impl BodyKind {
    pub fn of(headers: &HeaderMap) -> Result<Self, AppError> {
        let Some(kind) = headers.get(header::CONTENT_TYPE) else {
            // A form without any field has no type.
            return Ok(BodyKind::UrlEncoded);
        };
        let kind = kind.to_str().unwrap_or("").to_ascii_lowercase();
        if kind.contains("charset=") && !kind.contains("charset=utf-8") && !kind.contains("charset=\"utf-8") {
            return Err(wrong_alphabet());
        }
        match kind.split(';').next().map(str::trim) {
            Some("application/x-www-form-urlencoded") => Ok(BodyKind::UrlEncoded),
            Some("multipart/form-data") => Ok(BodyKind::Multipart),
            _ => Err(AppError::unreadable("Le format de cet envoi n’est pas celui d’un formulaire.")),
        }
    }
}

fn broken(cause: impl ToString) -> AppError {
    AppError::bad_request("L’envoi est incomplet ou mal formé.").because(cause)
}

fn wrong_alphabet() -> AppError {
    AppError::unreadable("Le texte envoyé n’est pas codé en UTF-8\u{a0}: les lettres accentuées seraient perdues.")
}

/// Undoes `%xx` and `+`, and refuses what is not UTF-8 rather than replacing letters.
fn decoded(raw: &[u8]) -> Result<String, AppError> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match after {
                [high, low, left @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    bytes.push(hex(*high) << 4 | hex(*low));
                    rest = left;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(byte),
        }
    }
    clean(String::from_utf8(bytes).map_err(|_| wrong_alphabet())?)
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

/// One shape for every text: composed letters (an `é` is one letter whatever the keyboard), `\n` alone,
/// and no NUL, which PostgreSQL cannot keep.
fn clean(text: String) -> Result<String, AppError> {
    if text.contains('\0') {
        return Err(AppError::unreadable("Le texte envoyé contient un caractère interdit (NUL)."));
    }
    if text.is_ascii() && !text.contains('\r') {
        return Ok(text);
    }
    Ok(text.replace("\r\n", "\n").replace('\r', "\n").nfc().collect())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub field: String,
    pub sentence: String,
}

/// A sentence that an office keeps ready, its places filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    pub id: String,
    pub title: String,
    pub text: String,
}

/// A form as it is shown: the typed text, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Form {
    raw: RawForm,
    errors: Vec<FieldError>,
}

impl Form {
    #[must_use]
    pub fn empty() -> Self {
        Form::default()
    }

    /// A form shown with values already known, for a correction.
    #[must_use]
    pub fn filled<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        Form { raw: RawForm::of(values), errors: Vec::new() }
    }

    #[must_use]
    pub fn from_raw(raw: RawForm) -> Self {
        Form { raw, errors: Vec::new() }
    }

    /// Proposes a value where nothing was typed.
    pub fn start(&mut self, field: &str, value: impl AsRef<str>) {
        if self.raw.find(field).is_none() {
            self.raw.push(field, value.as_ref());
        }
    }

    #[must_use]
    pub fn value(&self, field: &str) -> &str {
        self.raw.get(field)
    }

    /// Lets a field be proposed anew: what it held is no longer true.
    pub fn forget(&mut self, field: &str) {
        self.raw.fields.retain(|(name, _)| name != field);
    }

    /// Puts the wording chosen beside a field at the end of what is typed there, when that is what was asked:
    /// see `forms::wordings`. Nothing typed is lost.
    pub fn insert_wording(&mut self, field: &str, offered: &[Wording]) {
        if self.raw.get("inserer") != field {
            return;
        }
        let chosen = self.raw.get("modele");
        let Some(text) = offered.iter().find(|one| one.id == chosen).map(|one| one.text.as_str()) else { return };
        let typed = self.raw.get(field).trim_end();
        let whole = if typed.is_empty() { text.to_owned() } else { format!("{typed}\n\n{text}") };
        match self.raw.fields.iter_mut().find(|(name, _)| name == field) {
            Some((_, value)) => *value = whole,
            None => self.raw.push(field, &whole),
        }
    }

    /// Whether this value of a field is ticked or selected.
    #[must_use]
    pub fn has(&self, field: &str, value: &str) -> bool {
        self.raw.fields().any(|(name, text)| name == field && text == value)
    }

    #[must_use]
    pub fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.sentence.as_str())
    }

    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    #[must_use]
    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Adds what only the store could know, for example an address already taken.
    pub fn refuse(&mut self, field: &str, sentence: impl Into<String>) {
        if self.error(field).is_none() {
            self.errors.push(FieldError { field: field.to_owned(), sentence: sentence.into() });
        }
    }
}

/// Reads a form field by field; every bad field leaves its sentence and reading goes on.
///
/// ```ignore
/// let mut read = Reading::of(raw);
/// let email = read.required("email", "Indiquez votre adresse électronique.", Email::parse);
/// let born = read.required("naissance", "Indiquez votre date de naissance.", french_date);
/// let (Some(email), Some(born)) = (email, born) else { return show_again(read.into_form()) };
/// ```
#[derive(Debug)]
pub struct Reading {
    form: Form,
}

impl Reading {
    #[must_use]
    pub fn of(raw: RawForm) -> Self {
        Reading { form: Form::from_raw(raw) }
    }

    #[must_use]
    pub fn raw(&self) -> &RawForm {
        &self.form.raw
    }

    /// A field that must be there; `missing` is said when it is blank, the parser's sentence when it is wrong.
    pub fn required<T, E: ToString>(
        &mut self,
        field: &str,
        missing: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.form.raw.trimmed(field);
        if text.is_empty() {
            self.form.refuse(field, missing);
            return None;
        }
        self.keep(field, parse(text))
    }

    /// A field that may be left blank: `Some(None)` then, and `None` only for a wrong text.
    #[allow(clippy::option_option)] // "blank" and "wrong" are different answers
    pub fn optional<T, E: ToString>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let text = self.form.raw.trimmed(field);
        if text.is_empty() {
            return Some(None);
        }
        let parsed = parse(text);
        self.keep(field, parsed).map(Some)
    }

    /// Text that must be there, within `limit` letters.
    pub fn text(&mut self, field: &str, missing: &str, limit: usize) -> Option<String> {
        self.required(field, missing, |text| within(text, limit))
    }

    /// Text that may be blank, within `limit` letters.
    pub fn free_text(&mut self, field: &str, limit: usize) -> Option<String> {
        self.optional(field, |text| within(text, limit)).map(Option::unwrap_or_default)
    }

    pub fn refuse(&mut self, field: &str, sentence: impl Into<String>) {
        self.form.refuse(field, sentence);
    }

    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.form.is_refused()
    }

    #[must_use]
    pub fn into_form(self) -> Form {
        self.form
    }

    fn keep<T, E: ToString>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(sentence) => {
                self.form.refuse(field, sentence.to_string());
                None
            }
        }
    }
}

fn within(text: &str, limit: usize) -> Result<String, String> {
    let length = text.chars().count();
    if length > limit {
        return Err(format!("Ce texte compte {length}\u{a0}caractères\u{a0}: raccourcissez-le à {limit} au plus."));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_fields_keep_their_order_and_accents() {
        let form = RawForm::from_urlencoded(b"ligne=2&nom=No%C3%ABl+%26+fils&ligne=1").expect("reads");
        assert_eq!(form.all("ligne"), ["2", "1"]);
        assert_eq!(form.get("nom"), "Noël & fils");
        assert_eq!(form.get("absent"), "");
    }

    #[test]
    fn a_text_in_another_alphabet_is_refused_and_not_mangled() {
        let refused = RawForm::from_urlencoded(b"nom=No%EBl").expect_err("latin-1");
        assert_eq!(refused.kind, "unreadable");
    }

    #[test]
    fn an_accent_typed_apart_and_a_windows_line_end_take_our_shape() {
        let form = RawForm::from_urlencoded(b"nom=Rene%CC%81&texte=a%0D%0Ab").expect("reads");
        assert_eq!(form.get("nom"), "René");
        assert_eq!(form.get("texte"), "a\nb");
    }

    #[test]
    fn every_bad_field_says_its_sentence_and_the_typed_text_stays() {
        let raw = RawForm::from_urlencoded(b"note=douze&nom=").expect("reads");
        let mut read = Reading::of(raw);
        let note = read
            .required("note", "Saisissez une note.", |text| text.parse::<u8>().map_err(|_| "La note est un nombre."));
        let nom = read.text("nom", "Saisissez un nom.", 10);
        assert!(note.is_none() && nom.is_none());
        let form = read.into_form();
        assert_eq!(form.error("note"), Some("La note est un nombre."));
        assert_eq!(form.error("nom"), Some("Saisissez un nom."));
        assert_eq!(form.value("note"), "douze");
    }
}
