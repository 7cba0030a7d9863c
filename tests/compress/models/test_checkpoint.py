from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import Head
from xpareto.compress.core.errors import InputError
from xpareto.compress.models.checkpoint import import_checkpoint, load_model, read_checkpoint, save_model
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer

TEXT = {"en": ["the cat sees a dog", "a dog runs"], "de": ["die Katze sieht einen Hund", "ein Hund rennt"]}
LAYER = "roberta.encoder.layer.0."
IDS = torch.tensor([[0, 7, 9, 2], [0, 8, 2, 1]])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    size = train_tokenizer(TEXT, 60, folder / "tokenizer.json")
    config = transformers.XLMRobertaConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=34, type_vocab_size=1,
        bos_token_id=0, pad_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def checkpoint(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "checkpoint"))


def logits(folder: Path) -> torch.Tensor:
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    with torch.inference_mode():
        return model(input_ids=IDS).logits


def edit_config(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_an_imported_checkpoint_answers_as_the_original(checkpoint: Path, tmp_path: Path) -> None:
    made = import_checkpoint(checkpoint, tmp_path / "a")
    assert (made.format, made.head, made.labels) == ("torch", "mlm", ())
    assert torch.equal(logits(tmp_path / "a"), logits(checkpoint))
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


def test_equal_checkpoints_give_equal_bytes(checkpoint: Path, tmp_path: Path) -> None:
    for name in "ab":
        import_checkpoint(checkpoint, tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_shards_become_one_file_with_the_same_answers(checkpoint: Path, tmp_path: Path) -> None:
    model = transformers.AutoModelForMaskedLM.from_pretrained(checkpoint)
    (checkpoint / "model.safetensors").unlink()
    model.save_pretrained(checkpoint, max_shard_size="5KB")
    assert len(read_checkpoint(checkpoint).weights) > 1
    import_checkpoint(checkpoint, tmp_path / "a")
    assert read_checkpoint(tmp_path / "a").weights == ("model.safetensors",)
    assert torch.equal(logits(tmp_path / "a"), logits(checkpoint))


def test_the_body_moves_between_heads_and_a_fresh_head_depends_on_the_seed(checkpoint: Path) -> None:
    original = transformers.AutoModelForMaskedLM.from_pretrained(checkpoint)
    state = torch.random.get_rng_state()
    one, same, other = (load_model(checkpoint, "classification", ("a", "b", "c"), seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    encoder = load_model(checkpoint, "encoder")
    key = "encoder.layer.1.output.dense.weight"
    body = original.roberta.state_dict()[key]
    assert torch.equal(one.roberta.state_dict()[key], body)
    assert torch.equal(encoder.state_dict()[key], body)
    heads = [model.classifier.out_proj.weight for model in (one, same, other)]
    assert heads[0].shape == (3, 16)
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])


LABELS: dict[Head, tuple[str, ...]] = {
    "mlm": (), "encoder": (), "qa": (), "choice": (), "classification": ("a", "b", "c"), "tagging": tuple("abcd"),
}  # fmt: skip


@pytest.mark.parametrize("first", LABELS)
def test_after_any_head_any_other_has_its_own_number_of_outputs(
    first: Head, checkpoint: Path, tmp_path: Path
) -> None:
    import_checkpoint(checkpoint, tmp_path / "a")
    save_model(load_model(tmp_path / "a", first, LABELS[first]), tmp_path / "a", tmp_path / "b")
    for second, labels in LABELS.items():
        model = load_model(tmp_path / "b", second, labels)
        with torch.inference_mode():
            answer = model(input_ids=IDS)
        if second == "qa":
            assert answer.start_logits.shape == answer.end_logits.shape == IDS.shape
        elif labels or second == "choice":
            assert answer.logits.shape[-1] == (len(labels) or 1)


@pytest.mark.parametrize("head", ["classification", "tagging"])
def test_a_saved_model_loads_in_plain_transformers_with_its_labels(
    head: str, checkpoint: Path, tmp_path: Path
) -> None:
    import_checkpoint(checkpoint, tmp_path / "a")
    model = load_model(tmp_path / "a", head, ("no", "yes"), seed=5)  # type: ignore[arg-type]
    save_model(model, tmp_path / "a", tmp_path / "b")
    auto = {
        "classification": transformers.AutoModelForSequenceClassification,
        "tagging": transformers.AutoModelForTokenClassification,
    }[head]
    plain = auto.from_pretrained(tmp_path / "b").eval()
    assert plain.config.id2label == {0: "no", 1: "yes"}
    again = load_model(tmp_path / "b", head, ("no", "yes"), keep_head=True)  # type: ignore[arg-type]
    with torch.inference_mode():
        expected = model(input_ids=IDS).logits
        assert torch.equal(plain(input_ids=IDS).logits, expected)
        assert torch.equal(again(input_ids=IDS).logits, expected)
    facts = read_checkpoint(tmp_path / "b")
    assert (facts.head, facts.labels) == (head, ("no", "yes"))
    words = transformers.AutoTokenizer.from_pretrained(tmp_path / "b")("a dog", "ein Hund")["input_ids"]
    assert words[0] == 0 and words.count(2) == 3


def test_keeping_a_head_that_is_not_there_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    import_checkpoint(checkpoint, tmp_path / "a")
    save_model(load_model(tmp_path / "a", "encoder"), tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="lack lm_head"):
        load_model(tmp_path / "b", "mlm", keep_head=True)


def electra(folder: Path) -> None:
    edit_config(folder, model_type="electra")


def bert_by_name(folder: Path) -> None:
    edit_config(folder, model_type="bert")


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def renamed_pickle(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.safetensors", "w") as archive:
        archive.writestr("data.pkl", b"x" * 100)


def truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-7])


def no_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x10\x00")


def other_vocabulary(folder: Path) -> None:
    edit_config(folder, vocab_size=1000)


def fewer_rows(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    key = "roberta.embeddings.word_embeddings.weight"
    state[key] = state[key][:-1].clone()
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    edit_config(folder, vocab_size=len(state[key]))


def fewer_layers(folder: Path) -> None:
    edit_config(folder, num_hidden_layers=3)


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def lost_shard(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def shard_elsewhere(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "../other.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def lfs_pointer(name: str) -> Callable[[Path], None]:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 1115567652\n"
    return lambda folder: (folder / name).write_text(pointer) and None


def several_pickles(folder: Path) -> None:
    pickled(folder)
    (folder / "optimizer.pt").write_bytes(b"x")
    (folder / "pytorch_model.bin").rename(folder / "pytorch_model'); print(1); ('.bin")


def setting(**changes: object) -> Callable[[Path], None]:
    return lambda folder: edit_config(folder, **changes)


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Return what changes the tensors of a checkpoint, or adds some."""

    def damage(folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        change(state)
        save_file({key: value.contiguous() for key, value in state.items()}, folder / "model.safetensors")

    return damage


def added(name: str) -> Callable[[Path], None]:
    return weights(lambda state: state.update({name: torch.ones(3)}))


def as_codes(dtype: torch.dtype, name: str = f"{LAYER}intermediate.dense.weight") -> Callable[[Path], None]:
    return weights(lambda state: state.update({name: (state[name] * 100).to(dtype)}))


def without_norm(folder: Path) -> None:
    weights(lambda state: state.pop(f"{LAYER}output.LayerNorm.bias"))(folder)


def wrapped(folder: Path) -> None:
    name = f"{LAYER}output.dense."
    weights(lambda state: state.update({f"{name}base_layer.weight": state.pop(f"{name}weight")}))(folder)


def prefixed(before: str) -> Callable[[Path], None]:
    return weights(lambda state: [state.update({before + name: state.pop(name)}) for name in [*state]])


def in_two_shards(folder: Path) -> None:
    for name in ("a", "b"):
        shutil.copyfile(folder / "model.safetensors", folder / f"{name}.safetensors")
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def header_of(size: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / "model.safetensors", size) or _put(folder, size - 8)


def _put(folder: Path, length: int) -> None:
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.write(length.to_bytes(8, "little"))


def deep_header(folder: Path) -> None:
    header = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


def further_in(place: str, modules: str = "") -> Callable[[Path], None]:
    def move(folder: Path) -> None:
        files = [*folder.iterdir()]
        (folder / place).mkdir(parents=True)
        for file in files:
            file.rename(folder / place / file.name)
        if modules:
            (folder / "modules.json").write_text(modules)

    return move


def variant(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.fp16.safetensors")


def adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))


def adapter_alone(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    adapter(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            setting(quantization_config={"quant_method": "fp8"}),
            r"config.json: quantization_config: .*\(fp8\)",
        ),
        (setting(compression_config={"format": "pack-quantized"}), r"config.json: compression_config: "),
        (as_codes(torch.float8_e4m3fn), r"layer.0.intermediate.dense.weight: .*found F8_E4M3: codes"),
        (as_codes(torch.int8), r"layer.0.intermediate.dense.weight: .*found I8: codes"),
        (as_codes(torch.int8, "lm_head.dense.weight"), r"lm_head.dense.weight: .*found I8: codes"),
        (
            added(f"{LAYER}intermediate.dense.weight_scale"),
            r"found .*dense.weight_scale, which it does not have",
        ),
        (added(f"{LAYER}output.adapters.nli.adapter_down.0.weight"), r"found .*adapter_down.*Merge adapters"),
        (added("roberta.invertible_adapters.mlm.F.0.weight"), r"found roberta.invertible_adapters"),
        (added(f"base_model.model.{LAYER}attention.self.query.lora_A.weight"), r"found base_model.*lora_A"),
        (added("embeddings.LayerNorm.weight"), r"found embeddings.LayerNorm.weight, which it does not have"),
        (added("roberta.embeddings.LayerNorm.gamma"), r"hold embeddings.LayerNorm.weight twice, as roberta"),
        (
            setting(position_embedding_type="relative_key_query"),
            r"absolute positions, found relative_key_query",
        ),
        (setting(is_decoder=True), r"config.json: is_decoder: .*found a decoder"),
        (setting(add_cross_attention=True), r"config.json: add_cross_attention: "),
        (setting(pad_token_id=None), r"config.json: pad_token_id: expected an id below 33.*found None"),
        (setting(max_position_embeddings=20), r"position_embeddings.weight is 20 x 16, but .* 34 x 16"),
        (setting(type_vocab_size=2), r"token_type_embeddings.weight is 2 x 16, but .* 1 x 16"),
        (without_norm, r"the weights lack encoder.layer.0.output.LayerNorm.bias"),
        (wrapped, r"found .*layer.0.output.dense.base_layer.weight, which it does not have"),
        (adapter, r"adapter_config.json: expected a plain model, found an adapter.*merge_and_unload"),
        (adapter_alone, r"adapter_config.json: expected a plain model, found an adapter"),
        (lfs_pointer("model.safetensors"), r"model.safetensors: .*found a pointer of git-lfs.*git lfs pull"),
        (lfs_pointer("tokenizer.json"), r"tokenizer.json: .*found a pointer of git-lfs.*git lfs pull"),
        (lfs_pointer("config.json"), r"config.json: .*found a pointer of git-lfs.*git lfs pull"),
        (several_pickles, r"pytorch_model'\); print\(1\); \('.bin: expected .*found a pickle"),
        (electra, r"config.json: model_type: expected one of .* xlm-roberta.*, found 'electra'"),
        (bert_by_name, r"the weights hold no embeddings\.word_embeddings\.weight"),
        (pickled, r"pytorch_model.bin: expected model.safetensors, found a pickle.*save_file"),
        (renamed_pickle, r"model.safetensors: expected a safetensors file, found a pickle or zip"),
        (truncated, r"model.safetensors: .*truncated"),
        (further_in("checkpoint-500"), r"none here but one in .*/checkpoint-500\. Give .*/checkpoint-500\."),
        (further_in("snapshots/12ab"), r"none here but one in .*/snapshots/12ab\. Give"),
        (further_in("0_Transformer", "[]"), r"Move the files of 0_Transformer beside modules.json"),
        (
            variant,
            r"found model.fp16.safetensors. Where it holds all weights, rename it to model.safetensors",
        ),
        (setting(hidden_act="swiglu"), r"hidden_act: expected a function of transformers.*found 'swiglu'"),
        (setting(hidden_act=["gelu"]), r"hidden_act: expected a function of transformers"),
        (no_header, r"model.safetensors: .*truncated header"),
        (
            header_of(200_000_000),
            r"model.safetensors: .*truncated header",
        ),  # not read: safetensors bounds it, too
        (
            deep_header,
            r"model.safetensors: the safetensors header is damaged \(lists or objects in each other",
        ),
        (
            prefixed("module."),
            r"found module.roberta.* put 'module\.' before its names .*Save the model",
        ),
        (prefixed("_orig_mod.module."), r"put '_orig_mod\.module\.' before its names"),
        (
            in_two_shards,
            r"b.safetensors: expected tensors that no other shard has, found .*, which a.safetensors has",
        ),
        (other_vocabulary, r"vocab_size x hidden_size = 1000 x 16.*weights"),
        (fewer_rows, r"tokenizer.json: the tokenizer has \d+ entries, but .* have \d+"),
        (fewer_layers, r"num_hidden_layers = 3, but the weights hold 2"),
        (no_tokenizer, r"expected tokenizer.json, sentencepiece.bpe.model or vocab.txt"),
        (broken_tokenizer, r"tokenizer.json: expected a tokenizers file"),
        (no_config, r"config.json: expected this file, found none"),
        (lost_shard, r"model-00001-of-00002.safetensors: the index names this shard"),
        (shard_elsewhere, r"expected safetensors files beside it, found '\.\./other"),
    ],
)
def test_a_bad_checkpoint_is_refused_before_any_weight_is_read(
    damage: Callable[[Path], None], message: str, checkpoint: Path
) -> None:
    damage(checkpoint)
    with pytest.raises(InputError, match=message):
        read_checkpoint(checkpoint)


def test_the_command_that_converts_a_pickle_runs_nothing_of_its_name(checkpoint: Path) -> None:
    several_pickles(checkpoint)
    expected = torch.load(next(checkpoint.glob("pytorch*")), weights_only=True)
    with pytest.raises(InputError) as caught:
        read_checkpoint(checkpoint)
    command = (
        str(caught.value).partition("in its folder: ")[2].replace("python", shlex.quote(sys.executable), 1)
    )
    done = subprocess.run(
        ["bash", "-c", command], cwd=checkpoint, capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout == ""
    made = load_file(checkpoint / "model.safetensors")
    assert made.keys() == expected.keys() and all(torch.equal(made[key], expected[key]) for key in made)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_weights_that_are_no_numbers_are_told_when_they_are_imported(
    checkpoint: Path, tmp_path: Path, value: float
) -> None:
    weights(lambda state: state[f"{LAYER}output.dense.weight"].fill_(value))(checkpoint)
    with pytest.raises(
        InputError, match=r"found infinity or NaN in roberta.encoder.layer.0.output.dense.weight \(and 0"
    ):
        import_checkpoint(checkpoint, tmp_path / "a")


def test_weights_that_do_not_fit_a_head_are_told(checkpoint: Path, tmp_path: Path) -> None:
    weights(lambda state: state.update({"lm_head.dense.weight": torch.ones(3, 3)}))(checkpoint)
    with pytest.raises(InputError, match="do not fit the XLMRobertaForMaskedLM"):
        import_checkpoint(checkpoint, tmp_path / "a")
    added("lm_head.dense.weight_scale")(checkpoint)
    weights(lambda state: state.update({"lm_head.dense.weight": torch.ones(16, 16)}))(checkpoint)
    with pytest.raises(InputError, match=r"found lm_head.dense.weight_scale, which it does not have"):
        import_checkpoint(checkpoint, tmp_path / "a")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: expected a folder"):
        read_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_hidden_layers", 10**9), ("num_hidden_layers", True), ("hidden_size", 10**18), ("vocab_size", "7"),
        ("max_position_embeddings", 2**62), ("num_attention_heads", 10**9), ("intermediate_size", 10**15),
        ("num_labels", 10**8), ("num_labels", -1), ("id2label", [1]), ("id2label", {"x": "y"}),
        ("id2label", {"0": []}), ("id2label", 7), ("label2id", [1]), ("architectures", 3), ("architectures", [{}]),
        ("num_hidden_layers", 1e999),
    ],
)  # fmt: skip
def test_numbers_and_names_that_no_encoder_has_are_told(
    world: TinyWorld, tmp_path: Path, field: str, value: object
) -> None:
    folder = tmp_path / "base"
    shutil.copytree(world.source("tagging").path, folder)
    file = folder / "config.json"
    config = json.loads(file.read_text()) | {field: value}
    file.chmod(0o644)
    file.write_text(json.dumps(config))
    with pytest.raises(InputError, match=rf"config.json: {field}: expected"):
        read_checkpoint(folder)


@pytest.mark.parametrize("what", ["pipe", "zero", "deep", "long"])
def test_a_config_that_is_no_file_of_ours_is_told(world: TinyWorld, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "base"
    shutil.copytree(world.source("tagging").path, folder)
    file = folder / "config.json"
    file.unlink()
    if what == "pipe":
        os.mkfifo(file)
    elif what == "zero":
        file.symlink_to("/dev/zero")
    else:
        file.write_text("[" * 100_000 if what == "deep" else '{"vocab_size": 1' + "0" * 5000 + "}")
    with pytest.raises(InputError, match="not readable as JSON"):
        read_checkpoint(folder)
