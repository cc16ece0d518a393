//! A mail that came back: the report of a mail server (RFC 3464), read just far enough to know which mail, for whom and why.
//! Only a final failure counts; « retardé » may still arrive. The mail is known by the `Message-ID` we gave it, which is
//! its identifier: whoever does not hold the mail cannot forge its return.

/// What a server says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// Identifier of the mail in the outbox.
    pub mail_id: String,
    pub recipient: String,
    /// `5.1.1`: enhanced status (RFC 3463).
    pub status: String,
    /// The server's own words, on one line.
    pub reason: String,
}

impl Bounce {
    /// What the status means to an office (RFC 3463), in one French sentence.
    #[must_use]
    pub fn sentence(&self) -> &'static str {
        sentence_of(&self.status)
    }
}

/// What an enhanced status means to an office, in one French sentence (RFC 3463).
#[must_use]
pub fn sentence_of(status: &str) -> &'static str {
    match status {
        "5.1.1" | "5.1.0" | "5.1.6" => "Cette adresse n’existe pas ou plus.",
        "5.1.2" | "5.4.4" => "Le domaine de cette adresse n’existe pas.",
        "5.2.1" => "Cette boîte aux lettres est désactivée.",
        "5.2.2" | "4.2.2" => "La boîte aux lettres est pleine.",
        "5.2.3" | "5.3.4" => "Le message est trop lourd pour cette boîte aux lettres.",
        status if status.starts_with("5.7") => {
            "Le serveur du destinataire a refusé le message (règle de sécurité ou filtre)."
        }
        status if status.starts_with('4') => "Le serveur du destinataire n’a pas répondu à temps.",
        _ => "Le message n’a pas pu être remis.",
    }
}

/// Larger than any report: what is more is another mail.
const LARGEST: usize = 2 * 1024 * 1024;

/// Every final failure that a report tells of; none when the file is another mail, or speaks of none of ours.
#[must_use]
pub fn read(bytes: &[u8]) -> Vec<Bounce> {
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(LARGEST)).unwrap_or(bytes)).replace("\r\n", "\n");
    let folded = text.to_ascii_lowercase();
    let Some(start) = folded.find("content-type: message/delivery-status") else { return Vec::new() };
    let report = text.get(start..).unwrap_or_default();
    let Some(mail_id) = mail_id(report) else { return Vec::new() };
    let mut bounces: Vec<Bounce> = Vec::new();
    for block in report.split("\n\n") {
        let fields = fields(block);
        let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let (Some(recipient), Some(action)) = (get("final-recipient"), get("action")) else { continue };
        if !action.trim().eq_ignore_ascii_case("failed") {
            continue;
        }
        let status = get("status").unwrap_or_default();
        bounces.push(Bounce {
            mail_id: mail_id.clone(),
            recipient: after_type(recipient),
            status: status.split_whitespace().next().unwrap_or_default().chars().take(12).collect(),
            reason: after_type(get("diagnostic-code").unwrap_or_default()).chars().take(300).collect(),
        });
    }
    bounces
}

/// The identifier within the returned headers: ours is `<uuid@domain>`.
fn mail_id(report: &str) -> Option<String> {
    report.split("\n\n").flat_map(fields).filter(|(name, _)| name == "message-id").find_map(|(_, value)| {
        let inside = value.trim().strip_prefix('<')?.split_once('@')?.0;
        let is_ours = inside.len() == 36 && inside.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        is_ours.then(|| inside.to_ascii_lowercase())
    })
}

/// Names in small letters and values on one line, continuation lines joined.
fn fields(block: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match fields.last_mut() {
            Some((_, value)) if line.starts_with([' ', '\t']) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            _ => {
                if let Some((name, value)) = line.split_once(':') {
                    fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
        }
    }
    fields
}

/// `rfc822;a@b.fr` is `a@b.fr`; control characters go.
fn after_type(value: &str) -> String {
    let value = value.split_once(';').map_or(value, |(_, rest)| rest);
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01970000-0000-7000-8000-000000000001";

    /// As Postfix writes it.
    fn postfix(action: &str, status: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.ac-limoges.example\r\nTo: cplds@ac-limoges.example\r\nSubject: Undelivered Mail Returned to Sender\r\n\
             Message-Id: <20270101.ABCDEF@mx.ac-limoges.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"XX\"\r\n\r\n\
             --XX\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry to have to inform you...\r\n\r\n\
             --XX\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns; mx.ac-limoges.example\r\nArrival-Date: Thu, 14 Jan 2027 10:00:00 +0100\r\n\r\n\
             Final-Recipient: rfc822; ines.durand@ac-limoges.example\r\nOriginal-Recipient: rfc822;ines.durand@ac-limoges.example\r\n\
             Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; 550 5.1.1 <ines.durand@ac-limoges.example>:\r\n    Recipient address rejected: User unknown\r\n\r\n\
             --XX\r\nContent-Description: Undelivered Message Headers\r\nContent-Type: text/rfc822-headers\r\n\r\n\
             From: cplds <cplds@ac-limoges.example>\r\nMessage-ID: <{ID}@ac-limoges.example>\r\nSubject: Votre convocation\r\n\r\n--XX--\r\n"
        )
    }

    #[test]
    fn a_report_says_which_mail_came_back_from_whom_and_why() {
        let found = read(postfix("failed", "5.1.1").as_bytes());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].mail_id, ID);
        assert_eq!(found[0].recipient, "ines.durand@ac-limoges.example");
        assert_eq!(found[0].status, "5.1.1");
        assert_eq!(
            found[0].reason,
            "550 5.1.1 <ines.durand@ac-limoges.example>: Recipient address rejected: User unknown"
        );
        assert_eq!(found[0].sentence(), "Cette adresse n’existe pas ou plus.");
    }

    #[test]
    fn what_is_late_what_is_another_mail_and_what_is_not_ours_is_no_return() {
        assert_eq!(read(postfix("delayed", "4.4.1").as_bytes()), []);
        assert_eq!(read(postfix("failed", "5.1.1").replace(ID, "not-ours").as_bytes()), []);
        assert_eq!(read(b"Subject: bonjour\r\n\r\nFinal-Recipient: rfc822;a@b.fr\r\nAction: failed\r\n"), []);
        assert_eq!(read(&[0xff, 0xfe, 0, 1, 2]), []);
        assert_eq!(read(b""), []);
    }
}
