"""What is deployed: MemoryStack and the constructs that it is composed of.

app.py imports this package first, so a setting that must precede jsii's start is made here.
"""

import os

# jsii prints eight lines about the end of life of Node 20, which this project supports, on every synth.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
