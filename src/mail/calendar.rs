//! Calendar files (RFC 5545) that go with convocations: instants in UTC, text escaped, the same bytes for the same facts.
//! What people typed stays text: no character of it can begin a property or an event.

use icalendar::{Calendar, Component, Event as Entry, Property};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// An appointment. The same `uid` in a later file replaces it in the recipient's calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub uid: String,
    pub starts: Timestamp,
    pub ends: Timestamp,
    pub title: String,
    pub place: String,
    pub description: String,
}

/// The file, `stamp` being the instant it was made at.
#[must_use]
pub fn calendar(events: &[Event], stamp: Timestamp) -> Vec<u8> {
    let mut file = Calendar::new();
    file.properties.retain(|property| property.key() != "PRODID");
    file.append_property(Property::new("PRODID", "-//cplds//Examen CPLDS//FR"));
    file.append_property(Property::new("METHOD", "PUBLISH"));
    for event in events {
        let mut entry = Entry::new();
        entry.append_property(Property::new("UID", one_line(&event.uid)));
        entry.append_property(Property::new("DTSTAMP", utc(stamp)));
        entry.append_property(Property::new("DTSTART", utc(event.starts)));
        entry.append_property(Property::new("DTEND", utc(event.ends)));
        entry.append_property(Property::new("SUMMARY", one_line(&event.title)));
        if !event.place.is_empty() {
            entry.append_property(Property::new("LOCATION", one_line(&event.place)));
        }
        if !event.description.is_empty() {
            entry.append_property(Property::new("DESCRIPTION", lines(&event.description)));
        }
        file.push(entry.done());
    }
    file.to_string().into_bytes()
}

/// `20270203T133000Z`.
fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Line breaks and control characters become spaces.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Keeps line breaks, as the single character the escaping knows; other control characters go.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            uid: "0197-epreuve-1@cplds".into(),
            starts: "2027-02-03T13:30:00Z".parse().unwrap(),
            ends: "2027-02-03T14:15:00.25Z".parse().unwrap(),
            title: "CPLDS : épreuve 1".into(),
            place: "Lycée Suzanne-Valadon, 39 rue François-Perrin, Limoges".into(),
            description: "Présentez-vous à 14 h.\nPièce d’identité ; convocation.".into(),
        }
    }

    fn text(events: &[Event]) -> String {
        String::from_utf8(calendar(events, "2027-01-04T08:00:00Z".parse().unwrap())).unwrap()
    }

    /// The content lines, unfolded as a reader of the file does.
    fn content(file: &str) -> Vec<String> {
        file.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn an_appointment_is_written_in_utc_with_its_place() {
        assert_eq!(
            content(&text(&[event()])),
            [
                "BEGIN:VCALENDAR",
                "VERSION:2.0",
                "CALSCALE:GREGORIAN",
                "PRODID:-//cplds//Examen CPLDS//FR",
                "METHOD:PUBLISH",
                "BEGIN:VEVENT",
                "DESCRIPTION:Présentez-vous à 14 h.\\nPièce d’identité \\; convocation.",
                "DTEND:20270203T141500Z",
                "DTSTAMP:20270104T080000Z",
                "DTSTART:20270203T133000Z",
                "LOCATION:Lycée Suzanne-Valadon\\, 39 rue François-Perrin\\, Limoges",
                "SUMMARY:CPLDS : épreuve 1",
                "UID:0197-epreuve-1@cplds",
                "END:VEVENT",
                "END:VCALENDAR",
                "",
            ]
        );
    }

    #[test]
    fn every_line_ends_with_crlf_and_holds_at_most_75_octets() {
        let long = "é\u{a0}; , \\ — ".repeat(80);
        let file = text(&[Event { title: long.clone(), description: long, ..event() }]);
        assert!(file.ends_with("\r\n"));
        for line in file.split("\r\n") {
            assert!(line.len() <= 75, "{} octets: {line}", line.len());
            assert!(!line.contains(['\r', '\n']));
        }
    }

    #[test]
    fn nothing_typed_can_begin_a_property_or_an_event() {
        for hostile in [
            "x\r\nATTENDEE:mailto:a@b.fr",
            "x\nEND:VEVENT\nBEGIN:VEVENT",
            "x\rDTSTART:19700101T000000Z",
            "a;b,c\\n\\",
            "\u{0}\u{85}\u{b}ATTACH:file:///etc/passwd",
        ] {
            let all = || hostile.to_owned();
            let file = text(&[Event { uid: all(), title: all(), place: all(), description: all(), ..event() }]);
            let content = content(&file);
            assert_eq!(content.len(), 16, "{content:#?}");
            assert_eq!(content.iter().filter(|line| line.starts_with("DTSTART")).count(), 1);
            assert!(!file.replace("\r\n", "").contains(['\r', '\n', '\0']));
        }
        let line = content(&text(&[Event { title: "a;b,c\\".into(), ..event() }]));
        assert!(line.contains(&"SUMMARY:a\\;b\\,c\\\\".to_owned()), "{line:#?}");
    }

    #[test]
    fn the_same_facts_give_the_same_bytes_and_a_reader_finds_every_appointment() {
        let events = [event(), Event { uid: "2@cplds".into(), ..event() }];
        let file = text(&events);
        assert_eq!(file, text(&events));
        let read: Calendar = file.parse().unwrap();
        assert_eq!(read.components.len(), 2);
    }
}
