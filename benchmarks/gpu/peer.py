"""The same work by PyTorch, in eager mode: answers on standard output what is asked on standard input, as bench.cc does.

    peer.py [--dry]     --dry: tiny sizes, on the CPU where there is no GPU

A ragged batch is padded to its longest text; the contender pytorch_sorted has its texts sorted by length first, over as
many batches as a task takes turns with. bf16 is torch.autocast with parameters in fp32; attention is
scaled_dot_product_attention; the LSTM is nn.LSTM on packed sequences, which on a GPU is cuDNN's.
"""
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

DRY = "--dry" in sys.argv[1:]
GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
BATCHES = 4  # of one size, that a step takes turns with
VOCAB, LABELS = (50, 3) if DRY else (21128, 15)
HIDDEN, LAYERS, HEADS, WIDE = (16, 2, 2, 32) if DRY else (768, 12, 12, 3072)
EMBEDDING = 8 if DRY else 300


def lengths(texts, longest):
    """As bench's lengths()."""
    shortest = max(2, longest // 5)
    x, all_lengths = 42, []
    for _ in range(texts):
        x = (x * 1664525 + 1013904223) % 2**32
        all_lengths.append(shortest + (x >> 8) % (longest - shortest + 1))
    return all_lengths


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(HIDDEN, 3 * HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.up, self.down = nn.Linear(HIDDEN, WIDE), nn.Linear(WIDE, HIDDEN)
        self.norm1, self.norm2 = nn.LayerNorm(HIDDEN, eps=1e-12), nn.LayerNorm(HIDDEN, eps=1e-12)

    def forward(self, x, mask, p):
        b, n, _ = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, HEADS, HIDDEN // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=p)
        y = self.out(y.transpose(1, 2).reshape(b, n, HIDDEN))
        x = self.norm1(x + F.dropout(y, p, self.training))
        y = self.down(F.gelu(self.up(x)))
        return self.norm2(x + F.dropout(y, p, self.training))


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.word, self.place, self.kind = nn.Embedding(VOCAB, HIDDEN), nn.Embedding(512, HIDDEN), nn.Embedding(2, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.pooler, self.head = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, LABELS)

    def forward(self, ids, mask):
        p = 0.1 if self.training else 0.0
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.word(ids) + self.place(places) + self.kind.weight[0])
        x = F.dropout(x, p, self.training)
        for layer in self.layers:
            x = layer(x, mask, p)
        return self.head(F.dropout(torch.tanh(self.pooler(x[:, 0])), p, self.training))


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.word = nn.Embedding(VOCAB, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, EMBEDDING, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * EMBEDDING, LABELS)

    def forward(self, ids, sizes):
        packed = pack_padded_sequence(self.word(ids), sizes, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, padding_value=-1e9)
        return self.head(y.max(dim=1).values)


class Batch:
    """Texts in pinned memory, padded."""

    def __init__(self, sizes):
        longest = max(sizes)
        self.sizes = torch.tensor(sizes)
        self.ids = torch.randint(1, VOCAB, (len(sizes), longest))
        self.mask = (torch.arange(longest)[None] < self.sizes[:, None])[:, None, None]
        self.labels = torch.randint(0, LABELS, (len(sizes),))
        if GPU:
            self.ids, self.mask, self.labels = (x.pin_memory() for x in (self.ids, self.mask, self.labels))

    def on_device(self):
        return (x.to(DEVICE, non_blocking=True) for x in (self.ids, self.mask, self.labels))


def batches(texts, each, longest, is_sorted):
    sizes = lengths(texts, longest)
    if is_sorted:
        sizes.sort()
    return [Batch(sizes[i : i + each]) for i in range(0, texts, each)]


def wait():
    if GPU:
        torch.cuda.synchronize()


class Clock:
    """Runs enough of a piece of work for a tenth of a second, after some that are not counted."""

    def __init__(self, work):
        self.work, self.times = work, 0

    def run(self, times):
        wait()
        start = time.perf_counter()
        for _ in range(times):
            self.work()
        wait()
        return (time.perf_counter() - start) / times

    def seconds(self):
        if DRY:
            return self.run(1)
        if self.times == 0:
            self.run(2)
            self.times = min(max(int(0.1 / self.run(2)), 2), 10000)
        self.run(1)
        return self.run(self.times)


MODELS = {}


def model(kind):
    """A model and its optimiser, made once."""
    if kind not in MODELS:
        made = kind().to(DEVICE)
        MODELS[kind] = made, torch.optim.AdamW(made.parameters(), lr=2e-5, fused=GPU)
    return MODELS[kind]


def autocast(precision):
    return torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=precision == "bf16")


