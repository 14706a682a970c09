//! `adapter_config.json`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::AdapterError;
use crate::lora::Projection;

/// PEFT's version whose format is written.
const PEFT_VERSION: &str = "0.21.2";

/// Initialisations whose adapter is the whole change to the model; others also change the base.
const PLAIN_INITS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

/// What `adapter_config.json` says, as far as plain LoRA needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterSettings {
    /// `base_model_name_or_path`.
    pub base_model: String,
    /// `r`.
    pub rank: usize,
    /// `lora_alpha`.
    pub alpha: f64,
    /// `use_rslora`: the scale is `alpha / √rank`.
    pub rank_stabilised: bool,
    /// `target_modules`, in the order of [`Projection::ALL`].
    pub targets: Vec<Projection>,
}

#[derive(Deserialize)]
struct Raw {
    peft_type: String,
    base_model_name_or_path: Option<String>,
    r: usize,
    lora_alpha: f64,
    target_modules: Targets,
    #[serde(default)]
    use_rslora: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Targets {
    List(Vec<String>),
    Text(String),
}

impl AdapterSettings {
    /// Settings of a fresh adapter on all seven projections.
    pub fn new(base_model: impl Into<String>, rank: usize, alpha: f64) -> Self {
        let targets = Projection::ALL.to_vec();
        Self { base_model: base_model.into(), rank, alpha, rank_stabilised: false, targets }
    }

    /// By what the product of the factors is multiplied.
    pub fn scale(&self) -> f64 {
        let rank = self.rank as f64;
        self.alpha / if self.rank_stabilised { rank.sqrt() } else { rank }
    }

    /// Reads the text of an `adapter_config.json`; `name` is used in messages only.
    pub fn parse(text: &str, name: &str) -> Result<Self, AdapterError> {
        let raw: Raw =
            serde_json::from_str(text).map_err(|source| AdapterError::Malformed { path: name.to_owned(), source })?;
        if raw.peft_type != "LORA" {
            return Err(AdapterError::Unsupported(format!("peft_type {:?}", raw.peft_type)));
        }
        refuse_unsupported(&raw.other)?;
        if raw.r == 0 || !raw.lora_alpha.is_finite() || raw.lora_alpha <= 0.0 {
            return Err(AdapterError::Scale { rank: raw.r, alpha: raw.lora_alpha });
        }
        Ok(Self {
            base_model: raw.base_model_name_or_path.unwrap_or_default(),
            rank: raw.r,
            alpha: raw.lora_alpha,
            rank_stabilised: raw.use_rslora,
            targets: projections(raw.target_modules)?,
        })
    }

    /// The text of `adapter_config.json`, with every key that PEFT writes.
    pub fn to_json(&self) -> Value {
        let targets: Vec<&str> = self.targets.iter().map(|projection| projection.name()).collect();
        // PEFT reads lora_alpha as an integer where it is one.
        let whole = self.alpha.fract() == 0.0 && self.alpha.abs() < 1e9;
        let alpha = if whole { json!(self.alpha as i64) } else { json!(self.alpha) };
        json!({
            "alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null, "auto_mapping": null,
            "base_model_name_or_path": self.base_model, "bias": "none", "corda_config": null,
            "ensure_weight_tying": false, "eva_config": null, "exclude_modules": null, "fan_in_fan_out": false,
            "inference_mode": true, "init_lora_weights": true, "kasa_config": null, "layer_replication": null,
            "layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_alpha": alpha,
            "lora_bias": false, "lora_dropout": 0.0, "lora_ga_config": null, "megatron_config": null,
            "megatron_core": "megatron.core", "modules_to_save": null, "monteclora_config": null,
            "peft_type": "LORA", "peft_version": PEFT_VERSION, "qalora_group_size": 16, "r": self.rank,
            "rank_pattern": {}, "revision": null, "target_modules": targets, "target_parameters": null,
            "task_type": "CAUSAL_LM", "trainable_token_indices": null, "use_bdlora": null, "use_dora": false,
            "use_qalora": false, "use_rslora": self.rank_stabilised, "velora_config": null,
        })
    }
}

fn projections(targets: Targets) -> Result<Vec<Projection>, AdapterError> {
    let names = match targets {
        Targets::Text(text) if text == "all-linear" => return Ok(Projection::ALL.to_vec()),
        Targets::Text(pattern) => {
            return Err(AdapterError::Unsupported(format!("the pattern {pattern:?} as target_modules")));
        }
        Targets::List(names) => names,
    };
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let known = || Projection::ALL.map(Projection::name).join(", ");
        found.push(Projection::from_name(&name).ok_or_else(|| AdapterError::Target { name, known: known() })?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Refuses settings that change what the factors mean. A key that is absent, null, false, empty or at its
/// default changes nothing.
fn refuse_unsupported(other: &Map<String, Value>) -> Result<(), AdapterError> {
    const CHANGING: [&str; 13] = [
        "use_dora",
        "lora_bias",
        "fan_in_fan_out",
        "modules_to_save",
        "layer_replication",
        "layers_to_transform",
        "rank_pattern",
        "alpha_pattern",
        "target_parameters",
        "trainable_token_indices",
        "alora_invocation_tokens",
        "use_qalora",
        "use_bdlora",
    ];
    for key in CHANGING {
        let idle = match other.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => true,
            Some(Value::Array(values)) => values.is_empty(),
            Some(Value::Object(values)) => values.is_empty(),
            Some(_) => false,
        };
        if !idle {
            return Err(AdapterError::Unsupported(key.to_owned()));
        }
    }
    if let Some(Value::String(bias)) = other.get("bias")
        && bias != "none"
    {
        return Err(AdapterError::Unsupported(format!("bias {bias:?}")));
    }
    match other.get("init_lora_weights") {
        Some(Value::String(init)) if !PLAIN_INITS.contains(&init.as_str()) => {
            Err(AdapterError::Unsupported(format!("init_lora_weights {init:?}")))
        }
        _ => Ok(()),
    }
}
