//! The structure tree of a document: what a screen reader walks, in reading order.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Document,
    H1,
    H2,
    P,
    List,
    ListItem,
    Label,
    ListBody,
    Table,
    Row,
    HeadCell(Scope),
    Cell,
    Figure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Column,
    Row,
}

impl Role {
    pub fn tag(self) -> &'static str {
        match self {
            Role::Document => "Document",
            Role::H1 => "H1",
            Role::H2 => "H2",
            Role::P => "P",
            Role::List => "L",
            Role::ListItem => "LI",
            Role::Label => "Lbl",
            Role::ListBody => "LBody",
            Role::Table => "Table",
            Role::Row => "TR",
            Role::HeadCell(_) => "TH",
            Role::Cell => "TD",
            Role::Figure => "Figure",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Kid {
    Element(usize),
    Mark { page: usize, mark: usize },
}

#[derive(Debug, Clone)]
pub(super) struct Element {
    pub role: Role,
    pub parent: Option<usize>,
    pub kids: Vec<Kid>,
    /// A figure's alternative text and its box on the page (left, bottom, right, top).
    pub figure: Option<(String, [f32; 4])>,
}

#[derive(Debug)]
pub(super) struct Structure {
    pub elements: Vec<Element>,
}

/// The root element, `Document`.
pub(super) const ROOT: usize = 0;

impl Structure {
    pub fn new() -> Structure {
        Structure { elements: vec![Element { role: Role::Document, parent: None, kids: Vec::new(), figure: None }] }
    }

    pub fn add(&mut self, parent: usize, role: Role) -> usize {
        let id = self.elements.len();
        self.elements.push(Element { role, parent: Some(parent), kids: Vec::new(), figure: None });
        self.elements[parent].kids.push(Kid::Element(id));
        id
    }

    pub fn mark(&mut self, element: usize, page: usize, mark: usize) {
        self.elements[element].kids.push(Kid::Mark { page, mark });
    }

    pub fn describe(&mut self, figure: usize, alt: &str, bounds: [f32; 4]) {
        self.elements[figure].figure = Some((alt.to_owned(), bounds));
    }
}
