//! Tables: columns as wide as what they hold, one structure over several pages, the header repeated on each
//! (tagged once, an artifact after that). A row holds together; only one taller than a page is cut.

use super::draw::{Artifact, Draw, FAINT, RULE, Style};
use super::face::Face;
use super::flow::{Flow, LEFT, MEASURE};
use super::frame::stack;
use super::lines::{Align, Line, Shaped, break_shaped, height, shape, span, widths};
use super::structure::{ROOT, Role, Scope};
use super::{PdfError, SimpleTable};

const PAD_X: f32 = 5.0;
const PAD_Y: f32 = 3.6;

pub(super) struct Grid {
    pub headers: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// The column that names its row.
    pub named_by: Option<usize>,
    pub size: f32,
    /// The least height of a row: room to sign in.
    pub row_height: f32,
    /// The least share of the width a column takes.
    pub floors: Vec<(usize, f32)>,
}

impl Grid {
    pub fn new(headers: Vec<String>, rows: Vec<Vec<String>>) -> Grid {
        Grid { headers, rows, named_by: Some(0), size: 8.8, row_height: 0.0, floors: Vec::new() }
    }

    pub fn of(table: &SimpleTable) -> Grid {
        Grid::new(table.headers.clone(), table.rows.clone())
    }
}

impl Flow<'_> {
    pub fn table(&mut self, grid: &Grid) -> Result<(), PdfError> {
        let columns = grid.headers.len();
        if columns == 0 {
            return Ok(());
        }
        let plain = Style::new(Face::Sans, grid.size, grid.size * 1.36);
        let strong = Style { face: Face::SansBold, ..plain };
        let mut shaped: Vec<Vec<Shaped>> = Vec::with_capacity(grid.rows.len() + 1);
        shaped.push(
            grid.headers
                .iter()
                .map(|text| shape(&mut self.frame.faces, &[span(text, strong)]))
                .collect::<Result<_, _>>()?,
        );
        for row in &grid.rows {
            let cells = (0..columns).map(|column| {
                let text = row.get(column).map_or("", String::as_str);
                let style = if grid.named_by == Some(column) { strong } else { plain };
                shape(&mut self.frame.faces, &[span(text, style)])
            });
            shaped.push(cells.collect::<Result<_, _>>()?);
        }
        let wide = column_widths(&shaped, &grid.floors);
        let mut rows = shaped.into_iter().map(|cells| -> Vec<Vec<Line>> {
            cells.into_iter().zip(&wide).map(|(cell, width)| break_shaped(cell, width - 2.0 * PAD_X)).collect()
        });
        let head = rows.next().unwrap_or_default();
        let table = self.frame.structure.add(ROOT, Role::Table);
        let row_height = grid.row_height.max(grid.size * 1.36 + 2.0 * PAD_Y);
        self.need(tallness(&head) + row_height * 2.0 + 14.0);
        if !self.at_top() {
            self.space(8.0);
        }
        let spread = Spread { wide: &wide, head: &head };
        spread.head(self, Some(table));
        for row in rows {
            let tall = tallness(&row).max(grid.row_height);
            if tall > self.room() && !self.at_top() {
                self.turn_page();
                spread.head(self, None);
            }
            spread.row(self, table, row, grid);
        }
        self.space(4.0);
        Ok(())
    }
}

struct Spread<'a> {
    wide: &'a [f32],
    head: &'a [Vec<Line>],
}

