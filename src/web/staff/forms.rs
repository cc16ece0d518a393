//! What the forms of a record say, read into commands. Each gives back the typed text with a sentence per bad field.

use jiff::civil::Date;

use crate::domain::academy::Academy;
use crate::domain::ids::{EmailAddress, FrenchDate, Phone, Uai};
use crate::domain::staff::{EvidenceSource, PostingLevel};
use crate::store::people::NewPerson;
use crate::store::staff::{NewEvidence, NewPosting, StaffFile, StatusChange};
use crate::web::form::{Form, RawForm, Reading};

/// The forms of a record; at most one of them was refused.
#[derive(Debug, Clone, Default)]
pub struct Forms {
    pub situation: Form,
    pub posting: Form,
    pub ending: Form,
    pub activity: Form,
    pub evidence: Form,
}

impl Forms {
    /// Empty forms, except the situation, which starts from what is known.
    #[must_use]
    pub fn of(file: &StaffFile) -> Self {
        let situation = file.record.as_ref().map_or_else(Form::empty, |record| {
            Form::filled([
                ("categorie", record.category.clone().unwrap_or_default()),
                ("corps", record.corps.clone()),
                ("statut", record.status.clone()),
                ("contrat_le", record.contract_date.map(|day| day.0.to_string()).unwrap_or_default()),
            ])
        });
        Forms { situation, posting: Form::filled([("niveau", PostingLevel::School.as_str())]), ..Forms::default() }
    }

    /// The form to correct, or an empty one.
    #[must_use]
    pub fn refused(&self) -> &Form {
        let all = [&self.situation, &self.posting, &self.ending, &self.activity, &self.evidence];
        all.into_iter().find(|form| form.is_refused()).unwrap_or(&self.ending)
    }

    #[must_use]
    pub fn levels() -> Vec<(&'static str, &'static str)> {
        PostingLevel::ALL.iter().map(|level| (level.as_str(), level.label())).collect()
    }

    #[must_use]
    pub fn sources() -> Vec<(&'static str, &'static str)> {
        EvidenceSource::ALL.iter().map(|source| (source.as_str(), source.label())).collect()
    }

    #[must_use]
    pub const fn competence_levels() -> &'static [(&'static str, &'static str)] {
        &[("1", "1 sur 4"), ("2", "2 sur 4"), ("3", "3 sur 4"), ("4", "4 sur 4")]
    }
}

/// « Limoges », or the code of an academy that is not known.
#[must_use]
pub fn academy_name(code: &str) -> String {
    Academy::find(code).map_or_else(|| code.to_owned(), |academy| academy.name.clone())
}

/// A day typed in French or sent by the browser's own field.
pub fn day(text: &str) -> Result<Date, String> {
    FrenchDate::parse(text).map(FrenchDate::date).map_err(|refused| refused.to_string())
}

/// One word of a closed list.
fn chosen<T>(found: Option<T>) -> Result<T, &'static str> {
    found.ok_or("Choisissez une réponse dans la liste.")
}

#[must_use]
pub fn read_person(raw: RawForm, academy: &str) -> (Form, Option<NewPerson>) {
    let mut read = Reading::of(raw);
    let civility = read.required("civilite", "Indiquez la civilité.", |text| {
        chosen(["Mme", "M."].into_iter().find(|word| *word == text))
    });
    let birth_name = read.text("nom", "Indiquez le nom de naissance.", 100);
    let usage_name = read.free_text("nom_usage", 100);
    let first_names = read.text("prenoms", "Indiquez le ou les prénoms.", 100);
    let birth_date = read.required("naissance", "Indiquez la date de naissance.", day);
    let birth_place = read.free_text("lieu_naissance", 100);
    let email = read.required("email", "Indiquez l’adresse électronique professionnelle.", EmailAddress::parse);
    let phone = read.optional("telephone", Phone::parse);
    let corps = read.text("corps", "Indiquez le corps ou la fonction.", 150);
    let status = read.text("statut", "Indiquez le statut (titulaire, CDI…).", 100);
    let contract_date = read.optional("contrat_le", day);
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let person = (|| {
        Some(NewPerson {
            academy_code: academy.to_owned(),
            civility: civility?.to_owned(),
            birth_name: birth_name?,
            usage_name: some(usage_name?),
            first_names: first_names?,
            birth_date: birth_date?,
            birth_place: some(birth_place?),
            email: email?.as_str().to_owned(),
            phone: phone?.map(|phone| phone.as_str().to_owned()),
            corps: corps?,
            status: status?,
            contract_date: contract_date?,
        })
    })();
    (read.into_form(), person)
}

