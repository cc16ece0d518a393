//! The two charts of a person's competences, as shapes on a grid: where each source sees each competence, and how
//! it went over time. Each source has its shape and each level its number, so that both read without colour.

use jiff::civil::Date;

use crate::domain::staff::EvidenceSource;
use crate::store::competence::Profile;

/// Width of both charts, in units of their own; the page scales them.
pub const WIDTH: i32 = 640;
const LEFT: i32 = 64;
const RIGHT: i32 = 24;
const TOP: i32 = 34;
const ROW: i32 = 34;
/// The most days marked on one line: further back, the table tells.
const MOST: usize = 60;

/// The order of the sources, on charts and in tables.
pub const SOURCES: [EvidenceSource; 4] =
    [EvidenceSource::Own, EvidenceSource::Tutor, EvidenceSource::Trainer, EvidenceSource::Jury];

/// A shape at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dot {
    /// Path of the shape.
    pub path: String,
    pub class: &'static str,
    /// Said on hovering.
    pub title: String,
    /// A number beside the shape, and where; empty for none.
    pub text: String,
    pub x: i32,
    pub y: i32,
}

/// A competence with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub code: String,
    pub y: i32,
    pub dots: Vec<Dot>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    pub height: i32,
    pub right: i32,
    pub bottom: i32,
    /// Words of the upright lines, and where.
    pub ticks: Vec<(i32, String)>,
    /// Where the target stands; none when there is none.
    pub target: Option<i32>,
    pub rows: Vec<Row>,
}

/// Circle, square, triangle, diamond: one shape for each source.
#[must_use]
pub fn shape(source: EvidenceSource, x: i32, y: i32) -> String {
    match source {
        EvidenceSource::Own => format!("M{} {y}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z", x - 6),
        EvidenceSource::Tutor => format!("M{} {}h11v11h-11z", x - 5, y - 5),
        EvidenceSource::Trainer => format!("M{x} {}l7 12h-14z", y - 7),
        EvidenceSource::Jury => format!("M{x} {}l8 8l-8 8l-8 -8z", y - 8),
    }
}

/// Filled, open or thick: a second sign beside the shape.
#[must_use]
pub const fn class(source: &EvidenceSource) -> &'static str {
    match source {
        EvidenceSource::Own => "chart__mark chart__mark--open",
        EvidenceSource::Tutor | EvidenceSource::Trainer => "chart__mark",
        EvidenceSource::Jury => "chart__mark chart__mark--strong",
    }
}

/// Where each source sees each competence, on the four levels.
#[must_use]
pub fn levels(profile: &Profile) -> Chart {
    let step = (WIDTH - LEFT - RIGHT) / 4;
    let at = |level: i32| LEFT + step / 2 + (level - 1) * step;
    let rows = profile.lines.iter().zip(0..).map(|(line, rank)| {
        let y = TOP + ROW / 2 + rank * ROW;
        let dots = SOURCES.iter().zip(0..).filter_map(|(source, place)| {
            let (level, day) = line.of(*source)?;
            // Four sources that agree stand side by side.
            let x = at(level) + (place * 2 - 3) * 12;
            Some(Dot {
                path: shape(*source, x, y),
                class: class(source),
                title: format!("{}, {}\u{a0}: niveau {level}, le {}", line.code, source.label(), said(day)),
                text: String::new(),
                x,
                y,
            })
        });
        Row { code: line.code.clone(), y, dots: dots.collect() }
    });
    let rows: Vec<Row> = rows.collect();
    let bottom = TOP + ROW * i32::try_from(rows.len()).unwrap_or(0);
    Chart {
        height: bottom + 12,
        right: WIDTH - RIGHT,
        bottom,
        ticks: (1..=4).map(|level| (at(level), format!("niveau {level}"))).collect(),
        target: profile.target.as_ref().map(|target| at(target.level) - step / 2),
        rows,
    }
}

/// What was seen and when, oldest on the left; `None` when everything was seen on one day.
#[must_use]
pub fn evolution(profile: &Profile) -> Option<Chart> {
    let days = || profile.lines.iter().flat_map(|line| &line.seen).filter(|own| own.stands()).map(|own| own.dated_on);
    let (first, last) = (days().min()?, days().max()?);
    let span = number_of_days(first, last);
    if span == 0 {
        return None;
    }
    let width = i64::from(WIDTH - LEFT - RIGHT - 40);
    let at = |day: Date| LEFT + 16 + i32::try_from(width * number_of_days(first, day) / span).unwrap_or(0);
    let rows = profile.lines.iter().filter(|line| line.current().is_some()).zip(0..).map(|(line, rank)| {
        let y = TOP + ROW / 2 + rank * ROW;
        let dots = line.seen.iter().filter(|own| own.stands()).take(MOST).map(|own| {
            let x = at(own.dated_on);
            Dot {
                path: shape(own.source, x, y),
                class: class(&own.source),
                title: format!(
                    "{}, {}\u{a0}: niveau {}, le {}",
                    line.code,
                    own.source.label(),
                    own.level,
                    said(own.dated_on)
                ),
                text: own.level.to_string(),
                x: x + 9,
                y: y - 5,
            }
        });
        Row { code: line.code.clone(), y, dots: dots.collect() }
    });
    let rows: Vec<Row> = rows.collect();
    let bottom = TOP + ROW * i32::try_from(rows.len()).unwrap_or(0);
    Some(Chart {
        height: bottom + 12,
        right: WIDTH - RIGHT,
        bottom,
        ticks: vec![(at(first) + 24, said(first)), (at(last) - 16, said(last))],
        target: None,
        rows,
    })
}

fn number_of_days(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

fn said(day: Date) -> String {
    super::super::french::short_date(day)
}
