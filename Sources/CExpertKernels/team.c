/* A team of threads that work on one thing at a time.
 *
 * A run has one slot per member. A member works on its slot after claiming it; the caller, when its own slot is done,
 * claims and works every slot that nobody has claimed. So a helper that sleeps, or that the hypervisor has taken off
 * its processor, delays a run only while it is in the middle of its slot, never because it has not started. */
#define _GNU_SOURCE
#include "expert_kernels.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How long to spin before sleeping: longer than the gap between two kernels of a layer, short enough not to starve
 * others on a shared processor. */
#define SPIN_NANOSECONDS 20000
#define PAUSES_BETWEEN_CLOCKS 16

/* A cache line of its own, so that claims do not disturb one another. */
typedef struct slot {
  _Alignas(64) _Atomic uint64_t claimed; /* the last run in which the slot was claimed */
  pthread_t thread;
  ek_team *team;
} slot;

struct ek_team {
  _Alignas(64) _Atomic uint32_t wake; /* futex of the helpers: the run's number, its low half */
  _Atomic uint64_t run;               /* rises by one a run, before `wake` */
  _Atomic uint32_t asleep;            /* helpers in, or about to enter, their futex */
  _Atomic bool stop;
  _Alignas(64) _Atomic uint32_t pending; /* futex of the caller: slots of this run that are not done */
  _Atomic uint32_t caller_waits;
  ek_work fn;
  void *context;
  size_t threads;
  slot slots[];
};

static void futex_wait(_Atomic uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0); }

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Spins until `word` differs from `value` (or equals it when `until` is set); false when the time is over. */
static bool spin(_Atomic uint32_t *word, uint32_t value, bool until) {
  const uint64_t start = nanoseconds();
  do {
    for (int i = 0; i < PAUSES_BETWEEN_CLOCKS; i++) {
      if ((atomic_load_explicit(word, memory_order_acquire) == value) == until) return true;
      pause_briefly();
    }
  } while (nanoseconds() - start < SPIN_NANOSECONDS);
  return false;
}

/* Works on a slot unless somebody else has claimed it for this run. The claim comes before fn is read: a run whose slot
 * is claimed and not done cannot end, so fn and context stay what they are. */
static bool work(ek_team *team, size_t index, uint64_t run) {
  uint64_t previous = run - 1;
  if (!atomic_compare_exchange_strong(&team->slots[index].claimed, &previous, run)) return false;
  team->fn(team->context, index, team->threads);
  return true;
}

static void finish(ek_team *team) {
  if (atomic_fetch_sub(&team->pending, 1) == 1 && atomic_load(&team->caller_waits)) futex_wake(&team->pending);
}

/* Returns when a run after `seen` has begun, or the team stops. */
static void await_run(ek_team *team, uint32_t seen) {
  if (spin(&team->wake, seen, false)) return;
  atomic_fetch_add(&team->asleep, 1);
  while (atomic_load(&team->wake) == seen) futex_wait(&team->wake, seen);
  atomic_fetch_sub(&team->asleep, 1);
}

static void *help(void *argument) {
  slot *const mine = argument;
  ek_team *const team = mine->team;
  const size_t index = (size_t)(mine - team->slots);
  uint32_t seen = 0;
  for (;;) {
    await_run(team, seen);
    if (atomic_load(&team->stop)) return NULL;
    seen = atomic_load(&team->wake);
    if (work(team, index, atomic_load(&team->run))) finish(team);
  }
}

static void begin(ek_team *team) {
  atomic_fetch_add(&team->run, 1);
  atomic_fetch_add(&team->wake, 1);
  if (atomic_load(&team->asleep)) futex_wake(&team->wake);
}

void ek_team_run(ek_team *team, ek_work fn, void *context) {
  if (team->threads == 1) {
    fn(context, 0, 1);
    return;
  }
  team->fn = fn;
  team->context = context;
  atomic_store(&team->pending, (uint32_t)team->threads - 1);
  begin(team);
  fn(context, 0, team->threads);
  const uint64_t run = atomic_load(&team->run);
  for (size_t i = 1; i < team->threads; i++) {
    if (work(team, i, run)) atomic_fetch_sub(&team->pending, 1);
  }
  if (spin(&team->pending, 0, true)) return;
  atomic_store(&team->caller_waits, 1);
  for (uint32_t left = atomic_load(&team->pending); left; left = atomic_load(&team->pending)) {
    futex_wait(&team->pending, left);
  }
  atomic_store(&team->caller_waits, 0);
}

size_t ek_team_threads(const ek_team *team) { return team->threads; }

/* Ends and joins the helpers 1 ..< count. */
static void end_helpers(ek_team *team, size_t count) {
  atomic_store(&team->stop, true);
  atomic_fetch_add(&team->wake, 1);
  futex_wake(&team->wake);
  for (size_t i = 1; i < count; i++) pthread_join(team->slots[i].thread, NULL);
}

ek_team *ek_team_make(size_t threads) {
  if (threads == 0 || threads > 1024) return NULL;
  const size_t bytes = sizeof(ek_team) + threads * sizeof(slot);
  ek_team *team = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!team) return NULL;
  *team = (ek_team){.threads = threads};
  for (size_t i = 0; i < threads; i++) team->slots[i] = (slot){.team = team};
  for (size_t i = 1; i < threads; i++) {
    if (pthread_create(&team->slots[i].thread, NULL, help, &team->slots[i]) != 0) {
      end_helpers(team, i);
      free(team);
      return NULL;
    }
  }
  return team;
}

void ek_team_destroy(ek_team *team) {
  if (!team) return;
  end_helpers(team, team->threads);
  free(team);
}
