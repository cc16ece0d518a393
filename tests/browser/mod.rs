//! What only a real browser can tell: accessibility rules on every page of the demonstration, widths, colour schemes.
//! Chromium and its driver come from Debian's packages (`tests/tools/prepare.sh`), axe-core from the locked npm folder.

mod accessibility;
mod comfort;
mod crawl;
pub mod driver;
mod passkeys;
mod registration;
