#!/usr/bin/env python3
"""llama.cpp as the peer on the same weights. llama_peer.py speed GGUF [threads [rounds]] -> prefill and decode tokens/s; llama_peer.py loss GGUF HFDIR TEXT -> log-loss as formats/eval.md."""
import sys, time, json, numpy as np, llama_cpp as lc
from llama_cpp import Llama
cmd, g = sys.argv[1:3]
def decode(ctx, toks, pos, logits_all):
    b = lc.llama_batch_init(max(len(toks), 1), 0, 1); b.n_tokens = len(toks)
    for i, t in enumerate(toks):
        b.token[i] = t; b.pos[i] = pos + i; b.n_seq_id[i] = 1; b.seq_id[i][0] = 0; b.logits[i] = 1 if logits_all or i == len(toks) - 1 else 0
    r = lc.llama_decode(ctx, b); lc.llama_batch_free(b); assert r == 0, r
if cmd == "speed":
    th = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    m = Llama(g, n_ctx=1024, n_batch=512, n_ubatch=512, n_threads=th, n_threads_batch=th, verbose=False); ctx = m._ctx.ctx; V = m.n_vocab(); R = np.random.default_rng(0)
    pre, dec, pre_cpu, dec_cpu = [], [], [], []; cpu = time.process_time
    for r in range(int(sys.argv[4]) if len(sys.argv) > 4 else 5):
        lc.llama_memory_clear(lc.llama_get_memory(ctx), True); toks = [int(x) for x in R.integers(10, V, 512)]
        t = time.perf_counter(); c = cpu(); decode(ctx, toks, 0, False); pre.append(512 / (time.perf_counter() - t)); pre_cpu.append(512 / (cpu() - c)); n = 64
        lc.llama_memory_clear(lc.llama_get_memory(ctx), True); decode(ctx, toks[:16], 0, False); t = time.perf_counter(); c = cpu()
        for i in range(n): decode(ctx, [toks[i]], 16 + i, False)
        dec.append(n / (time.perf_counter() - t)); dec_cpu.append(n / (cpu() - c))
    print(json.dumps(dict(threads=th, prefill_512_tok_s=round(float(np.median(pre)), 1), decode_tok_s=round(float(np.median(dec)), 1), prefill_512_best=round(max(pre), 1), decode_best=round(max(dec), 1), prefill_512_tok_cpu_s=round(float(np.median(pre_cpu)), 1), decode_tok_cpu_s=round(float(np.median(dec_cpu)), 1))))
else:
    from tokenizers import Tokenizer
    tok = Tokenizer.from_file(sys.argv[3] + "/tokenizer.json"); ids = tok.encode(open(sys.argv[4], encoding="utf-8", newline="").read(), add_special_tokens=False).ids
    m = Llama(g, n_ctx=512, n_batch=512, n_ubatch=512, n_threads=2, logits_all=True, verbose=False); ctx = m._ctx.ctx; V = m.n_vocab(); loss = hit = n = 0
    mine = m.tokenize(open(sys.argv[4], "rb").read(), add_bos=False, special=False); same = mine == ids
    for a in range(0, len(ids), 512):
        w = ids[a:a + 512]
        if len(w) < 2: continue
        lc.llama_memory_clear(lc.llama_get_memory(ctx), True); decode(ctx, w, 0, True)
        z = np.ctypeslib.as_array(lc.llama_get_logits(ctx), (len(w), V))[:-1].astype(np.float64); y = np.array(w[1:]); mx = z.max(1); ls = mx + np.log(np.exp(z - mx[:, None]).sum(1))
        loss += (ls - z[np.arange(len(y)), y]).sum(); hit += (z.argmax(1) == y).sum(); n += len(y)
    print(json.dumps(dict(tokens=len(ids), same_tokenization=same, predicted=n, log_loss_nats=round(loss / n, 5), next_token_accuracy=round(hit / n, 5), perplexity=round(float(np.exp(loss / n)), 4))))
