//! Which counts of a published table to hide: the small ones, and those that would give them away.
//! A table here carries its totals as a last row and a last column.

use std::collections::BTreeSet;

use super::Counts;

/// The counts of a table with a last column and a last row of totals.
pub(super) fn with_totals(keys: &[Vec<String>], counts: &Counts) -> Vec<Vec<u32>> {
    let add = |sum: u32, count: &u32| sum.saturating_add(*count);
    let mut full: Vec<Vec<u32>> = keys
        .iter()
        .map(|line| {
            let mut line: Vec<u32> = line.iter().map(|key| counts.get(key).copied().unwrap_or(0)).collect();
            line.push(line.iter().fold(0, add));
            line
        })
        .collect();
    let width = full.first().map_or(0, Vec::len);
    full.push((0..width).map(|c| full.iter().filter_map(|line| line.get(c)).fold(0, add)).collect());
    full
}

/// Which cells of a table with totals to mask. Each line and column adds up to its total, so one masked
/// cell alone in it could be computed: another is masked with it, the smallest count first, totals last.
#[must_use]
pub fn masks(full: &[Vec<u32>], below: u32) -> BTreeSet<(usize, usize)> {
    let height = full.len();
    let width = full.first().map_or(0, Vec::len);
    let at = |(r, c): (usize, usize)| full.get(r).and_then(|line| line.get(c)).copied().unwrap_or(0);
    let cells = || (0..height).flat_map(|r| (0..width).map(move |c| (r, c)));
    let lines: Vec<Vec<(usize, usize)>> = (0..height)
        .map(|r| (0..width).map(|c| (r, c)).collect())
        .chain((0..width).map(|c| (0..height).map(|r| (r, c)).collect()))
        .collect();
    let mut masked: BTreeSet<(usize, usize)> = cells().filter(|cell| at(*cell) < below).collect();
    let is_total = |(r, c): (usize, usize)| usize::from(r + 1 == height) + usize::from(c + 1 == width);
    loop {
        let alone = lines.iter().find(|line| line.iter().filter(|cell| masked.contains(*cell)).count() == 1);
        let Some(line) = alone else { return masked };
        let Some(companion) =
            line.iter().copied().filter(|cell| !masked.contains(cell)).min_by_key(|cell| (is_total(*cell), at(*cell)))
        else {
            return masked;
        };
        masked.insert(companion);
    }
}
