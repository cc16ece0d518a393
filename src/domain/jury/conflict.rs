//! Who may not examine whom: a juror and a candidate of one school, a tutor and their trainee, a conflict
//! the juror declares. What is found is dismissed only with a written reason, a tutor's never.
//! Not here: the seats of commissions and the schedule, which refuse to bring the two together.

use std::collections::HashMap;

use crate::domain::refusal::Refusal;

/// Reference quoted when a conflict of interest is in question.
pub const IMPARTIALITY_LAW: &str = "code des relations entre le public et l’administration, art. L. 100-2";

words! {
    pub enum ConflictKind {
        SameSchool = "same_school",
        Tutor = "tutor",
        Declared = "declared",
    }
}

impl ConflictKind {
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            ConflictKind::SameSchool => "même établissement",
            ConflictKind::Tutor => "tuteur ou tutrice",
            ConflictKind::Declared => "déclaré par le membre du jury",
        }
    }
}

/// A juror, as far as conflicts go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examiner {
    pub id: String,
    pub email_key: String,
    pub user_id: Option<String>,
    pub uai: Option<String>,
}

/// A candidate, as far as conflicts go. Tutors are known by address, by account, or by both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    pub registration: String,
    pub uai: Option<String>,
    pub tutor_emails: Vec<String>,
    pub tutor_users: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundConflict {
    pub juror: String,
    pub registration: String,
    pub kind: ConflictKind,
    /// What they share, for the reader: the school's code, or the tutorship.
    pub detail: String,
}

/// The conflicts that facts show, in the order of the candidates. Time grows with what is found, not with
/// jurors times candidates.
#[must_use]
pub fn conflicts(jurors: &[Examiner], candidates: &[Candidate]) -> Vec<FoundConflict> {
    let mut by_school: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut by_email: HashMap<&str, &str> = HashMap::new();
    let mut by_user: HashMap<&str, &str> = HashMap::new();
    for juror in jurors {
        if let Some(uai) = juror.uai.as_deref().filter(|uai| !uai.is_empty()) {
            by_school.entry(uai).or_default().push(&juror.id);
        }
        if !juror.email_key.is_empty() {
            by_email.insert(&juror.email_key, &juror.id);
        }
        if let Some(user) = juror.user_id.as_deref() {
            by_user.insert(user, &juror.id);
        }
    }
    let mut found = Vec::new();
    for candidate in candidates {
        let mut push = |juror: &str, kind, detail: String| {
            found.push(FoundConflict {
                juror: juror.to_owned(),
                registration: candidate.registration.clone(),
                kind,
                detail,
            });
        };
        if let Some(uai) = candidate.uai.as_deref() {
            for juror in by_school.get(uai).into_iter().flatten() {
                push(juror, ConflictKind::SameSchool, format!("Exercent tous deux dans l’établissement {uai}."));
            }
        }
        let mut tutors: Vec<&str> = candidate
            .tutor_emails
            .iter()
            .filter_map(|email| by_email.get(email.as_str()))
            .chain(candidate.tutor_users.iter().filter_map(|user| by_user.get(user.as_str())))
            .copied()
            .collect();
        tutors.sort_unstable();
        tutors.dedup();
        for juror in tutors {
            push(juror, ConflictKind::Tutor, "Tuteur ou tutrice de ce candidat pendant la formation.".to_owned());
        }
    }
    found
}

/// Whether a conflict may be set aside, and with which reason.
///
/// # Errors
/// A tutor's conflict never may; the others want a reason of ten characters at least.
pub fn check_dismissal(kind: ConflictKind, reason: &str) -> Result<(), Refusal> {
    if kind == ConflictKind::Tutor {
        return Err(Refusal::new(
            "tutor_conflict",
            "Un tuteur n’examine jamais le candidat qu’il a accompagné : cet empêchement ne peut pas être levé. Confiez le candidat à une autre commission.",
        )
        .under(IMPARTIALITY_LAW));
    }
    if reason.trim().chars().count() < 10 {
        return Err(Refusal::new(
            "dismissal_reason",
            "Dites en une phrase pourquoi cet empêchement peut être levé : le motif est conservé avec la décision.",
        )
        .under(IMPARTIALITY_LAW));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn juror(id: &str, uai: Option<&str>) -> Examiner {
        Examiner {
            id: id.into(),
            email_key: format!("{id}@ac.example"),
            user_id: Some(format!("user-{id}")),
            uai: uai.map(Into::into),
        }
    }

    fn candidate(uai: &str) -> Candidate {
        Candidate { registration: "r".into(), uai: Some(uai.into()), ..Candidate::default() }
    }

    fn kinds(jurors: &[Examiner], candidate: Candidate) -> Vec<(String, ConflictKind)> {
        conflicts(jurors, &[candidate]).into_iter().map(|found| (found.juror, found.kind)).collect()
    }

    #[test]
    fn colleagues_of_one_school_are_kept_apart_and_the_schoolless_are_not() {
        let jurors = [
            juror("a", Some("0870015U")),
            juror("b", Some("0190012K")),
            juror("c", None),
            juror("d", Some("0870015U")),
        ];
        assert_eq!(
            kinds(&jurors, candidate("0870015U")),
            [("a".into(), ConflictKind::SameSchool), ("d".into(), ConflictKind::SameSchool)]
        );
        assert_eq!(kinds(&jurors, Candidate { uai: None, ..candidate("") }), []);
    }

    #[test]
    fn a_tutor_is_known_by_address_or_by_account_and_found_once() {
        let jurors = [juror("a", None), juror("b", None)];
        let trainee = Candidate {
            tutor_emails: vec!["a@ac.example".into()],
            tutor_users: vec!["user-a".into(), "user-b".into()],
            ..candidate("0870015U")
        };
        assert_eq!(kinds(&jurors, trainee), [("a".into(), ConflictKind::Tutor), ("b".into(), ConflictKind::Tutor)]);
    }

    #[test]
    fn a_tutor_is_never_excused_and_others_only_with_a_reason() {
        assert_eq!(
            check_dismissal(ConflictKind::Tutor, "Une très bonne raison pourtant").unwrap_err().code,
            "tutor_conflict"
        );
        assert_eq!(check_dismissal(ConflictKind::SameSchool, "  court  ").unwrap_err().code, "dismissal_reason");
        assert_eq!(check_dismissal(ConflictKind::Declared, "N’ont jamais travaillé ensemble"), Ok(()));
    }
}
