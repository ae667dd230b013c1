"""The FINN back end: the network as a file that FINN's conversion maps whole, with folding, golden data and scripts."""
