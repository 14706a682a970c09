//! The line through samples, and how sure it is.

/// Change over time with a 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Slope {
    /// The least squares line's.
    pub estimate: f64,
    /// Half the width of its interval.
    pub margin: f64,
}

impl Slope {
    /// Of points (x, y); nothing for fewer than three or where all x are the same.
    pub(super) fn of(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
        let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
        if points.len() < 3 || spread <= 0.0 {
            return None;
        }
        let estimate = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>() / spread;
        let residual: f64 = points.iter().map(|(x, y)| (y - y_mean - estimate * (x - x_mean)).powi(2)).sum();
        // Close to Student's t for the dozens of samples that there are.
        let margin = 2.0 * (residual / (count - 2.0) / spread).sqrt();
        Some(Self { estimate, margin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_no_doubt() {
        let line: Vec<_> = (0..20).map(|x| (f64::from(x), 3.0 + 0.5 * f64::from(x))).collect();
        let slope = Slope::of(&line).unwrap();
        assert!((slope.estimate - 0.5).abs() < 1e-12 && slope.margin < 1e-9, "{slope:?}");
        let noisy: Vec<_> =
            line.iter().map(|(x, y)| (*x, y + if (*x as u32).is_multiple_of(2) { 1.0 } else { -1.0 })).collect();
        assert!(Slope::of(&noisy).unwrap().margin > 0.01);
        assert_eq!(Slope::of(&line[..2]), None);
    }
}
