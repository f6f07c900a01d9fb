"""What one worker of the service takes on; beyond it, it refuses instead of breaking."""

#: Rows of one batch.
MAX_BATCH_ROWS = 10_000
#: Bytes of a body of one row, and of any other body.
MAX_ROW_BYTES = 250_000
MAX_BODY_BYTES = 2_000_000
#: Bytes of all bodies that a worker holds at once.
MAX_HELD_BYTES = 16_000_000
#: Seconds until a body must have come, and until a request must be answered.
BODY_SECONDS = 10.0
ANSWER_SECONDS = 30.0
#: Bytes and fields of a header, and bytes that a chunk of a body has beside its own.
MAX_HEADER_BYTES = 65_536
MAX_HEADER_FIELDS = 256
MAX_CHUNK_HEADER_BYTES = 16
#: Requests that a connection may send before the first of them is answered.
MAX_PIPELINED = 32
#: Bytes of a body from which on no more is read until they were taken.
MAX_UNREAD_BYTES = 65_536
#: Seconds until a new connection, or one that asks again, must have sent a whole header.
HEAD_SECONDS = 10.0
#: Connections that a worker holds at once; fewer where it may not open so many files.
MAX_CONNECTIONS = 1_000
#: Connections accepted in one turn of the loop.
ACCEPTED_AT_ONCE = 64
#: Files kept for connections on their way in or out, those of three turns: accepted, taken in,
#: and closing since others took their place; and for bundles, metrics and logs. Where no file is
#: left, asyncio accepts nobody for a second.
RESERVED_FILES = 3 * ACCEPTED_AT_ONCE + 96
#: Connections that wait to be accepted.
BACKLOG = 2_048
#: Bytes of unfinished headers, of all connections.
MAX_HEAD_BYTES = 8_000_000
#: Bytes of answers that clients are slow to take, of all connections, and seconds for one.
MAX_UNSENT_BYTES = 16_000_000
UNSENT_SECONDS = 30.0
#: Requests whose bodies are still coming; they are no more than that in flight.
MAX_READING = 256
#: Seconds that a worker which ends waits for requests of connections that are open and idle.
LINGER_SECONDS = 2.0
#: Seconds after which a worker that ends is killed, whatever it has not finished.
END_SECONDS = 75.0
#: What is read on after a refusal, at most: else a client that still sends misses the answer.
MAX_DRAINED_BYTES = 64_000_000
DRAIN_SECONDS = 2.0
#: Requests that a worker answers at once, probes aside.
MAX_IN_FLIGHT = 256
#: Batches that a worker computes at once, and lets wait for that.
MAX_BATCHES_COMPUTED = 2
MAX_BATCHES_WAITING = 14
#: Problems that an error answer lists, and characters of each, and of its message.
MAX_PROBLEMS = 100
MAX_PROBLEM_TEXT = 300
MAX_MESSAGE = 1_000
#: Characters of a request id that is taken over from a client.
MAX_REQUEST_ID = 128
#: After how many seconds a client that was refused for want of room should ask again.
RETRY_SECONDS = 1
