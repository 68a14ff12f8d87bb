/* The waits of SiftCluster that Swift's Glibc module does not offer: ppoll(2) with nanoseconds and POLLRDHUP, eventfd(2). */
#pragma once
#include <stdint.h>

enum { PS_READABLE = 1, PS_WRITABLE = 2, PS_HUNG_UP = 4, PS_ALARM = 8 };

/* Waits until something of `wanted` (PS_READABLE | PS_WRITABLE), a hang-up of `fd`, or `alarm` is there, at most for
 * `nanoseconds`. A negative descriptor is left out. Returns what is there, 0 when nothing is (or a signal came). */
int ps_wait(int fd, int wanted, int alarm, int64_t nanoseconds);

/* An eventfd that does not block; negative when there is none. */
int ps_alarm_make(void);
void ps_alarm_ring(int alarm);
void ps_alarm_silence(int alarm);
