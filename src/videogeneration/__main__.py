"""`kedro run` of the installed package, where no project lies: `videogeneration --help`."""

from kedro.framework.project import configure_project

from videogeneration.cli import cli


def main() -> None:
    """Run pipelines; `--conf-source` names the configuration that `kedro package` writes."""
    configure_project("videogeneration")
    cli.commands["run"](prog_name="videogeneration")


if __name__ == "__main__":
    main()
