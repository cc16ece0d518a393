//! What a message looks like when it leaves, and what can never be in it.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn letter() -> Letter {
    Letter {
        id: "01970000-0000-7000-8000-000000000001".into(),
        to: "ines.durand@exemple.fr".into(),
        to_name: "Inès Durand".into(),
        subject: "Votre convocation à l’épreuve 1".into(),
        text: "Bonjour,\n\nÉpreuve le 3 février à 14 h 30.\n".into(),
        html: Some("<p>Épreuve le 3 février à 14 h 30.</p>".into()),
        attachments: vec![Attachment {
            file_name: "convocation-Inès.pdf".into(),
            content_type: "application/pdf".into(),
            bytes: b"%PDF-1.7".to_vec(),
        }],
    }
}

fn composed(letter: &Letter) -> String {
    String::from_utf8(
        wire::compose(letter, &route::sender("Examens <examens@exemple.fr>").unwrap()).unwrap().formatted(),
    )
    .unwrap()
}

fn headers(message: &str) -> Vec<&str> {
    message.split("\r\n\r\n").next().unwrap().split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).collect()
}

#[tokio::test]
async fn a_folder_receives_one_private_file_a_message_and_no_unfinished_one() {
    let dir = std::env::temp_dir().join(format!("cplds-mail-{}", std::process::id()));
    let mailer = Mailer::from_config(None, None, &dir, "examens@exemple.fr").unwrap();
    mailer.send(&letter()).await.unwrap();
    mailer.send(&letter()).await.unwrap();
    mailer.send(&Letter { id: "../../evil\n".into(), ..letter() }).await.unwrap();
    let mut names: Vec<String> = std::fs::read_dir(dir.join("mails"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[0], "01970000-0000-7000-8000-000000000001.eml");
    let file = dir.join("mails").join(&names[0]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("To: ") && text.contains("ines.durand@exemple.fr"), "{text}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_people_typed_cannot_add_a_header_or_a_recipient() {
    let expected = headers(&composed(&letter())).len();
    for break_ in ["\r\n", "\n", "\r", "\r\n\r\n", "\u{85}", "\u{2028}"] {
        let hostile = format!("x{break_}Bcc: intrus@exemple.fr{break_}X-Trap: 1");
        let message = composed(&Letter {
            id: hostile.clone(),
            to_name: hostile.clone(),
            subject: hostile.clone(),
            attachments: vec![Attachment {
                file_name: hostile.clone(),
                content_type: format!("text/plain{break_}X-Trap: 1"),
                bytes: vec![1],
            }],
            ..letter()
        });
        let headers = headers(&message);
        assert_eq!(headers.len(), expected, "{break_:?}: {headers:#?}");
        for line in message.split(['\r', '\n']) {
            assert!(!line.starts_with("Bcc") && !line.starts_with("X-Trap"), "{break_:?}: {line}");
        }
    }
}

#[test]
fn an_address_that_is_none_is_refused_for_good() {
    for to in ["", "ines", "a@b.fr\r\nBcc: c@d.fr", "a@b.fr, c@d.fr", "<a@b.fr>", "a b@c.fr"] {
        let refused = wire::compose(&Letter { to: to.into(), ..letter() }, &route::sender("e@exemple.fr").unwrap());
        assert!(matches!(refused, Err(SendFailed::Permanent(_))), "{to:?}");
    }
}

#[test]
fn a_mail_sent_twice_carries_the_same_message_id_and_answers_no_machine() {
    let message = composed(&letter());
    let id = "Message-ID: <01970000-0000-7000-8000-000000000001@exemple.fr>";
    assert!(message.contains(id), "{message}");
    assert!(message.contains("Auto-Submitted: auto-generated"), "{message}");
}

#[tokio::test]
async fn a_memory_mailer_keeps_what_it_is_given_and_refuses_what_the_others_refuse() {
    let mailer = Mailer::memory();
    mailer.send(&letter()).await.unwrap();
    assert!(mailer.send(&Letter { to: "ines".into(), ..letter() }).await.is_err());
    assert_eq!(mailer.kept(), [letter()]);
}

#[test]
fn patience_grows_from_a_minute_to_eight_hours_and_then_ends() {
    let minutes: Vec<Option<u64>> = (1..=7).map(|n| backoff(n).map(|wait| wait.as_secs() / 60)).collect();
    assert_eq!(minutes, [Some(1), Some(5), Some(30), Some(120), Some(480), None, None]);
}
