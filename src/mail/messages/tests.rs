//! Every message of a year, in both of its forms.

use super::*;

fn head() -> Letterhead {
    Letterhead {
        academy: "académie de Limoges".into(),
        service: "Division des examens et concours (DEC)".into(),
        phone: "05\u{a0}55\u{a0}01\u{a0}02\u{a0}03".into(),
        email: "dec@ac-limoges.example".into(),
    }
}

const LINK: &str = "https://cplds.example/mon-dossier?a=1&b=2";

/// Whoever holds the mailbox may be nobody we know.
const NAMELESS: [&str; 3] = ["account_opening", "account_unknown", "address_taken"];

fn every(head: &Letterhead, name: &str) -> Vec<(&'static str, Message)> {
    let facts = &Facts { head, name, year: 2027, link: LINK };
    let received = Received {
        wording: "Votre dossier a été reçu le {date} par {service} (téléphone\u{a0}: {telephone}).",
        number: "2027-22-0007",
        received_at: "14 juin 2026 à 9 h 12",
        closes_on: "30 septembre 2026",
        listed_on: Some("15 octobre 2026"),
    };
    let hours = SignedDuration::from_hours;
    let training = TrainingFacts { head, name, training: "Prévenir le décrochage", link: LINK };
    vec![
        ("invitation", invitation(facts, Invited::Candidate, "21 juin 2026")),
        ("invitation (juror)", invitation(facts, Invited::Juror, "21 juin 2026")),
        ("account_invitation", account_invitation(head, name, "pour la session 2027", LINK, hours(14 * 24))),
        ("account_opening", account_opening(head, LINK, SignedDuration::from_mins(30))),
        ("account_known", account_known(head, name, LINK)),
        ("account_unknown", account_unknown(head, LINK)),
        ("password_link", password_link(head, name, LINK, SignedDuration::from_mins(30))),
        ("address_leaving", address_leaving(head, name, "ines@autre.example", LINK, hours(7 * 24))),
        ("address_confirming", address_confirming(head, name, LINK, hours(24))),
        ("address_taken", address_taken(head, LINK)),
        ("acknowledgement", acknowledgement(facts, &received)),
        ("decision_notice", decision_notice(facts)),
        ("convocation_candidate", convocation_candidate(facts)),
        ("convocation_juror", convocation_juror(facts)),
        ("pieces_requested", pieces_requested(facts)),
        ("pieces_reminder", pieces_reminder(facts)),
        ("results_published", results_published(facts)),
        ("certificate_ready", certificate_ready(facts)),
        ("new_message", new_message(facts)),
        ("correction_answered", correction_answered(facts)),
        ("training_news", training_news(&training)),
        ("training_convocation", training_convocation(&training)),
    ]
}

#[test]
fn every_message_greets_links_and_says_who_writes_in_both_forms() {
    for (kind, message) in every(&head(), "Inès Durand") {
        for said in [
            if NAMELESS.contains(&kind) { "Bonjour," } else { "Bonjour Inès Durand," },
            "académie de Limoges",
            "DEC",
            "05\u{a0}55\u{a0}01\u{a0}02\u{a0}03",
            "dec@ac-limoges.example",
        ] {
            assert!(message.text.contains(said), "{kind}: {said}\n{}", message.text);
            assert!(message.html.contains(said), "{kind}: {said}\n{}", message.html);
        }
        assert!(message.text.contains(LINK), "{kind}");
        assert!(
            message.html.contains("href=\"https://cplds.example/mon-dossier?a=1&#38;b=2\""),
            "{kind}\n{}",
            message.html
        );
        assert!(message.html.starts_with("<!DOCTYPE html>") && message.html.contains("lang=\"fr\""), "{kind}");
        assert!(!message.subject.is_empty() && message.subject.chars().count() <= 78, "{kind}: {}", message.subject);
        assert!(message.html.contains(&format!("<title>{}</title>", message.subject)), "{kind}: {}", message.subject);
    }
}

#[test]
fn french_signs_keep_their_unbreakable_space_and_their_apostrophe() {
    for (kind, message) in every(&head(), "Inès Durand") {
        for part in [&message.subject, &message.text, &message.html] {
            assert!(!part.contains('\''), "{kind}: {part}");
            for sign in [" :", " ;", " !", " ?", " »", "« "] {
                assert!(!part.contains(sign), "{kind}: {sign:?} in {part}");
            }
            assert!(!part.contains("  ") && !part.contains("\n\n\n"), "{kind}: {part:?}");
        }
    }
}

#[test]
fn a_hostile_name_is_text_everywhere() {
    let name = "</p><script>alert(1)</script>\r\nBcc: x@y.fr\n\nVotre mot de passe a expiré\u{2028}\"'";
    for (kind, message) in every(&head(), name) {
        assert!(!message.html.contains("<script"), "{kind}");
        if !NAMELESS.contains(&kind) {
            assert!(message.html.contains("&#60;script&#62;"), "{kind}\n{}", message.html);
        }
        assert!(!message.subject.contains(['\r', '\n']), "{kind}");
        for line in message.text.lines().chain(message.html.lines()) {
            assert!(
                !line.trim_start().starts_with("Bcc") && !line.trim_start().starts_with("Votre mot de passe a"),
                "{kind}"
            );
        }
    }
}

#[test]
fn no_mail_tells_an_outcome_or_a_mark() {
    for (kind, message) in every(&head(), "Inès Durand") {
        if matches!(kind, "results_published" | "decision_notice" | "correction_answered") {
            let said = format!("{} {}", message.subject, message.text).to_lowercase();
            for word in ["admis", "ajourn", "refus", "félicit", "/20", "accept", "rejet", "malheureusement"] {
                assert!(!said.contains(word), "{kind}: {word}\n{said}");
            }
        }
    }
}

#[test]
fn the_acknowledgement_names_the_service_its_telephone_and_the_dates() {
    let messages = every(&head(), "Inès Durand");
    let (_, message) = messages.iter().find(|(kind, _)| *kind == "acknowledgement").unwrap();
    for said in [
        "reçu le 14 juin 2026 à 9 h 12 par Division des examens et concours (DEC)",
        "téléphone\u{a0}: 05\u{a0}55\u{a0}01\u{a0}02\u{a0}03",
        "2027-22-0007",
        "30 septembre 2026",
        "15 octobre 2026",
        "R.\u{a0}112-5",
    ] {
        assert!(message.text.contains(said), "{said}\n{}", message.text);
    }
}

#[test]
fn a_link_says_how_long_it_serves() {
    for (mins, said) in
        [(30, "30\u{a0}minutes"), (60, "1\u{a0}heure"), (24 * 60, "24\u{a0}heures"), (7 * 24 * 60, "7\u{a0}jours")]
    {
        assert_eq!(lasting(SignedDuration::from_mins(mins)), said);
    }
}

#[test]
fn an_academy_without_contact_leaves_no_empty_label() {
    for (kind, message) in every(&Letterhead::national(), "Inès Durand") {
        assert!(
            !message.text.contains("courriel") && !message.text.contains("(téléphone\u{a0}: )"),
            "{kind}: {}",
            message.text
        );
    }
}
