use super::*;
use crate::backend::Cpu;
use crate::init;
use crate::testing::tiny_config;

fn adapter() -> Adapter<Cpu> {
    let settings = AdapterSettings::new("seedling", 4, 8.0);
    Adapter { settings, weights: init::lora(&tiny_config(), 4, 8.0, 1, &Default::default()) }
}

fn written(change: impl FnOnce(&mut serde_json::Value, &mut TensorSet)) -> tempfile::TempDir {
    let adapter = adapter();
    let (mut settings, mut set) = (adapter.settings.to_json(), tensors(&adapter.weights));
    change(&mut settings, &mut set);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(ADAPTER_CONFIG_FILE), settings.to_string()).unwrap();
    std::fs::write(directory.path().join(ADAPTER_WEIGHTS_FILE), set.to_bytes(Precision::F32).unwrap()).unwrap();
    directory
}

fn refusal(change: impl FnOnce(&mut serde_json::Value, &mut TensorSet)) -> String {
    let directory = written(change);
    Adapter::<Cpu>::load(directory.path(), &tiny_config(), &Default::default()).unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in adapter().to_files().unwrap() {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    }
    let read = Adapter::<Cpu>::load(directory.path(), &tiny_config(), &Default::default()).unwrap();
    assert_eq!(read.settings, adapter().settings);
    assert_eq!(tensors(&read.weights), tensors(&adapter().weights));
}

#[test]
fn another_rank_than_the_files_is_refused() {
    let message = refusal(|settings, _| settings["r"] = 8.into());
    assert!(message.contains("lora_A") && message.contains("expected [8, 16]"), "{message}");
    assert!(refusal(|settings, _| settings["r"] = 0.into()).contains("must be positive"));
    assert!(refusal(|settings, _| settings["lora_alpha"] = (-1).into()).contains("must be positive"));
}

#[test]
fn an_adapter_for_a_deeper_or_wider_model_is_refused() {
    let deeper = refusal(|_, set| set.insert(key(2, Projection::Q, 'A'), &[4, 16], vec![0.0; 64]));
    assert!(deeper.contains("trained for another model") && deeper.contains("layers.2"), "{deeper}");
    let wider = refusal(|_, set| set.insert(key(0, Projection::Q, 'A'), &[4, 32], vec![0.0; 128]));
    assert!(wider.contains("[4, 32], expected [4, 16]"), "{wider}");
    let missing = refusal(|_, set| drop(set.arrays.remove(&key(1, Projection::Down, 'B'))));
    assert!(missing.contains("no tensor") && missing.contains("down_proj.lora_B"), "{missing}");
}

#[test]
fn what_plain_lora_is_not_is_refused_by_name() {
    for (name, value) in [
        ("use_dora", true.into()),
        ("bias", "all".into()),
        ("modules_to_save", serde_json::json!(["lm_head"])),
        ("rank_pattern", serde_json::json!({ "q_proj": 2 })),
        ("init_lora_weights", "pissa".into()),
        ("peft_type", "IA3".into()),
    ] {
        assert!(refusal(|settings, _| settings[name] = value).contains(name), "{name}");
    }
    let target = refusal(|settings, _| settings["target_modules"] = serde_json::json!(["c_attn"]));
    assert!(target.contains("c_attn") && target.contains("q_proj"), "{target}");
}

#[test]
fn subsets_of_modules_and_rank_stabilised_scales_are_read() {
    let directory = written(|settings, set| {
        settings["target_modules"] = serde_json::json!(["v_proj", "q_proj"]);
        settings["use_rslora"] = true.into();
        set.arrays.retain(|name, _| name.contains("q_proj") || name.contains("v_proj"));
    });
    let read = Adapter::<Cpu>::load(directory.path(), &tiny_config(), &Default::default()).unwrap();
    assert_eq!(read.settings.targets, vec![Projection::Q, Projection::V]);
    assert_eq!(read.weights.scale, 4.0);
    assert!(read.weights.layers[0].get(Projection::O).is_none());
}
