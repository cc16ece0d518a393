//! A small picture of a piece, for whoever goes through fifty files: a photograph made smaller, the first page of a PDF.
//! Drawn once and kept; what cannot be drawn is said so, and the file can still be opened. Nothing leaves this process.

use std::io::Cursor;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;

use crate::domain::piece::PieceKind;
use crate::vault::{Vault, VaultError};

/// Longest side, in pixels: enough to tell an identity card from a contract.
const SIDE: u32 = 420;
/// A page beyond this, in points, is no page: drawing it small still costs what it announces.
const LARGEST_PAGE: f32 = 14_400.0;
/// Memory that decoding one photograph may take.
const MEMORY: u64 = 320 * 1024 * 1024;
/// A file that takes longer is shown without its picture.
const PATIENCE: Duration = Duration::from_secs(10);
/// Drawings at the same time: each may hold a whole photograph.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));

/// The picture of a file of the vault, drawn now or read back; `None` when it cannot be drawn.
///
/// # Errors
/// The vault's own, when the file itself cannot be read.
pub async fn picture(vault: &Vault, sha256: &str, kind: PieceKind) -> Result<Option<Bytes>, VaultError> {
    let kept = vault.area("pictures");
    match kept.get_made(sha256).await {
        Ok(drawn) => return Ok((!drawn.is_empty()).then_some(drawn)),
        Err(VaultError::Missing(_) | VaultError::Altered(_)) => {}
        Err(error) => return Err(error),
    }
    let bytes = vault.area("pieces").get(sha256).await?;
    let Ok(place) = Arc::clone(&PLACES).acquire_owned().await else { return Ok(None) };
    let drawing = tokio::task::spawn_blocking(move || {
        // Held until the drawing really ends, even when nobody waits for it any more.
        let _place = place;
        draw(kind, &bytes)
    });
    let drawn = match tokio::time::timeout(PATIENCE, drawing).await {
        Ok(Ok(drawn)) => drawn,
        // Too long, or a panic of a library: an empty picture is kept, so that it is not tried again at each sight.
        Ok(Err(_)) | Err(_) => None,
    };
    let drawn = drawn.unwrap_or_default();
    kept.put_made(sha256, &drawn).await?;
    Ok((!drawn.is_empty()).then(|| Bytes::from(drawn)))
}

/// A PNG within [`SIDE`], or nothing.
#[must_use]
pub fn draw(kind: PieceKind, bytes: &[u8]) -> Option<Vec<u8>> {
    match kind {
        PieceKind::Jpeg => photograph(bytes, ImageFormat::Jpeg),
        PieceKind::Png => photograph(bytes, ImageFormat::Png),
        PieceKind::Pdf => first_page(bytes),
    }
}

fn photograph(bytes: &[u8], format: ImageFormat) -> Option<Vec<u8>> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    // A telephone held upright writes its pixels lying down, and says so beside them.
    let upright = image::ImageDecoder::orientation(&mut decoder).ok();
    let mut picture = DynamicImage::from_decoder(decoder).ok()?.thumbnail(SIDE, SIDE);
    if let Some(upright) = upright {
        picture.apply_orientation(upright);
    }
    let mut png = Cursor::new(Vec::new());
    picture.into_rgb8().write_to(&mut png, ImageFormat::Png).ok()?;
    Some(png.into_inner())
}

fn first_page(bytes: &[u8]) -> Option<Vec<u8>> {
    let pdf = Pdf::new(bytes.to_vec()).ok()?;
    let page = pdf.pages().first()?;
    let (width, height) = page.render_dimensions();
    let longest = width.max(height);
    // Not a number, empty or boundless: no page.
    if !(width.min(height) >= 1.0 && longest <= LARGEST_PAGE) {
        return None;
    }
    #[allow(clippy::cast_precision_loss)] // a few hundred pixels
    let scale = SIDE as f32 / longest;
    if width.min(height) * scale < 1.0 {
        return None;
    }
    let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let cache = RenderCache::new();
    hayro::render(page, &cache, &InterpreterSettings::default(), &RenderSettings::default(), &settings).into_png().ok()
}

/// Removes from the vault what no row names any more, once a day old: an upload cut between the file and its row,
/// a draft thrown away. Returns how many files went.
///
/// # Errors
/// The vault's own.
pub async fn sweep(vault: &Vault, named: &[String], now: jiff::Timestamp) -> Result<usize, VaultError> {
    let mut removed = 0;
    for area in ["pieces", "pictures", "messages"] {
        let shelf = vault.area(area);
        for kept in shelf.list().await? {
            let is_young = now.as_second().saturating_sub(kept.written_at) < 24 * 3600;
            if is_young || named.binary_search(&kept.sha256).is_ok() {
                continue;
            }
            shelf.remove(&kept.sha256).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// A sheet of paper, for a file that has no picture.
#[must_use]
pub fn blank_page() -> Vec<u8> {
    let (width, height) = (150, 212);
    let page = image::RgbImage::from_fn(width, height, |x, y| {
        let is_edge = x < 2 || y < 2 || x >= width - 2 || y >= height - 2;
        let is_line = (24..width - 24).contains(&x) && (40..height - 40).contains(&y) && y % 22 < 3;
        if is_edge || is_line { image::Rgb([146, 146, 146]) } else { image::Rgb([255, 255, 255]) }
    });
    let mut png = Cursor::new(Vec::new());
    match page.write_to(&mut png, ImageFormat::Png) {
        Ok(()) => png.into_inner(),
        Err(_) => Vec::new(),
    }
}
