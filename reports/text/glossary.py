"""The words of a report that are not everybody's, explained."""

from __future__ import annotations

TERMS = {
    "arm": "One way of training: the intermediate tasks that a model learns from before it is fine-tuned on the "
    "task’s own English labels. All arms go through the same compression.",
    "none (arm)": "As the name of an arm: without any intermediate task, so what the others are compared with.",
    "target (stage)": "The model fine-tuned on a task’s own English labels, before any compression.",
    "stage": "How far along the recipe’s steps a candidate is, by the label of the last one, such as target or "
    "int8.",
    "int8": "Weights, and in most steps what is multiplied with them, as whole numbers of 8 bits in place of 32-bit "
    "floats: about a quarter of the size.",
    "unlearnt": "Of a task in a language: no uncompressed model is shown to score more than chance there, so nothing "
    "can be lost, and it counts in no average or verdict.",
    "seed policy": "How seeds are judged: each trained model for itself, or all of one variant together by their mean.",
    "variant": "One arm at one stage of compression in one runtime, whatever the training seed.",
    "candidate": "One trained, compressed model in one runtime: what is measured, and can be exported.",
    "baseline": "The uncompressed candidate that scores are compared with: the first of the recipe.",
    "runtime": "The program that computes the model’s answers, such as torch or onnxruntime. A change of runtime alone "
    "makes a model quicker or slower, without any compression.",
    "frontier": "The candidates that no other beats: none is at least as good in score and cost, and better in one "
    "of them. Also called the Pareto frontier.",
    "dominated": "Beaten: another candidate is at least as good in score and cost, and better in one of them.",
    "confidence set": "The systems that may truly be on the frontier: those that no other is shown to dominate once "
    "chance is considered. Whatever is outside is beaten for certain, at the level that is named.",
    "knee": "The point of the frontier at which the trade turns: before it a little more cost buys much score, "
    "after it much cost buys little.",
    "octave": "A doubling. Half the cost is one octave less, a quarter two.",
    "points × octaves": "The unit of a hypervolume: points of score times doublings of cost. Ten points at half the "
    "reference cost are worth ten.",
    "hypervolume": "How much of score and cost together a frontier covers, from a fixed reference point on: more is "
    "better, whichever trade-off is wanted.",
    "draw": "One repetition of the bootstrap: the test examples are drawn again, with replacement, the same for all, "
    "and every score is computed anew. How much it varies over the draws tells how much of it is chance.",
    "paired": "Both models are scored on the same examples, so what is easy or hard for both cancels.",
    "block": "One round in which every candidate is measured, in random order. How one block differs from the next "
    "tells the noise of a cost; of one block alone nothing is known.",
    "noise floor": "What two copies of one candidate differ by through chance alone, in 95 of 100 cases: smaller "
    "differences say nothing.",
    "A/A": "A thing measured against itself, to see how large a difference chance alone makes.",
    "attainment": "The share of training seeds that reach a trade-off of score and cost.",
}  # fmt: skip
