#!/usr/bin/env python3
"""Times training steps of CollabNN in PyTorch, with dense Adam over whole embedding tables, on one thread.

usage: train_step.py USERS ITEMS BATCH STEPS      prints milliseconds a step

The net is matchstick's plain recipe: embeddings of 74 and 101 values, one hidden layer of 50 units, sigmoid scaled to 0..5.5, mean squared
error. Ratings are drawn uniformly; what they are does not change the time. `cargo xtask figures --only train` runs it where the environment
variable MATCHSTICK_PYTHON names a Python that has PyTorch.
"""

import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
WARM_UP = 10


class CollabNN(torch.nn.Module):
    def __init__(self, users, items, user_dim=74, item_dim=101, hidden=50):
        super().__init__()
        self.users = torch.nn.Embedding(users, user_dim)
        self.items = torch.nn.Embedding(items, item_dim)
        self.first = torch.nn.Linear(user_dim + item_dim, hidden)
        self.last = torch.nn.Linear(hidden, 1)

    def forward(self, users, items):
        both = torch.cat([self.users(users), self.items(items)], 1)
        return torch.sigmoid(self.last(F.relu(self.first(both)))).squeeze(1) * 5.5


def main():
    users, items, batch, steps = (int(argument) for argument in sys.argv[1:5])
    torch.manual_seed(0)
    net = CollabNN(users, items)
    optimiser = torch.optim.Adam(net.parameters(), lr=4e-3)
    begin = time.perf_counter()
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            begin = time.perf_counter()
        user = torch.randint(users, (batch,))
        item = torch.randint(items, (batch,))
        rating = torch.randint(1, 6, (batch,)).float()
        loss = F.mse_loss(net(user, item), rating)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print((time.perf_counter() - begin) * 1e3 / steps)


if __name__ == "__main__":
    main()
