"""
A simulated world around the real core: plans, kernel, watch and ledger on a virtual clock, with every fault we know.

One play is one release from trigger to end. One seed gives one play, always the same; `python -m tidegate.simulation
--seed N --runs 1 --tell` tells it. Standard library and pydantic only, nothing here touches a file or a socket.
"""
