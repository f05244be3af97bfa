"""What is deployed: MemoryStack and the constructs that it is composed of.

Importing this package is the first thing app.py does, so the one setting that must precede jsii's start
stands here.
"""

import os

# jsii prints eight lines about the end of life of Node 20, which this project supports, on every synth.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
