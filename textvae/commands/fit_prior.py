"""`textvae fit-prior`: a prior fitted to the codes of a trained model, stored beside it."""

from __future__ import annotations

import argparse
from pathlib import Path

from textvae.commands.finished_runs import add_places, with_places
from textvae.volume import add_volume, note, set_volume

DESCRIPTION = """\
Fit a normalising flow (RealNVP) to the vectors of a run's training sentences, whose model stays as it is,
and store it in RUN/best/prior. `textvae generate RUN --prior fitted` draws from it: where a small weight of
the KL has left the vectors far from the model's own prior, its draws are sentences and those of the prior
are not. In a style model it is a prior of the content, conditional on the style (on all attributes). Prints the
negative log-likelihood of held-out vectors in nats a sentence, beside the model's own prior and a single
Gaussian. A minute or a few on one core."""

EPILOG = """\
exit codes:
  0  done       2  wrong input: no run, a model without a vector or with codes, data that moved (see --data-path)

examples:
  textvae fit-prior runs/sentence_vae
  textvae generate runs/sentence_vae --prior fitted --count 10"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="run directory of a sentence autoencoder or of a style transfer")
    add("--transforms", type=int, default=4, metavar="N", help="coupling layers (default 4)")
    add("--hidden", type=int, default=64, metavar="N", help="hidden units of each of them (default 64)")
    add("--epochs", type=int, default=30, metavar="N", help="passes over the vectors at most (default 30)")
    add("--sentences", type=int, default=100_000, metavar="N", help="training sentences at most (default 100000)")
    add("--seed", type=int, default=0, metavar="N", help="of the fit (default 0)")
    add_places(add)
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae fit-prior") -> int:
    """Exit code 0; UserError where the run or its data are wrong."""
    args = make_parser(prog).parse_args(argv)
    set_volume(args)
    from textvae.config import load_config
    from textvae.config.sentence_vae import SentenceExperimentConfig
    from textvae.config.style_transfer import ExperimentConfig
    from textvae.errors import UserError
    from textvae.experiment.prior_fitting import PriorFitting, PriorSettings
    from textvae.inference.latents.fitted import save_fitted
    from textvae.inference.latents.loading import load_latent_model
    from textvae.inference.loading import find_device

    settings = PriorSettings(
        transforms=args.transforms, hidden=args.hidden, epochs=args.epochs, sentences=args.sentences, seed=args.seed
    )
    loaded, model = load_latent_model(args.run, find_device("cpu"))
    config = load_config(args.run / "config.yaml")
    if not isinstance(config, SentenceExperimentConfig | ExperimentConfig):
        raise UserError(f"{args.run} has no data that a prior could be fitted to (task {config.task})")
    fitted = PriorFitting(with_places(config, args), args.run, model, settings)()
    nats = {name: round(value, 3) for name, value in fitted.facts["dev_nll"].items()}
    print(f"held-out vectors of {fitted.part}, -log p in nats a sentence (epoch {fitted.facts['epoch']}):")
    print(f"fitted flow {nats['fitted']}, one Gaussian {nats['gaussian']}, the model's own prior {nats['own']}")
    note(f"stored in {save_fitted(loaded.folder, fitted)}")
    return 0
