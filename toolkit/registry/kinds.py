"""What each kind of component is for, what it must make, who calls it, and what it may have besides.

The text of the reference of kinds, and of the messages that name what a kind must be. What a kind is *given* stands
where it is given: ``FROM_CORE`` and ``FROM_RUN`` in ``toolkit.check``, and the facts in the recipe's grammar. Imports
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Member(NamedTuple):
    """An attribute or a method that the core uses where there is one."""

    on: str
    """What has it, as the end of "on": ``the component``, ``a split``."""
    name: str
    """As one writes it, with its arguments."""
    use: str
    """What for."""


class About(NamedTuple):
    """One kind. Each text but `Member.on` may hold Markdown; `makes` none, because messages show it too."""

    purpose: str
    makes: str
    """What a component of this kind must make, as the end of "must be"."""
    called: str
    """Who calls what it made, and how."""
    checked: tuple[str, ...] = ()
    """What is checked beyond its arguments and what it makes."""
    members: tuple[Member, ...] = ()


_COMPONENT = "the component"
_MADE = "what it makes"
_SPLIT = "a split"

_UNTRAINED = Member(
    _COMPONENT,
    "untrained(...)",
    "called like the component, makes the same thing without pretrained weights, where a checkpoint replaces them: "
    "`resume`, `test` and `predict` then download nothing",
)

ABOUT: Final[Mapping[str, About]] = {
    "task": About(
        "Knows what a step is: it holds the model and everything around it, and says what is logged.",
        "a pytorch_lightning.LightningModule",
        "by the Trainer. `optimizer` is a function from a module to an optimizer over its parameters, `scheduler` one "
        "from an optimizer and the trainer to Lightning's scheduler configuration: neither can be built before the "
        "strategy is set up. The constructor names those of its arguments that it wants",
        (
            "a block that the task needs and the recipe lacks, or has and the task does not take",
            "`monitor` and `expect` name something that it logs, where it has `logged`",
            "metrics of torchmetrics are of a field that it can feed, where it has `metric_domains`",
            "its loss is finite: a run stops at the first logged step where it is not",
        ),
        (
            Member(
                _COMPONENT,
                "logged(metric_labels)",
                "a static method: the names that it logs, so that a wrong one is told",
            ),
            Member(_COMPONENT, "metric_domains", "the subpackages of torchmetrics whose metrics it can feed"),
            Member(
                _MADE,
                "forward(inputs)",
                "what the model makes of a batch's inputs, for `toolkit export`, which traces it: a size that may vary "
                "is taken from `tensor.shape`, because `len(tensor)` is a fixed number there",
            ),
            Member(
                _MADE,
                "unlabelled(inputs)",
                "a batch of inputs without targets, for `rows` in `toolkit predict` and for the transforms in "
                "`toolkit export`",
            ),
            Member(_MADE, "rows(batch, facts)", "what the model makes of a batch: see `toolkit.tasks.predicting`"),
            Member(_MADE, "drawn(sample, row, facts)", "a picture of a prediction, for `toolkit predict --pictures`"),
            Member(
                _MADE,
                "continued(prompts, facts, *, ...)",
                "goes on with texts, for `toolkit predict --prompt`: yields the number of one and the next piece of "
                "text; further parameters, with plain defaults, are `KEY=VALUE` there",
            ),
            Member(
                _MADE,
                "recommended(users, facts, *, ...)",
                "what to show to users, for `toolkit predict --users`: yields the number of one and plain values by "
                "name, for each thing to show; further parameters as there",
            ),
            Member(
                _MADE,
                "pictures",
                "after an evaluation, and after a validation of a fit that draws new ones, uint8 tensors `(3, height, "
                "width)` by name, which become `plots/<name>.png` and go to the loggers",
            ),
            Member(
                _MADE,
                "tables",
                "after an evaluation, and after every validation of a fit, a new `toolkit.tasks.tables.Table(columns, "
                "rows)` by name, which becomes `plots/<name>.csv` and goes to the loggers that show tables",
            ),
            Member(
                _MADE,
                "loss_of(batch)",
                "the loss of a batch and nothing else, for `trainer.precision: auto` to measure",
            ),
            Member(
                _MADE,
                "epoch_state(), load_epoch_state(state)",
                "what it holds in the middle of an epoch beside its state dict, for checkpoints there: plain values "
                "and tensors",
            ),
        ),
    ),
    "model": About(
        "The network. Its parameters are what is trained.",
        "a torch.nn.Module",
        "by the task: `forward(inputs)`, with the inputs of a batch on the device",
        (
            "`freeze` matches parameters that there are, and `init_from` fits them",
            "it is in no `DataParallel`",
        ),
        (_UNTRAINED,),
    ),
    "dataset": About(
        "Says what the data is: its splits, and the facts that others are filled from.",
        "an object with train, val, test and a mapping facts, or a pytorch_lightning.LightningDataModule",
        "once, before everything else; the core's DataModule then reads the splits ([data](data.md)). Each may be None",
        (
            "a split is of one of the [kinds there are](data.md#what-a-split-may-be), has samples, and its tensors "
            "have one length",
            "facts have names from [the list](recipes.md#facts), or such as begin with the component's own name, and "
            "are plain values",
            "arguments of the model, the loss, the metrics and the task agree with the facts of their names",
            "names of `run_files` are plain, and a run that goes on gets the same bytes",
        ),
        (
            Member(
                _COMPONENT,
                "stand_in(seed)",
                "a few samples of the same shapes and facts, for `check --deep` where the data is absent; further "
                "parameters, with defaults, get what the recipe sets of the dataset's own of these names",
            ),
            Member(
                _COMPONENT,
                "reader(facts), reader(facts, run_files)",
                "how a raw input becomes samples, and rows are told of the input as it was given, for `toolkit "
                "predict`: see `toolkit.data.raw.Reader`",
            ),
            Member(
                _MADE,
                "collate(samples)",
                "makes a batch of a list of samples; torch's own collation where it is absent",
            ),
            Member(
                _MADE,
                "run_files",
                "bytes by file name that the run keeps and gives back, such as a tokenizer: "
                "[components](components.md#what-the-run-keeps-of-a-dataset)",
            ),
            Member(
                _MADE,
                "text_of(inputs)",
                "how the inputs of one sample read, such as tokens `(length,)`: the task `classification` then has a "
                "table of its worst mistakes",
            ),
            Member(
                _SPLIT,
                "lengths",
                "a whole number for each sample: batches of [similar length](data.md#samples-of-unequal-length)",
            ),
            Member(
                _SPLIT,
                "problems()",
                "what is wrong with its samples, one line each that begins with the file, for `check --deep`",
            ),
            Member(_SPLIT, "set_epoch(epoch)", "of a stream: told the epoch before it is read"),
            Member(_SPLIT, "shard(num_shards, index)", "of a stream: its parts, for several workers and processes"),
            Member(
                _SPLIT,
                "state_dict(), load_state_dict(state)",
                "of a stream: where it is, so that a resumed run goes on there without reading what was before",
            ),
            Member(_SPLIT, "skip(samples)", "of a stream without a state: what follows its first samples"),
        ),
    ),
    "loss": About(
        "How wrong the outputs of a model are.",
        "something that can be called",
        "by the task: `(outputs, targets)` → scalar tensor, the mean over the batch, in at least float32. A function "
        "is called with the recipe's arguments, so it is a class, or a function that returns one: "
        "`nn.CrossEntropyLoss`, not `F.cross_entropy`",
        ("the tasks of the core refuse a loss that is not a single number",),
    ),
    "optimizer": About(
        "Changes the parameters.",
        "a torch.optim.Optimizer",
        "by the task, after the strategy is set up; `params` are groups as `torch.optim` takes them. Once before, for "
        "trial, so that its errors are told before anything starts",
        (
            "every pattern of `groups` and `no_decay` matches something, and options of groups are its own arguments",
            "it can take the sparse gradients of an embedding where there are any",
        ),
    ),
    "scheduler": About(
        "Changes the learning rate.",
        "a learning-rate scheduler",
        "by Lightning at its `interval`; anything with `step`, `state_dict` and `load_state_dict` will do",
        (
            "it says `interval` where its arguments count time (`step_size` `milestones` `T_max` `T_0` `total_iters` "
            "`gamma`)",
            "a length in the recipe agrees with that of the training",
        ),
    ),
    "metric": About(
        "Measures predictions over an epoch, on every process.",
        "a torchmetrics.Metric",
        "by the task: `update(preds, targets)` for every batch, `compute()` and `reset()` once an epoch. A mapping "
        "becomes `split/label/key`; what is not a single number goes to plots",
        ("the first one of a recipe says whether more is better: its `higher_is_better` chooses the best checkpoint",),
        (
            Member(
                _MADE,
                "higher_is_better",
                "True or False: the direction in which it is watched; `val/loss` is watched where it is None",
            ),
            Member(
                _MADE,
                "signature",
                "text that says how it counts, such as sacrebleu's; known once the metric is built. `run.json` keeps "
                "it, and it stands under the results",
            ),
        ),
    ),
    "transform": About(
        "Changes whole batches, before the model sees them.",
        "something that can be called",
        "by the core's DataModule: `batch` → `batch`, on the device, in the order written; `train` ones in training, "
        "`eval` ones in validation, test and prediction. Random numbers come from torch's global generator, which is "
        "seeded",
        ("the data holds tensors",),
    ),
    "callback": About(
        "Does something at moments of the training.",
        "a pytorch_lightning.Callback",
        "by the Trainer, with Lightning's own hooks; made once the run has a folder",
        (
            "`monitor` names something that the task logs, and `mode` follows what is watched",
            "an argument that names a place to write to stays inside the run's folder",
        ),
        (
            Member(
                _MADE,
                "per_batch = False",
                "its hooks for batches need not be told of every batch: steps between two boundaries then [run "
                "straight](performance.md), and it hears of the boundaries",
            ),
            Member(
                _MADE, "state_dict(), load_state_dict(state)", "what it keeps in checkpoints: plain values and tensors"
            ),
        ),
    ),
    "logger": About(
        "Takes what is logged to somewhere.",
        "a pytorch_lightning Logger",
        "by the Trainer, on the main process; made once the run has a folder. `save_dir` is the run's folder, "
        "`version` and `id` are the run's id, also after a resume",
        ("an argument that names a place to write to stays inside the run's folder",),
        (
            Member(_MADE, "cut(step)", "a resumed run is about to log this step and later ones once more"),
            Member(_MADE, "log_image(key, images)", "takes pictures of the run: paths of files"),
            Member(_MADE, "log_table(key, columns, rows, step)", "takes tables that a task fills"),
            Member(_MADE, "log_summary(values)", "the run's end: `final/<metric>` and `best/<metric>`"),
            Member(
                _MADE, "log_checkpoint(path, aliases, metadata)", "the checkpoint that was tested, `best` or `last`"
            ),
            Member(_MADE, "close(status)", "the run's very end: `finished`, `failed`, `interrupted` or `terminated`"),
            Member(_MADE, "where", "text for the run's header: where the run is logged"),
            Member(_MADE, "upload_hint()", "a line that is printed last, or None: what is left for the user to do"),
        ),
    ),
    "part": About(
        "What goes inside another component: a backbone, a tokenizer, a sampler, a decoder.",
        "anything",
        "by the component that takes it, whose own the contract is. It is built first, and inside out",
        ("its arguments, like those of any other; what it makes is left to the component that takes it",),
        (_UNTRAINED,),
    ),
}
"""Every kind, in the order of `toolkit.registry.entry.KINDS`."""
