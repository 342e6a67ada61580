// What the line-rate bench needs of DPDK beside the engine's own shim: a sender into a virtio queue,
// and a receiver that does nothing. Crossed once a burst.
#ifndef LINERATE_H
#define LINERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// As many as virtio's vector receive gives new buffers for in one call: a receiver that asks for 64 at a
// time runs its ring dry, and then gets no more than this either.
#define LINERATE_BURST 32
#define LINERATE_ERROR_MAX 256
// The longest frame that is sent, without its checksum, with two VLAN tags.
#define LINERATE_LONGEST_FRAME 1522
// Bytes of a frame that the writer of made flows sets; beyond them a frame is what the receiver's buffer was at
// the start: zero.
#define LINERATE_FRONT_BYTES 80

struct linerate_sender;

// The burst being made: where each frame's bytes go, in the receiver's own buffers, and how long it
// is (at most LINERATE_LONGEST_FRAME).
struct linerate_burst {
  uint8_t *frames[LINERATE_BURST];
  uint16_t lengths[LINERATE_BURST];
};

// Serves a vhost socket; NULL with a sentence in `error`. One in a process.
struct linerate_sender *linerate_sender_create(const char *socket_path,
                                               char error[LINERATE_ERROR_MAX]);
// Whether a receiver is there and its ring is up; then, and again after another one came, the
// sender is ready.
bool linerate_sender_connect(struct linerate_sender *sender);
struct linerate_burst *linerate_sender_burst(struct linerate_sender *sender);
// LINERATE_BURST where the receiver has buffers for a whole burst, whose frames are then to be
// written and committed; 0 where its ring is full or it is gone.
uint32_t linerate_sender_reserve(struct linerate_sender *sender);
// Hands the burst over.
void linerate_sender_commit(struct linerate_sender *sender);
// Hands its first `count` frames over; the others' buffers are the next burst's.
void linerate_sender_commit_some(struct linerate_sender *sender, uint32_t count);
void linerate_sender_close(struct linerate_sender *sender);

struct linerate_replay;

// The frames of a capture in memory, played from the first to the last again and again. Pass n, from 1 on,
// has its own addresses, and checksums that are as right or wrong as they were
// (bench/compare/readdress.h). NULL where there is no memory for `bytes` of frames.
struct linerate_replay *linerate_replay_create(uint64_t bytes, uint32_t frames);
// Adds a frame of at most LINERATE_LONGEST_FRAME bytes; false where there is no room.
bool linerate_replay_add(struct linerate_replay *replay, const uint8_t *frame, uint32_t length);
// Writes a frame as pass `pass` has it to where it lies.
void linerate_readdress(uint8_t *frame, uint32_t length, uint32_t pass);
// How many passes have addresses of their own; pass 0 has the capture's.
uint32_t linerate_passes(void);
// Whether the frame has IP whose addresses are the same in each pass, as they may not change: loopback to
// loopback, none to broadcast.
bool linerate_is_fixed(const uint8_t *frame, uint32_t length);
// The next `count` frames into the burst; their bytes.
uint64_t linerate_replay_fill(struct linerate_replay *replay, struct linerate_burst *burst,
                              uint32_t count);
// The next frame to `room`, of LINERATE_LONGEST_FRAME bytes; its length.
uint32_t linerate_replay_next(struct linerate_replay *replay, uint8_t *room);
// Passes over the next `count` frames; their bytes.
uint64_t linerate_replay_skip(struct linerate_replay *replay, uint32_t count);
// Of the frames, those whose addresses are changed the short way.
uint32_t linerate_replay_plain(const struct linerate_replay *replay);
void linerate_replay_destroy(struct linerate_replay *replay);

// Has the kernel end this thread's naps on time rather than when it suits it: 50 us of slack are 744
// of the smallest frames at 10 GbE.
void linerate_wake_promptly(void);

// Receives a burst from queue 0 and frees it; how many packets it had. With `sum` the first eight bytes
// of each are read, and added up there, so that every packet's first line comes to this core.
uint32_t linerate_receive_and_free(uint16_t port, uint64_t *sum);

// memmem(3), which Swift's module of the C library leaves out.
const void *linerate_find(const void *bytes, size_t count, const void *key, size_t key_count);

// Sends a cache line from one core to another and back, `rounds` times; false where there is no
// thread to be had.
bool linerate_exchange(unsigned first, unsigned second, uint32_t rounds);

#endif
