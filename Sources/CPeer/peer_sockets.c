/* ppoll and eventfd, see the header. */
#define _GNU_SOURCE
#include "peer_sockets.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

int ps_wait(int fd, int wanted, int alarm, int64_t nanoseconds) {
  struct pollfd entries[2] = {{.fd = fd, .events = POLLRDHUP}, {.fd = alarm, .events = POLLIN}};
  if (wanted & PS_READABLE) entries[0].events |= POLLIN;
  if (wanted & PS_WRITABLE) entries[0].events |= POLLOUT;
  if (nanoseconds < 0) nanoseconds = 0;
  struct timespec limit = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
  if (ppoll(entries, alarm >= 0 ? 2 : 1, &limit, 0) <= 0) return 0;
  int ready = 0;
  if (entries[0].revents & POLLIN) ready |= PS_READABLE;
  if (entries[0].revents & POLLOUT) ready |= PS_WRITABLE;
  if (entries[0].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) ready |= PS_HUNG_UP;
  if (alarm >= 0 && entries[1].revents) ready |= PS_ALARM;
  return ready;
}

int ps_alarm_make(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
void ps_alarm_ring(int alarm) { eventfd_write(alarm, 1); }
void ps_alarm_silence(int alarm) {
  eventfd_t count;
  eventfd_read(alarm, &count);
}
