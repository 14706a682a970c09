//! Which images there are, and what is in each.

/// What an image holds beside its programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A directory for files that live as long as the pod.
    Scratch,
    /// The built-in models, for `builtin://NAME`.
    Models,
    /// The Python that generated programs run on.
    Python,
}

/// One image.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Repository of its reference.
    pub name: &'static str,
    /// What it is for, in its labels.
    pub description: &'static str,
    /// Programs of this workspace; a container without a command runs the first one.
    pub programs: &'static [&'static str],
    /// What else is in it.
    pub parts: &'static [Part],
    /// Its Dockerfile in `images`.
    pub dockerfile: &'static str,
}

/// The folder of programs in an image.
pub const PROGRAMS: &str = "/usr/local/bin";
/// The folder of built-in models in an image.
pub const MODELS: &str = "/usr/share/genesis/models";
/// User and group of an image; the operator names others where a pod needs them.
pub const USER: u32 = 65_532;

/// Every image.
pub const RECIPES: [Recipe; 4] = [
    Recipe {
        name: "genesis",
        description: "Operator, gateway and evaluator of Genesis, and kubectl-genesis",
        programs: &["genesis", "kubectl-genesis"],
        // SQLite sorts what does not fit its cache in files.
        parts: &[Part::Scratch],
        dockerfile: "genesis.Dockerfile",
    },
    Recipe {
        name: "genesis-sandbox",
        description: "The pool of Genesis that runs hostile programs, with their Python",
        programs: &["genesis-sandbox"],
        parts: &[Part::Python],
        dockerfile: "sandbox.Dockerfile",
    },
    Recipe {
        name: "genesis-trainer",
        description: "The trainer of Genesis, for processors",
        programs: &["genesis-trainer"],
        parts: &[Part::Models],
        dockerfile: "trainer.Dockerfile",
    },
    Recipe {
        name: "genesis-inference",
        description: "The inference server of Genesis with the built-in models, for processors",
        programs: &["genesis-inference"],
        parts: &[Part::Models],
        dockerfile: "inference.Dockerfile",
    },
];

impl Recipe {
    /// The reference by which pods ask for the image of this version.
    pub fn reference(&self) -> String {
        format!("{}:{VERSION}", self.name)
    }

    /// The same as container runtimes keep it: a name without a host is one of Docker's hub to them, and an image
    /// that is stored under the short name is never found.
    pub fn full_reference(&self) -> String {
        format!("docker.io/library/{}", self.reference())
    }

    /// The program that its containers run, unless they name another.
    pub fn entrypoint(&self) -> String {
        format!("{PROGRAMS}/{}", self.programs.first().copied().unwrap_or_default())
    }

    /// Whether it holds `part`.
    pub fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

/// The version of all images.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    use genesis_operator::Images;
    use serde_yaml::Value;

    use super::*;
    use crate::paths;

    fn reference(name: &str) -> String {
        RECIPES.iter().find(|recipe| recipe.name == name).unwrap().reference()
    }

    #[test]
    fn the_operator_asks_for_these_images() {
        let asked = Images::default();
        assert_eq!(asked.evaluator, reference("genesis"));
        assert_eq!(asked.sandbox, reference("genesis-sandbox"));
        assert_eq!(asked.trainer, reference("genesis-trainer"));
        assert_eq!(asked.serving, reference("genesis-inference"));
    }

    #[test]
    fn the_chart_asks_for_these_images() {
        let read = |file: &str| -> Value {
            let text = std::fs::read_to_string(paths::root().join("charts/genesis").join(file)).unwrap();
            serde_yaml::from_str(&text).unwrap()
        };
        let (values, chart) = (read("values.yaml"), read("Chart.yaml"));
        let image = &values["image"];
        assert_eq!((image["tag"].as_str(), image["digest"].as_str()), (Some(""), Some("")));
        let (name, version) = (image["repository"].as_str().unwrap(), chart["appVersion"].as_str().unwrap());
        assert_eq!(format!("{name}:{version}"), reference("genesis"));
        let roles = values["operator"]["images"].as_mapping().unwrap();
        assert!(roles.values().all(|image| image.as_str() == Some("")), "the operator's own defaults: {roles:?}");
    }
}
