"""The prompt of `--cli-auto-prompt`: a command line that completes itself while it is typed."""
