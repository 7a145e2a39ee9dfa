"""The names of the mapped axes, and the shape letters that docstrings use.

Shape letters:
    D  devices                     B  data sets in a batch
    S  Monte Carlo samples         N  items in a data set
    K  contexts                    C  dimensions of one context
    Z  dimensions of the latent z  X  the shape of one item (H, W for images)
    F  features of an encoded item M  rows of a collection, masks of a support
"""

DEVICE = "device"
DATASET = "dataset"
SAMPLE = "sample"
SUPPORT = "support"
