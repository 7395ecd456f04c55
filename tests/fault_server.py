"""A server that gives each problem one kind of reply seen in the wild, until it is healed."""

from __future__ import annotations

import gzip
import json
import re
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

KEY = "sk-secret-0123456789"
FAILS, ANSWERS, REFUSED, TRUNCATED, EMPTY = "fails", "answers", "refused", "truncated", "empty"
"""What a kind of reply is: a failure that is asked again, an answer, a sample that is none."""


def body_of(message, finish="stop", **more):
    """A reply with one choice; a message may be a mapping or what `content` is to hold."""
    held = message if isinstance(message, dict) else {"role": "assistant", "content": message}
    choice = {"index": 0, "message": held, "finish_reason": finish}
    return {"model": "m", "choices": [choice], **more}


def chat(fate, *message, finish="stop", **more):
    """A kind of reply with status 200; without a message it holds the right text."""
    return fate, lambda text: (200, {}, body_of(message[0] if message else text, finish, **more))


def said(fate, **message):
    """A kind whose message has other fields beside the right text."""
    return fate, lambda text: (200, {}, body_of({"content": text, **message}))


def made(fate, make):
    """A kind whose body is made of the right text."""
    return fate, lambda text: (200, {}, make(text))


def status(code, message="no", **headers):
    return FAILS, lambda _: (code, {k.replace("_", "-"): v for k, v in headers.items()},
                             {"error": {"message": message, "code": code}})  # fmt: skip