def step_task(kind, each, longest, precision, is_sorted):
    net, optimiser = model(kind)
    turns = batches(BATCHES * each, each, longest, is_sorted)

    def work():
        net.train()
        for batch in turns:
            ids, mask, labels = batch.on_device()
            optimiser.zero_grad(set_to_none=True)
            with autocast(precision):
                logits = net(ids, mask if kind is Bert else batch.sizes)
            F.cross_entropy(logits.float(), labels).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()

    return work, BATCHES


def score_task(texts, each, longest, is_sorted):
    net, _ = model(Bert)
    turns = batches(texts, each, longest, is_sorted)

    @torch.inference_mode()
    def work():
        net.eval()
        with autocast("bf16"):
            logits = [net(*list(batch.on_device())[:2]) for batch in turns]
        torch.cat(logits).float().cpu()

    return work, 1


def product_task(m, n, k, weight_gradient, dtype):
    a = torch.randn((k, m) if weight_gradient else (m, k), device=DEVICE, dtype=dtype)
    b = torch.randn((k, n) if weight_gradient else (n, k), device=DEVICE, dtype=dtype)
    bias = torch.randn(n, device=DEVICE, dtype=dtype)
    if weight_gradient:
        return (lambda: torch.mm(a.t(), b)), 1
    return (lambda: F.linear(a, b, bias)), 1


def attention_task(both):
    texts, heads, n, d = (1, 1, 20, 16) if DRY else (16, 12, 512, 64)
    q, k, v, d_o = (torch.randn(texts, heads, n, d, device=DEVICE, dtype=torch.bfloat16) for _ in range(4))
    for x in (q, k, v):
        x.requires_grad_(both)

    def work():
        y = F.scaled_dot_product_attention(q, k, v)
        if both:
            q.grad = k.grad = v.grad = None
            y.backward(d_o)

    return work, 1


def tasks():
    """By name and contender: what makes the work, and how many units of it a run has."""
    tokens, h, large = (24, 16, 32) if DRY else (2048, 768, 8192)
    shapes = {
        "gemm_qkv": (tokens, 3 * h, h, False),
        "gemm_out": (tokens, h, h, False),
        "gemm_up": (tokens, 4 * h, h, False),
        "gemm_down": (tokens, h, 4 * h, False),
        "gemm_gradient": (4 * h, h, tokens, True),
        "gemm_large": (large, large, large, False),
    }
    made = {f"{name} pytorch": lambda s=s: product_task(*s, torch.bfloat16) for name, s in shapes.items()}
    made["gemm_fp32 pytorch"] = lambda: product_task(tokens, 4 * h, h, False, torch.float32)
    made["attention_forward pytorch"] = lambda: attention_task(False)
    made["attention_both pytorch"] = lambda: attention_task(True)
    for contender, is_sorted in (("pytorch", False), ("pytorch_sorted", True)):
        for each, longest in ((32, 128), (256, 32)):
            size = (2, 6) if DRY else (each, longest)
            made[f"teacher_step_{each}x{longest} {contender}"] = lambda size=size, s=is_sorted: step_task(
                Bert, *size, "bf16", s
            )
        score = (8, 4, 6) if DRY else (2048, 256, 32)
        made[f"teacher_score {contender}"] = lambda score=score, s=is_sorted: score_task(*score, s)
    for each, longest in ((64, 24), (256, 50)):
        size = (2, 6) if DRY else (each, longest)
        for precision in ("fp32", "bf16"):
            made[f"student_step_{each}x{longest}_{precision} pytorch"] = lambda size=size, p=precision: step_task(
                Student, *size, p, False
            )
    return made


def main():
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = False  # fp32 means fp32, as in Maque
    torch.backends.cudnn.allow_tf32 = False
    all_tasks, clocks = tasks(), {}
    for line in sys.stdin:
        line = line.strip()
        try:
            if line == "device":
                cudnn = torch.backends.cudnn.version() if GPU else "none"
                name = torch.cuda.get_device_name() if GPU else "CPU"
                answer = f"device\t{name}\tPyTorch {torch.__version__}, cuDNN {cudnn}"
            elif line.startswith("lengths"):
                answer = "lengths\t" + "".join(f"{x} " for x in lengths(*map(int, line.split()[1:])))
            elif line == "tasks":
                answer = "\t".join(["tasks"] + sorted(all_tasks))
            elif line not in all_tasks:
                answer = f"failed\tno such task: {line}"
            else:
                if line not in clocks:
                    work, units = all_tasks[line]()
                    clocks[line] = Clock(work), units
                clock, units = clocks[line]
                answer = f"ok\t{clock.seconds() / units:.9g}\t0"
        except Exception as failed:  # whatever it is, the other tasks go on
            answer = "failed\t" + " ".join(str(failed).split())[:300]
        print(answer, flush=True)


if __name__ == "__main__":
    main()
