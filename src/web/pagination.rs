//! Long lists, page by page. The addresses keep the filters, so that a page can be sent to a colleague.

/// Where one is in a long list. Addresses keep the filters: `base` ends with `page=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    pub current: usize,
    pub per_page: usize,
    pub total: usize,
    pub base: String,
}

/// One number of the pagination; without an address it stands for the pages left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageLink {
    pub number: usize,
    pub href: Option<String>,
    pub is_current: bool,
}

impl Pages {
    /// `path` is the page of the list, `filters` the fields to keep in its addresses.
    #[must_use]
    pub fn new<'a>(
        path: &str,
        filters: impl IntoIterator<Item = (&'a str, &'a str)>,
        asked: &str,
        per_page: usize,
        total: usize,
    ) -> Self {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in filters.into_iter().filter(|(name, value)| *name != "page" && !value.is_empty()) {
            query.append_pair(name, value);
        }
        let query = query.finish();
        let separator = if query.is_empty() { "" } else { "&" };
        let per_page = per_page.max(1);
        let last = total.div_ceil(per_page).max(1);
        let current = asked.parse::<usize>().unwrap_or(1).clamp(1, last);
        Pages { current, per_page, total, base: format!("{path}?{query}{separator}page=") }
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.total.div_ceil(self.per_page)
    }

    /// Rows before this page.
    #[must_use]
    pub fn offset(&self) -> usize {
        (self.current - 1) * self.per_page
    }

    #[must_use]
    pub fn previous(&self) -> Option<String> {
        (self.current > 1).then(|| format!("{}{}", self.base, self.current - 1))
    }

    #[must_use]
    pub fn next(&self) -> Option<String> {
        (self.current < self.count()).then(|| format!("{}{}", self.base, self.current + 1))
    }

    /// First, last, and those around the current one.
    #[must_use]
    pub fn links(&self) -> Vec<PageLink> {
        let count = self.count();
        let mut links: Vec<PageLink> = Vec::new();
        for number in 1..=count {
            let is_near = number.abs_diff(self.current) <= 1;
            if number == 1 || number == count || is_near {
                let href = Some(format!("{}{number}", self.base));
                links.push(PageLink { number, href, is_current: number == self.current });
            } else if links.last().is_some_and(|link| link.href.is_some()) {
                links.push(PageLink { number, href: None, is_current: false });
            }
        }
        links
    }

    /// `Lignes 51 à 100 sur 240.`
    #[must_use]
    pub fn sentence(&self) -> String {
        let first = self.offset() + 1;
        let last = (self.offset() + self.per_page).min(self.total);
        format!("Lignes {first} à {last} sur {}.", self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_keep_the_filters_and_leave_out_the_far_ones() {
        let pages = Pages::new("/gestion", [("nom", "Noël"), ("page", "3"), ("etat", "")], "5", 50, 480);
        assert_eq!(pages.base, "/gestion?nom=No%C3%ABl&page=");
        let numbers: Vec<(usize, bool)> =
            pages.links().into_iter().map(|link| (link.number, link.href.is_some())).collect();
        assert_eq!(numbers, [(1, true), (2, false), (4, true), (5, true), (6, true), (7, false), (10, true)]);
        assert_eq!(pages.sentence(), "Lignes 201 à 250 sur 480.");
        assert_eq!(Pages::new("/gestion", [], "99", 50, 480).current, 10);
    }
}