def raw(body, code=200, **headers):
    return FAILS, lambda _: (code, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def act(name):
    """A kind that is no reply at all: see `Handler.act`."""
    return FAILS, lambda _: name


def redirect(code, where, fate=FAILS):
    return fate, lambda _: (code, {"location": where}, b"")


def part(kind, **more):
    return {"type": kind, **more}


def without(name):
    def make(text):
        body = body_of(text)
        choice = body["choices"][0]
        (choice if name in choice else choice["message"]).pop(name)
        return body

    return FAILS, lambda text: (200, {}, make(text))


def choices(fate, make):
    return fate, lambda text: (200, {}, {"choices": make(text)})


def numbered(text, *indices):
    return [
        {"index": i, "message": {"content": text if i == 0 else "\\boxed{0.123}"},
         "finish_reason": "stop"}
        for i in indices
    ]  # fmt: skip


def sent(fate, change, **headers):
    """A kind whose bytes are made of those of the right reply."""
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return fate, lambda text: (200, named, change(json.dumps(body_of(text)).encode()))


def choice(fate, **more):
    """A kind whose choice has other fields; None for one that it lacks."""

    def make(text):
        held = {**numbered(text, 0)[0], **more}
        return [{name: value for name, value in held.items() if value is not None}]

    return choices(fate, make)


CALL = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
ELSEWHERE = "/elsewhere/chat/completions"
# fmt: off
KINDS = {
    # statuses
    **{f"status {code}": status(code) for code in
       (400, 402, 404, 408, 409, 413, 418, 422, 425, 429, 500, 501, 502, 503, 504, 529)},
    "429 retry-after":        status(429, "slow down", retry_after="0"),
    "429 retry-after date":   status(429, "slow down", retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429 retry-after a day":  status(429, "slow down", retry_after="86400"),
    "429 retry-after odd":    status(429, "slow down", retry_after="soon"),
    "429 quota":              status(429, "insufficient_quota"),
    "401 once in a while":    status(401, f"bad key {KEY}"),
    "403 once in a while":    status(403, f"key {KEY} may not"),
    "context":                status(400, "maximum context length is 4096 tokens"),
    "key in error":           status(500, f"cannot forward Bearer {KEY}"),
    "key in url":             status(500, f"at /v1?key={KEY}&model=m"),
    "html with 502":          raw(b"<html>Bad Gateway</html>", 502),
    # connections
    "hang":                   act("hang"),
    "drip":                   act("drip"),
    "cut before":             act("cut before"),
    "cut in headers":         act("cut in headers"),
    "cut in body":            act("cut in body"),
    "cut between chunks":     act("cut between chunks"),
    "not http":               act("not http"),
    # bodies
    "broken json":            raw(b'{"choices": [{"message"'),
    "html with 200":          raw(b"<html>Sign in</html>"),
    "null":                   raw(b"null"),
    "number":                 raw(b"42"),
    "list":                   raw(b"[]"),
    "empty body":             raw(b""),
    "204":                    raw(b"", 204),
    "not utf-8":              raw(b'{"choices": "\xff\xfe"}'),
    "deep":                   raw(b"[" * 100_000),
    "gzip broken":            raw(b"\x1f\x8bnothing", content_encoding="gzip"),
    "event stream":           raw(b'data: {"choices": []}\n\ndata: [DONE]\n\n'),
    "error in 200":           made(FAILS, lambda _: {"error": {"message": f"full: {KEY}"}}),
    "error text in 200":      made(FAILS, lambda text: {**body_of(text), "error": "overloaded"}),
    "error object in 200":    made(FAILS, lambda _: {"object": "error", "message": "full"}),
    # redirects
    "302 loses the post":     redirect(302, ELSEWHERE),
    "303 loses the post":     redirect(303, ELSEWHERE),
    "307 elsewhere":          redirect(307, ELSEWHERE, ANSWERS),
    "308 elsewhere":          redirect(308, ELSEWHERE, ANSWERS),
    "307 in a circle":        redirect(307, "/v1/chat/completions"),
    "302 nowhere":            redirect(302, "http://127.0.0.1:1/"),
    # choices
    "choices null":           choices(FAILS, lambda _: None),
    "choices empty":          choices(FAILS, lambda _: []),
    "choices of texts":       choices(FAILS, lambda text: [text]),
    "no message":             choices(FAILS, lambda _: [{"index": 0, "finish_reason": "stop"}]),
    "only choice 1":          choices(FAILS, lambda text: numbered(text, 1)),
    "choices out of order":   choices(ANSWERS, lambda text: numbered(text, 1, 0)),
    "more choices":           choices(ANSWERS, lambda text: numbered(text, 0, 1, 2)),
    # content
    "content null":           chat(FAILS, None),
    "content missing":        without("content"),
    "content number":         chat(FAILS, 42),
    "content object":         chat(FAILS, {"content": {"text": "42"}}),
    "content parts":          made(ANSWERS, lambda t: body_of([part("text", text=t)])),
    "content thinking part":  made(ANSWERS, lambda t: body_of([part("thinking", thinking="hm"),
                                                               part("text", text=t)])),
    "content unknown part":   made(FAILS, lambda t: body_of([part("text", text=t), part("image")])),
    "content empty":          chat(EMPTY, ""),
    "content spaces":         chat(EMPTY, " \n"),
    "content empty, length":  chat(TRUNCATED, "", finish="length"),
    "tool call":              chat(FAILS, {"tool_calls": CALL}, finish="tool_calls"),
    "tool call and text":     said(FAILS, tool_calls=CALL),
    "refusal":                chat(REFUSED, {"content": None, "refusal": "I cannot."}),
    "refusal part":           chat(REFUSED, [part("refusal", refusal="I cannot.")]),
    "content_filter":         chat(REFUSED, finish="content_filter"),
    "content_filter, null":   chat(REFUSED, None, finish="content_filter"),
    "SAFETY":                 chat(REFUSED, finish="SAFETY"),
    # finish reasons
    "finish missing":         without("finish_reason"),
    **{f"finish {reason}": chat(FAILS, finish=reason) for reason in
       (None, "", "error", "abort", "insufficient_system_resource", "tool_calls", "load", 7)},
    **{f"finish {reason}": chat(ANSWERS, finish=reason) for reason in
       ("eos", "end_turn", "stop_sequence", "COMPLETE", "MAX_TOKENS", "model_length")},
    # reasoning
    "reasoning_content":      said(ANSWERS, reasoning_content="hm"),
    "reasoning":              said(ANSWERS, reasoning="hm"),
    "reasoning_details":      said(ANSWERS, reasoning_details=[part("reasoning.text", text="hm")]),
    "only reasoning, stop":   chat(TRUNCATED, {"content": None, "reasoning": "\\boxed{1}"}),
    "only reasoning, length": chat(TRUNCATED, {"reasoning_content": "hm"}, finish="length"),
    # usage
    **{f"usage {usage}": chat(ANSWERS, usage=usage) for usage in
       (None, [], "many", {"completion_tokens": "9"}, {"completion_tokens": True},
        {"completion_tokens": -1}, {"completion_tokens": 1e9}, {"completion_tokens": 10**30})},
    # what gateways do
    **{f"status {code}": status(code) for code in
       (300, 304, 407, 421, 423, 451, 498, 511, 520, 999)},
    "202 accepted":           raw(b'{"id": "job-1", "status": "queued"}', 202),
    "201 with an answer":     (ANSWERS, lambda text: (201, {}, body_of(text))),
    "answer as html":         (ANSWERS, lambda text: (200, {"content-type": "text/html"},
                                                      body_of(text))),
    "307 without location":   (FAILS, lambda _: (307, {}, b"")),
    "307 to another scheme":  redirect(307, "ftp://127.0.0.1/v1/chat/completions"),
    "301 loses the post":     redirect(301, ELSEWHERE),
    "retry-after -5":         status(503, retry_after="-5"),
    "retry-after nan":        status(503, retry_after="nan"),
    "retry-after-ms":         status(429, retry_after_ms="1"),
    "utf-16":                 sent(FAILS, lambda b: b.decode().encode("utf-16")),
    "byte order mark":        sent(ANSWERS, lambda b: b"\xef\xbb\xbf" + b),
    "blanks before":          sent(ANSWERS, lambda b: b" \n" * 999 + b),
    "two objects":            sent(FAILS, lambda b: b + b),
    "a huge number":          sent(FAILS, lambda _: b'{"created": ' + b"9" * 9999 + b"}"),
    "gzip":                   sent(ANSWERS, gzip.compress, content_encoding="gzip"),
    "encoding unknown":       sent(FAILS, lambda _: b"\0\1", content_encoding="gzip, x"),
    "long headers":           sent(FAILS, lambda b: b, x_trace="a" * 300_000),
    "reply in a list":        made(FAILS, lambda text: [body_of(text)]),
    "reply in result":        made(FAILS, lambda text: {"result": body_of(text)}),
    "detail in 200":          made(FAILS, lambda _: {"detail": "not ready"}),
    "error true":             made(FAILS, lambda text: {**body_of(text), "error": True}),
    "error null":             made(ANSWERS, lambda text: {**body_of(text), "error": None}),
    "another model":          made(FAILS, lambda text: {**body_of(text), "model": "smaller"}),
    "model null":             made(ANSWERS, lambda text: {**body_of(text), "model": None}),
    "choices an object":      choices(FAILS, lambda text: {"0": numbered(text, 0)[0]}),
    "error in choice":        choice(FAILS, error={"code": 502}),
    "index a text":           choice(FAILS, index="1"),
    "index true":             choice(FAILS, index=True),
    "no index":               choice(ANSWERS, index=None),
    "content []":             chat(FAILS, []),
    "content of texts":       made(FAILS, lambda t: body_of([t])),
    "part without text":      chat(FAILS, [part("text")]),
    "part with an object":    made(FAILS, lambda t: body_of([part("text", text={"value": t})])),
    "refusal empty":          said(ANSWERS, refusal=""),
    "tool calls []":          said(ANSWERS, tool_calls=[]),
    "function call":          said(FAILS, function_call={"name": "f", "arguments": "{}"}),
    "reasoning a number":     said(ANSWERS, reasoning_content=7),
    "reasoning an object":    said(ANSWERS, reasoning={"text": "hm"}),
    "finish object":          chat(FAILS, finish={"type": "stop"}),
    "finish list":            chat(FAILS, finish=["stop"]),
    "finish with blanks":     chat(ANSWERS, finish=" STOP\n"),
    "finish 429":             chat(FAILS, finish="rate_limited"),
    # texts
    **{f"text with {name}": made(ANSWERS, lambda t, more=more: body_of(more + t)) for name, more in
       {"half a character": "\ud800 ", "NUL": "\0 ", "U+2028": "\u2028 ",
        "10 MB": "so " * 3_500_000}.items()},
}
# fmt: on


def event(**choice):
    """A piece of an answer, as a server sends it."""
    whole = {"model": "m", "choices": [{"index": 0, "finish_reason": None, **choice}]}
    return b"data: " + json.dumps(whole).encode() + b"\n\n"


def pieces(text, finish="stop", name="content"):
    """The events of a whole answer, a word each."""
    for word in re.findall(r"\S+\s*", text):
        yield event(delta={name: word})
    yield event(delta={}, finish_reason=finish)


def stalls(text, seconds):
    first, *others = pieces(text)
    return [first, seconds, *others, DONE]


USAGE = b'data: {"choices": [], "usage": {"completion_tokens": 9}}\n\n'
DONE, PING = b"data: [DONE]\n\n", b": ping\n\n"
# fmt: off
STREAMS = {
    # what is sent, and how many patiences the server waits; whole answers and others
    "stream":              (ANSWERS, lambda t: [*pieces(t), USAGE, DONE]),
    "no done":             (ANSWERS, pieces),
    "in one go":           (ANSWERS, lambda t: [b"".join(pieces(t)) + DONE]),
    "torn":                (ANSWERS, lambda t: [bytes([b]) for b in b"".join(pieces(t)) + DONE]),
    "crlf":                (ANSWERS, lambda t: [b"".join(pieces(t)).replace(b"\n", b"\r\n")]),
    "comments":            (ANSWERS, lambda t: [PING, 0.2, PING, *pieces(t), DONE]),
    "a long queue":        (ANSWERS, lambda t: [0.4, *pieces(t), DONE]),
    "streamed thought":    (ANSWERS, lambda t: [*list(pieces("so hm", name="reasoning"))[:-1],
                                                *pieces(t), DONE]),
    "no space":            (ANSWERS, lambda t: [b"".join(pieces(t)).replace(b"data: ", b"data:")]),
    "other choices":       (ANSWERS, lambda t: [event(index=1, delta={}), *pieces(t)]),
    "whole all the same":  (ANSWERS, lambda t: [json.dumps(body_of(t)).encode()]),
    "stall":               (FAILS, lambda t: stalls(t, 0.8)),
    "stall with comments": (FAILS, lambda t: [next(pieces(t)), *[PING, 0.1] * 8, *pieces(t)]),
    "cut stream":          (FAILS, lambda t: list(pieces(t))[:-1]),
    "done too early":      (FAILS, lambda t: [*list(pieces(t))[:-1], DONE]),
    "error event":         (FAILS, lambda t: [next(pieces(t)),
                                              b'data: {"error": {"message": "full"}}\n\n']),
    "broken event":        (FAILS, lambda t: [b'data: {"choices": [\n\n', *pieces(t)]),
    "an event of a text":  (FAILS, lambda t: [b'data: "so"\n\n', *pieces(t)]),
    "no pieces":           (FAILS, lambda t: [DONE]),
    "empty stream":        (FAILS, lambda t: []),
    "tool call stream":    (FAILS, lambda t: [event(delta={"tool_calls": CALL}), *pieces(t)]),
}
# fmt: on


def right_text(prompt: str) -> str:
    """The text of the undisturbed server: right for some problems, wrong for others."""
    numbers = [int(number) for number in re.findall(r"\d+", prompt)]
    return f"It is \\boxed{{{sum(numbers[:2])}}}."


class FaultServer(ThreadingHTTPServer):
    """Replies by `kinds`, which maps a piece of a prompt to the name of a kind."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.kinds = {}
        self.every = None
        """The name of a kind for every request, probes included."""
        self.asked = []
        self.lock = Lock()
        self.listed = {"id": "m"}
        """What the list of models states."""
        self.patience = 1.5
        """Seconds of a hang, longer than any client here waits."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def heal(self):
        self.kinds, self.every, self.asked = {}, None, []

    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        # A question that a redirect turned into a GET gets an answer that is another's.
        models = {"data": [self.server.listed]}
        self.reply(200, {}, models if "models" in self.path else body_of("\\boxed{0.123}"))

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "completions" not in self.path and self.path != ELSEWHERE:
            self.reply(404, {}, {"error": "no such route"})
            return
        prompt = asked["messages"][-1]["content"]
        server, text = self.server, right_text(prompt)
        with server.lock:
            server.asked.append(prompt)
        kind = server.every or next(
            (k for piece, k in server.kinds.items() if piece in prompt), None
        )
        if kind is None and asked.get("stream"):
            self.stream(STREAMS["stream"], text)
            return
        if kind is None or self.path == ELSEWHERE:
            self.reply(200, {}, body_of(text))
            return
        if kind in STREAMS:
            with suppress(OSError):
                self.stream(STREAMS[kind], text)
            return
        reply = KINDS[kind][1](text)
        with suppress(OSError):
            self.act(reply) if isinstance(reply, str) else self.reply(*reply)

    def stream(self, kind, text):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        for sent in kind[1](text):
            if isinstance(sent, bytes):
                self.wfile.write(sent)
            else:
                time.sleep(sent * self.server.patience)

    def act(self, name):
        self.close_connection = True
        whole = json.dumps(body_of("\\boxed{0.123}")).encode()
        if name == "hang":
            time.sleep(self.server.patience)
        elif name == "not http":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        elif name == "cut in headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-ty")
        elif name == "cut in body":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + whole)
        elif name == "cut between chunks":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            self.wfile.write(f"{len(whole):x}\r\n".encode() + whole + b"\r\n")
        elif name == "drip":
            self.wfile.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(whole)}\r\n\r\n".encode())
            for byte in whole[:60]:
                self.wfile.write(bytes([byte]))
                time.sleep(self.server.patience / 30)

    def reply(self, code, headers, body):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        usual = {"content-type": "application/json", "content-length": str(len(content))}
        for name, value in {**usual, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Keep the tests' output clean."""
