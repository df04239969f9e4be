"""`textvae demo`: models in a browser."""

from __future__ import annotations

import argparse

from textvae.volume import add_volume, note, set_volume

DESCRIPTION = """\
Try models in a browser: rewrite a text in other styles, mix the content of one sentence with the style of
another, go in steps from one sentence to another, walk on the map of a latent space by clicking, and
summarise with a slider for the length. Several models of both kinds can be given; the page has a list of
them. Only this machine can reach the page, unless --host says otherwise. The page loads nothing from
elsewhere, and nothing of what is typed is kept or sent on."""

EPILOG = """\
exit codes:
  0    done          2    wrong input: a folder that is no run, a port that is taken
  130  stopped by Ctrl-C         143  stopped by SIGTERM

examples:
  textvae demo                                            # the models that come with the package
  textvae demo runs/yelp                                  # then open the address that is printed
  textvae demo runs/yelp runs/paper_vae news reuters      # news and reuters come with the package
  textvae demo runs/yelp --port 8080 --open               # opens the browser, too
  textvae demo news --host 0.0.0.0 --rate 30              # others may use it: there is no password

Needs gradio: pip install 'textvae[demo]' (20 packages, about 115 MB). Reranking can be chosen where
`textvae fit-scorers RUN` has been run; maps are drawn where the sentences of a run are still in their place."""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "runs",
        metavar="RUN",
        nargs="*",
        help="run directories, or names of models that come with textvae (default: these)",
    )
    add("--data", metavar="DIR", help="where the sentences of the runs lie now, if they were moved (style transfer)")
    add = parser.add_argument_group("server").add_argument
    add(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="0.0.0.0: for others, too (default: this machine)",
    )
    add("--port", metavar="N", type=int, help="0: any free one (default: the first free one from 7860)")
    add("--open", action="store_true", help="open the page in a browser")
    add("--characters", metavar="N", type=int, default=5000, help="most characters of a text (default 5000)")
    add("--rate", metavar="N", type=int, default=120, help="most requests of one address a minute (default 120)")
    add = parser.add_argument_group("computing").add_argument
    add("--device", metavar="D", help="cpu, cuda, cuda:1 ... (default: a GPU if there is one)")
    add("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 where it is native")
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae demo") -> int:
    """Serves until it is stopped: 130 or 143; UserError where the input is wrong."""
    from textvae.commands.streams import Terminated, sigterm_unwinds

    args = make_parser(prog).parse_args(argv)
    try:
        with sigterm_unwinds():
            run(args)
    except Terminated:
        return 143
    except KeyboardInterrupt:
        return 130
    return 0


def run(args: argparse.Namespace) -> None:
    """Load everything, tell the address, serve."""
    from textvae.extras.demo.limits import Limits
    from textvae.extras.demo.server import bind, is_local, serve, url_of

    set_volume(args)
    limits = Limits(args.characters, args.rate)
    with bind(args.host, args.port) as bound:
        from textvae.extras.demo import library  # noqa: F401  (a missing library is told before the models are loaded)
        from textvae.extras.demo.answers import Answers
        from textvae.extras.demo.shelf import Shelf
        from textvae.registry import shipped

        answers = Answers(Shelf.load(args.runs or shipped(), args.device, args.precision, args.data, note), limits)
        url = url_of(bound, args.host)

        def ready() -> None:
            print(url, flush=True)
            note("Stop it with Ctrl-C.")
            if not is_local(args.host):
                note("Anyone who reaches this machine can use it: there is no password.")
            if args.open:
                import webbrowser

                webbrowser.open(url)

        serve(answers, bound, ready)
    note("stopped")
