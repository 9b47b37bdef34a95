"""`python -m hermes_tui`."""

from hermes_tui.cli.main import main

raise SystemExit(main())