impl Spread<'_> {
    /// The header: part of the table the first time, an artifact where it only repeats.
    fn head(&self, flow: &mut Flow, table: Option<usize>) {
        let tall = tallness(self.head);
        let page = flow.frame.pages.len() - 1;
        let fill = Draw::Boxes { boxes: vec![[LEFT, flow.y - tall, MEASURE, tall]], ink: FAINT };
        flow.frame.artifact(page, Artifact::Layout, vec![fill]);
        flow.rules.push([LEFT, flow.y - tall, MEASURE, 0.8]);
        let row = table.map(|table| flow.frame.structure.add(table, Role::Row));
        let mut x = LEFT;
        let mut repeated = Vec::new();
        for (cell, width) in self.head.iter().zip(self.wide) {
            let (draws, _) = stack(cell.clone(), x + PAD_X, flow.y - PAD_Y, width - 2.0 * PAD_X, Align::Left);
            match row {
                Some(row) => {
                    let element = flow.frame.structure.add(row, Role::HeadCell(Scope::Column));
                    if !draws.is_empty() {
                        flow.frame.mark(element, draws);
                    }
                }
                None => repeated.extend(draws),
            }
            x += width;
        }
        if !repeated.is_empty() {
            flow.frame.artifact(page, Artifact::Header, repeated);
        }
        flow.y -= tall;
    }

    fn row(&self, flow: &mut Flow, table: usize, mut cells: Vec<Vec<Line>>, grid: &Grid) {
        let row = flow.frame.structure.add(table, Role::Row);
        let role = |column| if grid.named_by == Some(column) { Role::HeadCell(Scope::Row) } else { Role::Cell };
        let elements: Vec<usize> = (0..cells.len()).map(|column| flow.frame.structure.add(row, role(column))).collect();
        loop {
            let room = flow.room() - 2.0 * PAD_Y;
            let (mut x, mut tall) = (LEFT, 0.0_f32);
            for (column, width) in self.wide.iter().enumerate() {
                let mut left = room;
                let fit = cells[column]
                    .iter()
                    .take_while(|line| {
                        left -= line.leading;
                        left >= 0.0
                    })
                    .count()
                    .max(1);
                let fit = fit.min(cells[column].len());
                let rest = cells[column].split_off(fit);
                let lines = std::mem::replace(&mut cells[column], rest);
                tall = tall.max(height(&lines));
                let (draws, _) = stack(lines, x + PAD_X, flow.y - PAD_Y, width - 2.0 * PAD_X, Align::Left);
                if !draws.is_empty() {
                    flow.frame.mark(elements[column], draws);
                }
                x += width;
            }
            flow.y -= (tall + 2.0 * PAD_Y).max(grid.row_height);
            flow.rules.push([LEFT, flow.y, MEASURE, 0.4]);
            if cells.iter().all(Vec::is_empty) {
                break;
            }
            flow.turn_page();
            self.head(flow, None);
        }
    }
}

fn tallness(cells: &[Vec<Line>]) -> f32 {
    cells.iter().map(|cell| height(cell)).fold(0.0, f32::max) + 2.0 * PAD_Y
}

/// Each column gets its widest word, then what is left is shared by how much more its cells would take.
fn column_widths(rows: &[Vec<Shaped>], floors: &[(usize, f32)]) -> Vec<f32> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut needs = vec![(0.0_f32, 0.0_f32); columns];
    for row in rows {
        for (need, cell) in needs.iter_mut().zip(row) {
            let (whole, word) = widths(cell);
            *need = (need.0.max(whole + 2.0 * PAD_X), need.1.max(word + 2.0 * PAD_X));
        }
    }
    for (column, share) in floors {
        if let Some(need) = needs.get_mut(*column) {
            *need = (need.0.max(share * MEASURE), need.1.max(share * MEASURE));
        }
    }
    let least: f32 = needs.iter().map(|need| need.1).sum();
    if least >= MEASURE {
        return needs.iter().map(|need| need.1 * MEASURE / least).collect();
    }
    let wish: f32 = needs.iter().map(|need| need.0 - need.1).sum();
    let spare = MEASURE - least;
    if wish <= spare {
        let more = (spare - wish) / columns as f32;
        return needs.iter().map(|need| need.0 + more).collect();
    }
    needs.iter().map(|need| need.1 + (need.0 - need.1) * spare / wish).collect()
}

/// A thin line across the measure.
pub(super) fn line_across(flow: &mut Flow, weight: f32) {
    let page = flow.frame.pages.len() - 1;
    let boxes = vec![[LEFT, flow.y, MEASURE, weight]];
    flow.frame.artifact(page, Artifact::Layout, vec![Draw::Boxes { boxes, ink: RULE }]);
}
