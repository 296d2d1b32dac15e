//! QR codes: the address of a payment page as a picture.
//!
//! Facts: paymennt §2.1 (PNG, RGBA, as wide as was asked).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::{Color, QrCode};

/// Light modules around the code: what readers need.
const QUIET: usize = 4;
/// The shade of a dark and of a light pixel, opaque.
const DARK: [u8; 4] = [0, 0, 0, 255];
const LIGHT: [u8; 4] = [255, 255, 255, 255];

/// A PNG of `size` by `size` pixels that says `text`, in base64.
pub fn base64(text: &str, size: u32) -> String {
    png(text, size).map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()
}

/// `None` for a text that no code can hold: an address is far from that.
fn png(text: &str, size: u32) -> Option<Vec<u8>> {
    let code = QrCode::new(text).ok()?;
    let (modules, width) = (code.width() + 2 * QUIET, usize::try_from(size).ok()?);
    let colors = code.to_colors();
    // Whole pixels for every module: readers forgive a wide margin, not crooked modules.
    let scale = (width / modules).max(1);
    let margin = width.saturating_sub(scale * code.width()) / 2;
    let module =
        |pixel: usize| pixel.checked_sub(margin).map(|pixel| pixel / scale).filter(|place| *place < code.width());
    let dark = |row: usize, column: usize| match (module(row), module(column)) {
        (Some(row), Some(column)) => colors[row * code.width() + column] == Color::Dark,
        _ => false,
    };
    let pixels = (0..width).flat_map(|row| (0..width).map(move |column| (row, column)));
    let data: Vec<u8> = pixels.flat_map(|(row, column)| if dark(row, column) { DARK } else { LIGHT }).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size, size);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().ok()?.write_image_data(&data).ok()?;
    Some(bytes)
}
