"""One step of learning: read, balance, go backward, be contradicted, move."""

from __future__ import annotations

from accelerate import Accelerator
from torch import Tensor

from workbench.encoder.balance import balance
from workbench.encoder.batches import Step
from workbench.encoder.checkpoint import Kept, Weights
from workbench.encoder.consistency import drawn_together
from workbench.encoder.corpus import Corpus
from workbench.encoder.guessing import guessing_costs
from workbench.encoder.objectives import KEPT, JointLoss, Read
from workbench.encoder.optimise import Mover
from workbench.encoder.recipe import Recipe
from workbench.encoder.sampling import learned_steps
from workbench.encoder.towers import JointEncoder
from workbench.errors import WorkbenchError


class Learner:
    """A model and everything that moves its weights, as a recipe wants it."""

    def __init__(self, model: JointEncoder, corpus: Corpus, recipe: Recipe, accelerator: Accelerator) -> None:
        self.model, self.recipe = model, recipe
        self.loss = JointLoss(model, corpus, recipe).to(accelerator.device)
        costs = guessing_costs(corpus, len(model.backbone.tokenizer))
        self.balance = balance(recipe.balance, tasks_of(corpus), costs).to(accelerator.device)
        histories = learned_steps(corpus.users, recipe.history_length) if corpus.next_item else 0
        self.mover = Mover(model, recipe, self.balance.learned(), accelerator, histories=histories)
        if recipe.compile:
            model.backbone.compile_layers()

    def learn(self, step: Step, read: Read, *, update: bool, where: str) -> dict[str, Tensor]:
        """Go backward from the step's losses, and move the weights if it is time to; returns the losses.

        Raises WorkbenchError, which says `where`, when a loss is not finite.
        """
        weights, share = self.mover.weights, 1 / self.recipe.accumulate
        adversary = self.loss.adversary
        if adversary is not None:
            adversary.begin()
        losses = self.losses(step, read)
        check(losses, where)
        contradicted = adversary is not None and adversary.turn(self.balance.total(losses))
        self.balance.backward(losses, weights, share)
        if contradicted:
            self.balance.backward(self.losses(step, read), weights, share)
        if update:
            self.mover.move()
            self.balance.moved(lambda: self.losses(step, read))
        return losses

    def losses(self, step: Step, read: Read) -> dict[str, Tensor]:
        """Each task's loss; with R-drop the step is read twice."""
        once = self.loss(step, read)
        if not self.recipe.r_drop:
            return dict(once)
        said = self.loss.said
        return drawn_together(once, self.loss(step, read), [said, self.loss.said], self.recipe.r_drop)

    def parts(self) -> dict[str, Weights]:
        """What a checkpoint must keep of it, beside the optimiser."""
        return {"last": self.model.trained(), "average": self.mover.average.weights, "balance": self.balance.state_dict()}

    def restore(self, kept: Kept, updates: int) -> None:
        """Go on from a checkpoint that was made after `updates`."""
        kept.restore(self.model, self.mover.optimiser)
        self.mover.average.restore(kept.parts.get("average", {}), updates)
        self.balance.load_state_dict(kept.parts.get("balance", {}))


def tasks_of(corpus: Corpus) -> list[str]:
    """The names of all tasks that a corpus teaches."""
    beside = [task for task in (corpus.next_item, corpus.masked and corpus.masked.task) if task]
    kept = [KEPT] if corpus.anchor is not None else []
    return [*corpus.text_rows, *corpus.user_rows, *(task.name for task in beside), *kept]


def check(losses: dict[str, Tensor], where: str) -> None:
    """Raises WorkbenchError for the first loss that is no number."""
    for name, value in losses.items():
        if not value.isfinite():
            raise WorkbenchError(
                f"The loss of {name} became {float(value.detach())} in {where}.",
                "Nothing was published. Lower learning_rate in the recipe and train again.",
            )