#[must_use]
pub fn read_situation(raw: RawForm, id: &str, categories: &[(String, String)]) -> (Form, Option<StatusChange>) {
    let mut read = Reading::of(raw);
    let category = read.optional("categorie", |text| {
        chosen(categories.iter().find(|(code, _)| code == text).map(|(code, _)| code.clone()))
    });
    let corps = read.text("corps", "Indiquez le corps ou la fonction.", 150);
    let status = read.text("statut", "Indiquez le statut (titulaire, CDI…).", 100);
    let contract_date = read.optional("contrat_le", day);
    let starts_on = read.optional("depuis_le", day);
    let change = (|| {
        Some(StatusChange {
            person_id: id.to_owned(),
            category: category?,
            corps: corps?,
            status: status?,
            contract_date: contract_date?,
            starts_on: starts_on?,
        })
    })();
    (read.into_form(), change)
}

#[must_use]
pub fn read_posting(raw: RawForm, id: &str) -> (Form, Option<NewPosting>) {
    let mut read = Reading::of(raw);
    let level = read.required("niveau", "Choisissez le niveau.", |text| chosen(PostingLevel::from_word(text)));
    let place = read.text("lieu", "Indiquez le lieu de l’affectation.", 150);
    let uai = read.optional("uai", Uai::parse);
    let department = read.free_text("departement", 3);
    let quota = read.required("quotite", "Indiquez la quotité, en pourcentage d’un temps plein.", |text| {
        let number = text.trim_end_matches(['%', ' ', '\u{a0}', '\u{202f}']);
        number.parse::<i32>().map_err(|_| "La quotité est un nombre entier de 1 à 100, par exemple 50.")
    });
    let starts_on = read.required("debut", "Indiquez le premier jour.", day);
    let ends_on = read.optional("fin", day);
    let requires_certificate = read.raw().get("exige") == "oui";
    let certificate_by = read.optional("certifie_avant", day);
    let new = (|| {
        Some(NewPosting {
            person_id: id.to_owned(),
            level: level?,
            place: place?,
            uai: uai?,
            department: Some(department?).filter(|code| !code.is_empty()),
            quota: quota?,
            starts_on: starts_on?,
            ends_on: ends_on?,
            requires_certificate,
            certificate_by: certificate_by?,
        })
    })();
    (read.into_form(), new)
}

#[must_use]
pub fn read_ending(raw: RawForm, open: &[(String, String)]) -> (Form, Option<(String, Date)>) {
    let mut read = Reading::of(raw);
    let posting = read.required("affectation", "Choisissez l’affectation qui prend fin.", |text| {
        chosen(open.iter().find(|(id, _)| id == text).map(|(id, _)| id.clone()))
    });
    let day = read.required("fin_le", "Indiquez le dernier jour.", day);
    (read.into_form(), posting.zip(day))
}

#[must_use]
pub fn read_activity(raw: RawForm) -> (Form, Option<(String, String, Date)>) {
    let framework = raw.get("referentiel").to_owned();
    let mut read = Reading::of(raw);
    let item = read.text("activite", "Choisissez l’activité.", 40);
    let since = read.required("depuis", "Indiquez depuis quand.", day);
    (read.into_form(), item.zip(since).map(|(item, since)| (framework, item, since)))
}

#[must_use]
pub fn read_evidence(raw: RawForm, id: &str) -> (Form, Option<NewEvidence>) {
    let framework_id = raw.get("referentiel").to_owned();
    let mut read = Reading::of(raw);
    let item = read.text("competence", "Choisissez la compétence.", 40);
    let level = read.required("niveau_constate", "Choisissez le niveau constaté.", |text| {
        text.parse::<i32>().map_err(|_| "Choisissez un niveau de 1 à 4.")
    });
    let source = read.required("source", "Indiquez qui a constaté.", |text| chosen(EvidenceSource::from_word(text)));
    let dated_on = read.required("constate_le", "Indiquez la date du constat.", day);
    let reference = read.free_text("appui", 300);
    let new = (|| {
        Some(NewEvidence {
            person_id: id.to_owned(),
            framework_id,
            item_code: item?,
            source: source?,
            level: level?,
            dated_on: dated_on?,
            reference: Some(reference?).filter(|text| !text.is_empty()),
        })
    })();
    (read.into_form(), new)
}
