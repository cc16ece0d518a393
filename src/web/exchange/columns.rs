//! The page that asks which column of a file is which of ours. The answer is remembered for the academy's next files with
//! the same titles.

use askama::Template;
use axum::response::Response;

use super::steps::Import;
use crate::domain::table::recognised;
use crate::store::{StoreError, exchange};
use crate::web::AppState;
use crate::web::error::AppError;
use crate::web::form::{Form, RawForm};
use crate::web::page::{self, CurrentActor, Page, Shell};

struct ColumnField {
    name: String,
    label: &'static str,
    is_required: bool,
    chosen: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "exchange/columns.html")]
struct ColumnsPage {
    page: Page,
    form: Form,
    action: String,
    back: String,
    fields: Vec<ColumnField>,
    /// Place in the file, and its title with the first value below.
    choices: Vec<(String, String)>,
}

/// The page that asks which column of the file is which of ours.
pub(super) async fn columns_page(
    app: &AppState,
    shell: &Shell,
    import: &Import,
    draft: String,
    form: Form,
) -> Result<Response, AppError> {
    let (of, kept, what) = (import.clone(), draft.clone(), import.what);
    let (choices, places) = app
        .db
        .read(move |conn| {
            let row = exchange::get_draft(conn, &of.place, what, &kept)?;
            let bare = exchange::read_bare(&row.bytes, row.sheet.as_deref())?;
            let named = exchange::read_file(conn, &of.place.academy_code, what, &row.bytes, row.sheet.as_deref())?;
            let first = bare.rows.first();
            let choices: Vec<(String, String)> = bare
                .headers
                .iter()
                .enumerate()
                .map(|(place, title)| {
                    let shown: String = first.map_or("", |row| row.cell(place)).chars().take(30).collect();
                    let title = if title.trim().is_empty() { format!("colonne {}", place + 1) } else { title.clone() };
                    (place.to_string(), if shown.is_empty() { title } else { format!("{title} ({shown})") })
                })
                .collect();
            Ok((choices, recognised(&named, &what.columns())))
        })
        .await?;
    let refused = form.is_refused();
    let fields = what
        .columns()
        .iter()
        .zip(places)
        .enumerate()
        .map(|(index, (column, place))| {
            let name = format!("colonne-{index}");
            let known = place.map(|place| place.to_string()).unwrap_or_default();
            ColumnField {
                chosen: if refused { form.value(&name).to_owned() } else { known },
                error: form.error(&name).map(str::to_owned),
                label: column.label,
                is_required: column.required,
                name,
            }
        })
        .collect();
    let template = ColumnsPage {
        page: import.next_page(shell, "Reconnaître les colonnes").with_errors(refused),
        form,
        action: format!("{}/colonnes", import.of_draft(&draft)),
        back: import.base.clone(),
        fields,
        choices,
    };
    if refused { page::html_to_correct(&template) } else { page::html(&template) }
}

/// Remembers the columns a form names; gives the form back when something is missing.
pub(super) async fn name_columns(
    app: &AppState,
    shell: &Shell,
    actor: &CurrentActor,
    import: &Import,
    draft: String,
    raw: RawForm,
) -> Result<Response, AppError> {
    let columns = import.what.columns();
    let mut mapping = Vec::new();
    let mut missing = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let name = format!("colonne-{index}");
        match raw.trimmed(&name).parse::<usize>() {
            Ok(place) => mapping.push((column.label.to_owned(), place)),
            Err(_) if column.required => missing.push((name, column.label)),
            Err(_) => {}
        }
    }
    let mut form = Form::from_raw(raw);
    for (name, label) in missing {
        form.refuse(&name, format!("Dites quelle colonne du fichier donne «\u{a0}{label}\u{a0}»."));
    }
    if form.is_refused() {
        return columns_page(app, shell, import, draft, form).await;
    }
    let (of, kept) = (import.clone(), draft.clone());
    let done = app
        .db
        .write(actor, import.lock(), move |tx| {
            let row = exchange::get_draft(tx.conn, &of.place, of.what, &kept)?;
            let table = exchange::read_bare(&row.bytes, row.sheet.as_deref())?;
            exchange::remember_columns(tx, &of.place.academy_code, of.what, &table, &mapping)
        })
        .await;
    match done {
        Ok(()) => Ok(page::see_other(&import.of_draft(&draft))),
        Err(StoreError::Refused(no)) => {
            form.refuse("colonne-0", no.to_string());
            columns_page(app, shell, import, draft, form).await
        }
        Err(other) => Err(other.into()),
    }
}
