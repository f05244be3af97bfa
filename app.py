"""The CDK app: one stack, made from the settings. It needs no network and no credentials."""

import sys

from stacks.checks import checked_app
from stacks.memory_stack import MemoryStack
from stacks.settings import Settings, SettingsError

app = checked_app()
try:
    MemoryStack(app, settings=Settings.from_app(app))
except SettingsError as error:
    sys.exit(str(error))  # the message alone: a stack trace would hide it
app.synth()
